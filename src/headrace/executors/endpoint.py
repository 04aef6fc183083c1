"""An endpoint of an executor as a record: all about its handler that can be known before it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.documents import BaseDoc, Document
from headrace.documents.schema import schema_of
from headrace.errors import ExecutorError
from headrace.executors import hints, location
from headrace.executors.decorator import Declaration
from headrace.executors.parameters import json_schema
from headrace.pipeline.describe import EndpointInfo, Kind
from headrace.spec.batching import BatchingSpec
from headrace.spec.suggest import did_you_mean

ARGUMENTS = ('docs', 'doc', 'parameters', 'docs_matrix', 'docs_map', 'context', 'tracing_context')
"""What a handler may ask for, by name."""

_NONE = inspect.Parameter('docs', inspect.Parameter.KEYWORD_ONLY)

_ON_REQUEST = {'docs_matrix', 'docs_map'}
"""What a handler has to name: for `**kwargs` alone the inputs of a join are not decoded a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint: its name, the method that answers, and how to call it.

    `kind` is 'docs' (one call per batch), 'doc' (one call per document) or 'stream' (a generator). A
    document type of None means: whatever comes. `takes` has the arguments to pass, `declares_response` says
    whether the response type was written down (and is checked) or assumed to be the request's. `batching`
    says how requests become batches (None: each is one), `custom_metric` what a document counts there.
    """

    name: str
    method: str
    kind: Kind
    is_async: bool
    takes: frozenset[str]
    request_type: type[BaseDoc] | None = None
    response_type: type[BaseDoc] | None = None
    declares_response: bool = False
    parameters_type: type[Any] | None = None
    parameters_optional: bool = False
    location: str = field(default='', compare=False)
    doc: str = ''
    idempotent: bool = True
    all_shards: bool = False
    batching: BatchingSpec | None = None
    custom_metric: Callable[[Any], float] | None = field(default=None, compare=False)

    def describe(self) -> EndpointInfo:
        """The endpoint as plain data, for other processes, OpenAPI and the check of a Flow's edges."""
        return EndpointInfo(
            name=self.name,
            kind=self.kind,
            input=schema_of(self.request_type or Document),
            output=schema_of(self.response_type or Document),
            parameters=json_schema(self.parameters_type),
            doc=self.doc,
            batching=self.batching.settled() if self.is_batched and self.batching else None,
            idempotent=self.idempotent,
            all_shards=self.all_shards,
            reads_inputs=not self.takes.isdisjoint(_ON_REQUEST),
            takes_each='doc' in self.takes,
        )

    @property
    def is_batched(self) -> bool:
        """Whether requests of several callers go to the handler together."""
        return self.batching is not None and self.batching.use_dynamic_batching is not False


def endpoint_of(
    name: str, function: Callable[..., Any], declaration: Declaration, *, method: str, owner: str
) -> Endpoint:
    """The record of `function` as the handler of the endpoint `name`.

    Raises ExecutorError that names the class, the method and its line for a signature or annotation
    that cannot be served.
    """
    place = location.of_function(function)
    try:
        takes, named = _arguments(function)
        written = hints.evaluated(function, named | {'return'})
        given = hints.iterated(written.get('return'))
        kind: Kind = 'doc' if 'doc' in takes else 'docs'
        if given or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            kind = 'stream'
        request, response, declared = _types(kind, 'doc' in takes, written, declaration)
        parameters, optional = hints.parameters_type(written.get('parameters'))
    except ExecutorError as error:
        raise ExecutorError(
            f'{owner}.{method} ({place}): {error.message}', help=error.help
        ) from error.__cause__
    return Endpoint(
        name=name,
        method=method,
        kind=kind,
        is_async=given == 'async'
        or inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function),
        takes=takes,
        request_type=request,
        response_type=response,
        declares_response=declared,
        parameters_type=parameters,
        parameters_optional=optional,
        location=place,
        idempotent=declaration.idempotent,
        all_shards=declaration.all_shards,
        doc=inspect.getdoc(function) or '',
    )


def _arguments(function: Callable[..., Any]) -> tuple[frozenset[str], set[str]]:
    """The arguments to pass to a handler, and those among them that it names itself."""
    parameters = list(inspect.signature(function).parameters.values())
    first, rest = (parameters or [_NONE])[0], parameters[1:]
    if first.name in ARGUMENTS or first.kind in (first.KEYWORD_ONLY, first.VAR_KEYWORD):
        raise ExecutorError('the handler takes no self', help='make `self` its first argument')
    if first.kind is first.VAR_POSITIONAL:  # a wrapper such as def inner(*args, **kwargs)
        rest = [parameter for parameter in rest if parameter.name != 'self']
    named = set()
    for parameter in rest:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise ExecutorError(
                f'the argument {parameter.name!r} is positional-only', help='remove the / from the signature'
            )
        if parameter.name in ARGUMENTS:
            named.add(parameter.name)
        elif parameter.default is parameter.empty:
            raise ExecutorError(
                f'nothing can be passed for the argument {parameter.name!r}',
                help=did_you_mean(parameter.name, ARGUMENTS, noun='arguments of a handler'),
            )
    if {'doc', 'docs'} <= named:
        raise ExecutorError(
            'the handler takes both doc and docs',
            help='take `docs` for the whole batch or `doc` for one at a time',
        )
    takes = set(named)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in rest):
        takes |= set(ARGUMENTS) - _ON_REQUEST - ({'docs'} if 'doc' in named else {'doc'})
    return frozenset(takes), named


def _types(
    kind: Kind, single: bool, written: Mapping[str, Any], declaration: Declaration
) -> tuple[type[BaseDoc] | None, type[BaseDoc] | None, bool]:
    request = _schema(declaration.request_schema, 'request_schema')
    if request is None and single:
        request = hints.document_type(written.get('doc'), 'doc')
    elif request is None:
        request = hints.documents_type(written.get('docs'), 'docs')
    response = _schema(declaration.response_schema, 'response_schema')
    if response is None:
        response = hints.returned_type(written.get('return'), kind)
    return request, response or request, response is not None


def _schema(given: Any, argument: str) -> type[BaseDoc] | None:
    try:
        return hints.documents_type(given, argument)
    except ExecutorError:
        return hints.document_type(given, argument)

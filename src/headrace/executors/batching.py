"""`@dynamic_batching`: marks a handler whose requests are put together, and makes it a handler of batches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypedDict, TypeVar, Unpack, cast, overload

from headrace.errors import ExecutorError
from headrace.executors.decorator import endpoint_name
from headrace.executors.endpoint import Endpoint
from headrace.executors.metrics import Metric, named_metric, weigher
from headrace.pipeline.addressed import addressed
from headrace.pipeline.batching import Batching
from headrace.pipeline.handler import Handler
from headrace.spec.batching import BatchingSpec
from headrace.spec.fields import mapping, record
from headrace.spec.source import Source
from headrace.spec.suggest import did_you_mean

MARK = '__headrace_batching__'

F = TypeVar('F', bound=Callable[..., Any])


class BatchingSettings(TypedDict, total=False):
    """The settings of `@dynamic_batching`; `timeout` is another name of `max_wait_ms`."""

    preferred_batch_size: int
    timeout: float
    max_wait_ms: float
    flush_all: bool
    use_custom_metric: bool
    use_dynamic_batching: bool
    max_queue: int
    max_queue_bytes: int
    parallel_batches: int


class Declared(NamedTuple):
    """What one `@dynamic_batching(...)` says about its function."""

    batching: BatchingSpec
    custom_metric: Metric | None


@overload
def dynamic_batching(func: F, /) -> F: ...
@overload
def dynamic_batching(
    *, custom_metric: Metric | str | None = None, **settings: Unpack[BatchingSettings]
) -> Callable[[F], F]: ...
def dynamic_batching(
    func: Any = None, /, *, custom_metric: Metric | str | None = None, **settings: Unpack[BatchingSettings]
) -> Any:
    """Let a handler work on the documents of several requests at once.

    A batch has at most `preferred_batch_size` documents, or that much of `custom_metric(doc)` (pixels,
    tokens, bytes; a function, or its name: `module:function`, or a method of the executor). While one batch
    is worked on, requests gather for the next; a request waits for others up to `max_wait_ms` milliseconds,
    but only while others are likely to come. `flush_all` takes all that waits, whatever its size.
    `parallel_batches` run at a time, if the handler can. More than `max_queue` requests, or `max_queue_bytes`
    of them, are refused with Overloaded.

    class Encoder(Executor):
        @requests(on='/encode')
        @dynamic_batching(preferred_batch_size=64)
        def encode(self, docs: DocumentArray, **kwargs):
            docs.embedding = self.model(docs.tensor)

    When a batch fails, it is run again in halves until the documents that fail are found, so a handler has to
    bear being called twice with a document. With `@requests(idempotent=False)` nothing runs twice, and every
    request of a batch that fails is an error. Raises SpecError for a setting that does not exist.
    """
    if not (custom_metric is None or isinstance(custom_metric, str) or callable(custom_metric)):
        raise ExecutorError(
            f'@dynamic_batching(custom_metric={custom_metric!r}) is no function',
            help='give one that takes a document and returns a number, or its name',
        )
    named = {'custom_metric': custom_metric} if isinstance(custom_metric, str) else {}
    spec = record(BatchingSpec, {**settings, **named}, Source('@dynamic_batching()'), ())
    if spec.use_custom_metric and custom_metric is None:
        raise ExecutorError('@dynamic_batching(use_custom_metric=True) has no custom_metric')

    def mark(function: F) -> F:
        if not inspect.isroutine(function) and not hasattr(function, '__wrapped__'):
            raise ExecutorError(
                f'@dynamic_batching on {function!r}', help='it decorates methods of an Executor'
            )
        setattr(function, MARK, Declared(spec, None if named else cast('Metric | None', custom_metric)))
        return function

    return mark if func is None else mark(func)


def read_batching(given: Mapping[str, Any]) -> dict[str, BatchingSpec]:
    """`uses_dynamic_batching=` as records."""
    source = Source('uses_dynamic_batching')
    return {
        on: settings
        if isinstance(settings, BatchingSpec)
        else record(BatchingSpec, mapping(settings, source, (on,)), source, (on,))
        for on, settings in given.items()
    }


def laid_over(
    written: Mapping[str, BatchingSpec], given: Mapping[str, BatchingSpec]
) -> dict[str, BatchingSpec]:
    """What a file says, and over it what the caller says."""
    return {
        on: written.get(on, BatchingSpec()).under(given.get(on, BatchingSpec()))
        for on in {**written, **given}
    }


def declared_batching(cls: type[Any], endpoint: Endpoint) -> Endpoint:
    """The endpoint with what `@dynamic_batching` on its method, here or in a base class, says."""
    functions = (vars(base)[endpoint.method] for base in cls.__mro__ if endpoint.method in vars(base))
    declared = next((getattr(each, MARK) for each in functions if hasattr(each, MARK)), None)
    if declared is None:
        return endpoint
    dressed = replace(endpoint, batching=declared.batching, custom_metric=declared.custom_metric)
    return _checked(cls, dressed)


def batched(
    cls: type[Any], endpoints: Mapping[str, Endpoint], given: Mapping[str, BatchingSpec]
) -> dict[str, Endpoint]:
    """The endpoints with these settings, by endpoint or method; those of the endpoint itself win.

    Raises ExecutorError for a key that is neither.
    """
    methods = {endpoint.method for endpoint in endpoints.values()}
    by_endpoint = {endpoint_name(on): spec for on, spec in given.items() if on not in methods}
    for on in given:
        if on not in methods and endpoint_name(on) not in endpoints:
            raise ExecutorError(
                f'dynamic_batching: {cls.__name__} has no endpoint or method {on!r}',
                help=did_you_mean(on, [*endpoints, *sorted(methods)], noun='endpoints and methods'),
            )
    found = dict(endpoints)
    for name, endpoint in endpoints.items():
        layers = [each for each in (given.get(endpoint.method), by_endpoint.get(name)) if each is not None]
        if layers:
            spec = endpoint.batching or BatchingSpec()
            for layer in layers:
                spec = spec.under(layer)
            found[name] = _checked(cls, replace(endpoint, batching=spec))
    return found


def in_batches(handler: Handler, executor: Any, endpoint: Endpoint) -> Handler:
    """The handler of an endpoint behind what puts its requests together, if it is to be."""
    if endpoint.batching is None or not endpoint.is_batched:
        return handler
    name = executor.runtime_args.name
    is_concurrent = endpoint.is_async or executor.runtime_args.allow_concurrent
    if (endpoint.batching.parallel_batches or 1) > 1 and not is_concurrent:
        raise ExecutorError(
            f'executor {name!r}: parallel_batches of {endpoint.method} ({endpoint.location}) is over 1, and '
            'it does one call after the other',
            help='make it an `async def`, or give the executor allow_concurrent=True',
        )
    return Batching(
        handler,
        endpoint.batching,
        name=f'executor {name!r}, endpoint {endpoint.name!r},',
        doc_type=endpoint.request_type,
        weigh=weigher(endpoint, executor),
        seen=lambda parameters: addressed(parameters, name),
        ahead=0 if is_concurrent else 1,
        repeats=endpoint.idempotent,
    )


def _checked(cls: type[Any], endpoint: Endpoint) -> Endpoint:
    """The endpoint, if it can be batched."""
    batching = endpoint.batching
    if not endpoint.is_batched or batching is None:
        return endpoint
    problem = help = ''
    if endpoint.kind == 'stream':
        problem = 'is a generator'
        help = 'remove dynamic_batching from it: requests that are answered in parts share no calls'
    elif endpoint.kind != 'docs' or 'docs' not in endpoint.takes:
        problem, help = 'takes no docs', 'let the method take `docs`: all documents of a batch at once'
    elif endpoint.takes & {'docs_matrix', 'docs_map'}:
        problem, help = 'takes the inputs of a join', 'take `docs`, or remove dynamic_batching'
    elif batching.custom_metric:
        named_metric(cls, batching.custom_metric)
    elif batching.use_custom_metric and endpoint.custom_metric is None:
        problem, help = 'has no custom_metric', 'give it in the decorator: custom_metric=...'
    if problem:
        raise ExecutorError(
            f'dynamic_batching: {cls.__qualname__}.{endpoint.method} ({endpoint.location}) {problem}',
            help=help,
        )
    return endpoint

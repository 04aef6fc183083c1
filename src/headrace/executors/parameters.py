"""A request's parameters in, what one executor's handler gets as `parameters` out."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any

import msgspec

from headrace.documents.adapt import is_pydantic
from headrace.documents.suggest import slip_of
from headrace.errors import RequestError
from headrace.pipeline.addressed import addressed
from headrace.pipeline.reports import REPORTS, RESULTS
from headrace.spec.suggest import closest

MOST = 64
"""Names of one request that are compared with those of parameters, and its mistakes that are told."""

_MISSING = re.compile(r'missing required field `([^`]+)`')


def reader(kind: type[Any] | None, *, optional: bool, name: str) -> Callable[[dict[str, Any]], Any]:
    """The function that turns a request's parameters into what the executor `name` takes: `kind`, or a dict.

    It raises RequestError for parameters that do not fit, and for one whose name looks like another that is
    missing; `optional` gives None where there are none. Other names are for other executors.
    """
    if kind is None:
        return lambda parameters: addressed(parameters, name)
    known = _names(kind)

    def read(parameters: dict[str, Any]) -> Any:
        own = addressed(parameters, name)
        for key in REPORTS:
            own.pop(key, None)
        if optional and not own:
            return None
        if known is not None and not known.issuperset(own):
            _check_names(own, known, name)
        try:
            if is_pydantic(kind):
                return kind.model_validate(own)
            return msgspec.convert(own, kind, strict=False)
        except ValueError as error:  # both msgspec's and pydantic's are one
            raise RequestError(
                f'the parameters do not fit executor {name!r}: {_problem(error)}',
                help=_meant(error, own, known or ()) or f'it takes {kind.__name__}',
            ) from error

    return read


def json_schema(kind: type[Any] | None) -> dict[str, Any] | None:
    """The JSON Schema of typed parameters; None for a plain dict."""
    if kind is None:
        return None
    schema: dict[str, Any] = kind.model_json_schema() if is_pydantic(kind) else msgspec.json.schema(kind)
    return schema


def with_result(parameters: dict[str, Any], name: str, result: dict[str, Any]) -> dict[str, Any]:
    """The parameters with what the executor `name` returned as a dict."""
    return {**parameters, RESULTS: {**parameters.get(RESULTS, {}), name: result}}


def _names(kind: Any) -> frozenset[str] | None:
    """The names of the parameters in a class; None if it takes others as well."""
    if is_pydantic(kind):
        if kind.model_config.get('extra') == 'allow':
            return None
        aliases = {field.alias for field in kind.model_fields.values() if field.alias}
        return frozenset({*kind.model_fields, *aliases})
    if issubclass(kind, msgspec.Struct):
        return frozenset(field.encode_name for field in msgspec.structs.fields(kind))
    return frozenset(getattr(kind, '__dataclass_fields__', kind.__annotations__))


def _check_names(own: dict[str, Any], known: frozenset[str], executor: str) -> None:
    absent = [name for name in known if name not in own]
    for name in islice((name for name in own if name not in known), MOST):
        meant = slip_of(name, absent)
        if meant is not None:
            raise RequestError(
                f'the parameters do not fit executor {executor!r}: it has no {name[:100]!r}',
                help=f'did you mean {meant!r}?',
            )


def _meant(error: Any, own: dict[str, Any], known: Collection[str]) -> str:
    """What may stand for a parameter that is missing; '' if nothing does."""
    if hasattr(error, 'errors'):
        missing = [
            str(each['loc'][0]) for each in error.errors() if each['type'] == 'missing' and each['loc']
        ]
    else:
        missing = _MISSING.findall(str(error))
    strange = list(islice((name for name in own if name not in known), MOST))
    for name in missing[:MOST]:
        near = closest(name, strange)
        if near is not None:
            return f'did you mean {name!r} where it says {near!r}?'
    return ''


def _problem(error: Any) -> str:
    """What is wrong and where, in one line; pydantic's own text has several, and an address."""
    if not hasattr(error, 'errors'):
        return str(error)
    found = error.errors(include_url=False)
    return '; '.join(f'{each["msg"]} - at `$.{".".join(map(str, each["loc"]))}`' for each in found[:MOST])

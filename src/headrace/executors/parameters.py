"""A request's parameters in, what one executor's handler gets as `parameters` out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from headrace.documents.adapt import is_pydantic
from headrace.errors import RequestError
from headrace.pipeline.addressed import addressed
from headrace.pipeline.reports import REPORTS, RESULTS


def reader(kind: type[Any] | None, *, optional: bool, name: str) -> Callable[[dict[str, Any]], Any]:
    """The function that turns a request's parameters into what the executor `name` takes: `kind`, or a dict.

    It raises RequestError for parameters that do not fit; `optional` gives None where there are none.
    """
    if kind is None:
        return lambda parameters: addressed(parameters, name)

    def read(parameters: dict[str, Any]) -> Any:
        own = addressed(parameters, name)
        for key in REPORTS:
            own.pop(key, None)
        if optional and not own:
            return None
        try:
            if is_pydantic(kind):
                return kind.model_validate(own)
            return msgspec.convert(own, kind, strict=False)
        except ValueError as error:  # both msgspec's and pydantic's are one
            raise RequestError(
                f'the parameters do not fit executor {name!r}: {_problem(error)}',
                help=f'it takes {kind.__name__}',
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


def _problem(error: Any) -> str:
    """What is wrong and where, in one line; pydantic's own text has several, and an address."""
    if not hasattr(error, 'errors'):
        return str(error)
    found = error.errors(include_url=False)
    return '; '.join(f'{each["msg"]} - at `$.{".".join(map(str, each["loc"]))}`' for each in found)

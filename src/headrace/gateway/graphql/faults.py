"""What went wrong in a GraphQL request in; out, the entries of `errors` that tell it.

Each has in its `extensions` the fields of a problem of the HTTP door: status, error, help, request_id, ...
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from graphql import GraphQLError

from headrace.errors import ExecutorError, HeadraceError, RequestError
from headrace.gateway.graphql.call import CallFailed
from headrace.gateway.http.problem import told


def entry(
    error: Exception, *, request_id: str, endpoint: str = '', development: bool = False
) -> dict[str, Any]:
    """An error as an entry of `errors`."""
    located = error if isinstance(error, GraphQLError) else None
    cause = _cause(error)
    if isinstance(cause, CallFailed):
        endpoint, cause = cause.endpoint, cause.error
    problem = told(cause, request_id=request_id, endpoint=endpoint, development=development)
    made: dict[str, Any] = {'message': problem.detail}
    if located is not None and located.locations:
        made['locations'] = [{'line': each.line, 'column': each.column} for each in located.locations]
    if located is not None and located.path is not None:
        made['path'] = located.path
    extensions: dict[str, Any] = msgspec.to_builtins(problem)
    made['extensions'] = extensions
    return made


def _cause(error: Exception) -> Exception:
    """What is behind an error of GraphQL; without anything, the request is wrong."""
    if not isinstance(error, GraphQLError):
        return error
    cause = error.original_error
    if cause is None or (error.path is None and not isinstance(cause, HeadraceError | CallFailed)):
        return RequestError(error.message)  # it was not executed, so nothing of ours has failed
    if isinstance(cause, GraphQLError):  # an executor gave a value that the schema does not allow
        return ExecutorError(cause.message)
    return cause


def entries(errors: Iterable[Exception], *, request_id: str, development: bool) -> list[dict[str, Any]]:
    """Several errors as the entries of `errors`."""
    return [entry(error, request_id=request_id, development=development) for error in errors]


def status_of(errors: list[dict[str, Any]]) -> int:
    """The HTTP status for errors that kept a request from being executed: that of the first."""
    status: int = errors[0]['extensions']['status']
    return status

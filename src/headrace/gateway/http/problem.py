"""An error in, an `application/problem+json` response (RFC 9457) out."""

from __future__ import annotations

import http
import math

import msgspec

from headrace.errors import Cancelled, HeadraceError, Overloaded, Unauthenticated, Unavailable
from headrace.gateway.disclosure import disclosed
from headrace.gateway.http.response import Headers, Response

CONTENT_TYPE = b'application/problem+json'


class FieldProblem(msgspec.Struct, frozen=True):
    """One field of a request that is not as it should be."""

    path: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong with a request, as clients read it."""

    title: str
    status: int
    detail: str
    request_id: str
    type: str = 'about:blank'
    error: str = ''
    help: str = ''
    endpoint: str = ''
    executor: str = ''
    errors: tuple[FieldProblem, ...] = ()
    traceback: str = ''
    retry_after_s: float = 0.0


class HttpError(HeadraceError):
    """A request that HTTP has a status of its own for; `headers` go with the answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        help: str = '',
        headers: Headers = (),
        errors: tuple[FieldProblem, ...] = (),
    ) -> None:
        super().__init__(message, help=help)
        self.http_status = status
        self.headers = headers
        self.errors = errors


def respond(error: Exception, *, request_id: str, endpoint: str = '', development: bool = False) -> Response:
    """The answer to a request that ended in `error`: its status, and what `told` says of it."""
    problem = told(error, request_id=request_id, endpoint=endpoint, development=development)
    return Response(problem.status, msgspec.json.encode(problem), CONTENT_TYPE, headers_of(error))


def told(error: Exception, *, request_id: str, endpoint: str = '', development: bool = False) -> Problem:
    """What a client is told of `error`, on every protocol that tells it in JSON: what `disclosed` gives."""
    error, detail, help, traceback = disclosed(
        error, request_id=request_id, endpoint=endpoint, development=development
    )
    return Problem(
        title=_title(error.http_status),
        status=error.http_status,
        detail=detail,
        request_id=request_id,
        error=type(error).__name__ if not isinstance(error, HttpError) else '',
        help=help,
        endpoint=endpoint,
        executor=getattr(error, 'executor', ''),
        errors=error.errors if isinstance(error, HttpError) else (),
        traceback=traceback,
        retry_after_s=round(error.retry_after_s, 3) if isinstance(error, Overloaded) else 0.0,
    )


# As RFC 9110 calls them (Python's own table did not until 3.13), and one that no RFC has.
_TITLES = {
    413: 'Content Too Large',
    422: 'Unprocessable Content',
    Cancelled.http_status: 'Client Closed Request',
}


def _title(status: int) -> str:
    try:
        return _TITLES.get(status) or http.HTTPStatus(status).phrase
    except ValueError:
        return 'Error'


def headers_of(error: Exception) -> Headers:
    """The HTTP headers that tell of an error: when to come again, how to show who one is."""
    if isinstance(error, HttpError):
        return error.headers
    if isinstance(error, Unauthenticated):
        return ((b'www-authenticate', error.challenge.encode()),)
    if isinstance(error, Overloaded):
        return ((b'retry-after', b'%d' % max(1, math.ceil(error.retry_after_s))),)
    if isinstance(error, Unavailable):
        return ((b'retry-after', b'1'),)
    return ()

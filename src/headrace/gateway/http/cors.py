"""Which pages of other origins may call a gateway from a browser."""

from __future__ import annotations

from headrace.gateway.http.request import Request
from headrace.gateway.http.response import Headers

SHOWN = b'x-request-id, retry-after'
ANY = '*'


class Cors:
    """The origins that are allowed ('*' is every one), and the headers that say so."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._all = ANY in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, request: Request) -> Headers:
        """What to add to the answer; nothing for an origin that is not allowed."""
        origin = request.headers.get(b'origin')
        vary = () if self._all else ((b'vary', b'origin'),)
        if origin is None or not (self._all or origin in self._origins):
            return vary
        allowed = (b'access-control-allow-origin', b'*' if self._all else origin)
        method = request.headers.get(b'access-control-request-method')
        if request.method != 'OPTIONS' or method is None:
            return (allowed, (b'access-control-expose-headers', SHOWN), *vary)
        wanted = request.headers.get(b'access-control-request-headers', b'content-type')
        return (
            allowed,
            (b'access-control-allow-methods', method),
            (b'access-control-allow-headers', wanted),
            (b'access-control-max-age', b'600'),
            *vary,
        )

"""Which pages of other origins may call a gateway from a browser."""

from __future__ import annotations

from headrace.errors import Forbidden
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import Headers

SHOWN = b'x-request-id, retry-after'
ASKED = b'authorization, content-type, x-api-key, x-headrace-timeout-s, x-request-id'
ANY = '*'
OWN_SITE = (b'same-origin', b'none')


class Cors:
    """The origins that are allowed ('*' is every one), and the headers that say so."""

    def __init__(self, origins: tuple[str, ...] = ()) -> None:
        self._all = ANY in origins
        self._origins = frozenset(origin.rstrip('/').encode() for origin in origins)

    def headers(self, request: Request) -> Headers:
        """What to add to the answer; nothing for an origin that is not allowed."""
        origin = request.headers.get(b'origin')
        vary = () if self._all else ((b'vary', b'origin'),)
        if origin is None or not (self._all or origin in self._origins):
            return vary
        allowed: Headers = ((b'access-control-allow-origin', b'*'),)
        if (
            not self._all
        ):  # for origins that are named, also what a browser sends by itself: cookies, certificates
            allowed = (
                (b'access-control-allow-origin', origin),
                (b'access-control-allow-credentials', b'true'),
            )
        method = request.headers.get(b'access-control-request-method')
        if request.method != 'OPTIONS' or method is None:
            return (*allowed, (b'access-control-expose-headers', SHOWN), *vary)
        wanted = request.headers.get(b'access-control-request-headers', ASKED)
        return (
            *allowed,
            (b'access-control-allow-methods', method),
            (b'access-control-allow-headers', wanted),
            (b'access-control-max-age', b'600'),
            *vary,
        )

    def check(self, request: Request) -> None:
        """Refuse what a page of another origin sent without that its browser asked whether it may.

        Browsers ask before most requests, but not before a GET or a form: those have to be looked at here.
        """
        origin, site = request.headers.get(b'origin'), request.headers.get(b'sec-fetch-site')
        if site in OWN_SITE or (site is None and origin is None) or origin in self._origins:
            return
        if self._all and not request.peer.certificate:  # which a browser shows by itself, for any page
            return
        if (
            site is None
            and origin is not None
            and origin.partition(b'://')[2] == request.headers.get(b'host')
        ):
            return  # a browser that does not tell, on a page of this very host
        raise Forbidden(
            f'a page of {(origin or b"another origin").decode("latin1")} may not call this gateway',
            help='name its origin in cors of the gateway',
        )

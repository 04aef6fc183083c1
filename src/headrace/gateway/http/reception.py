"""Who is at the door: a request in, its path, its client and its identity as this gateway sees them."""

from __future__ import annotations

from headrace.gateway.dashboard.parts import open_paths
from headrace.gateway.entrance import Entrance
from headrace.gateway.http.request import Request
from headrace.gateway.identity import Credentials, shown_in
from headrace.gateway.proxies import Proxies, is_address
from headrace.wire.hosts import client_of

OPEN = frozenset(('/health', '/ready', '/favicon.ico'))
"""What everybody may ask: probes have no key, and browsers ask for icons without one."""
PAGES = ('/docs', '/graphql')
"""Pages with parts below them: who may read a page may read its parts."""


class Reception:
    """Looks at requests before anything else does; where nothing is set, there is none (`needed`)."""

    def __init__(self, entrance: Entrance) -> None:
        spec = entrance.spec
        self._entrance = entrance
        self._prefix = spec.prefix
        self._proxies = Proxies(spec.trusted_proxies)
        watch = entrance.watch
        self._open = OPEN if watch is None else OPEN | open_paths(watch.path)
        self._pages = PAGES if watch is None else (*PAGES, watch.path)

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return not self._entrance.is_open or bool(self._prefix or self._proxies)

    def receive(self, request: Request) -> None:
        """Find out whose request it is; raises Unauthenticated or RateLimited."""
        self.locate(request)
        if not self._entrance.is_open and not self._is_open(request):
            shown = Credentials(request.host, shown_in(request.headers), request.peer.certificate)
            request.identity = self._entrance.identify(shown)
            request.client = request.identity.client

    def locate(self, request: Request) -> None:
        """Find out what path a request is for, and from which host it comes."""
        if self._prefix and (request.path + '/').startswith(self._prefix + '/'):
            request.path = request.path[len(self._prefix) :] or '/'
        if self._proxies:
            request.host = self._host(request)
            request.client = client_of(request.host)

    def permit_page(self, request: Request) -> None:
        """Let somebody read what is no endpoint of the Flow; raises Forbidden or Unauthenticated."""
        if request.identity is not None:
            path = request.path
            page = next((page for page in self._pages if path.startswith(page + '/')), path)
            self._entrance.permit_page(request.identity, page)

    def _host(self, request: Request) -> str:
        """The host that a request comes from: behind proxies that are trusted, the one that they name.

        The last address in X-Forwarded-For that is no trusted proxy: before it, anybody can write.
        """
        host = request.host
        hops = request.headers.get(b'x-forwarded-for', b'').decode('latin1').split(',')
        while hops and host in self._proxies:
            named = hops.pop().strip()
            if not is_address(named):
                break
            host = named
        return host

    def _is_open(self, request: Request) -> bool:
        """Whether a request is answered whoever sends it: by the gateway itself, and by nobody's code."""
        return request.method == 'OPTIONS' or (
            request.path in self._open and request.method in ('GET', 'HEAD')
        )


def _is_open(request: Request) -> bool:
    """Whether a request is answered whoever sends it: by the gateway itself, and by nobody's code."""
    return request.method == 'OPTIONS' or (request.path in OPEN and request.method in ('GET', 'HEAD'))

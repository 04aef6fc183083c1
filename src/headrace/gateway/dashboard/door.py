"""The dashboard over HTTP: its page and parts for everybody, what they show for who may see it."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs, urlsplit

from headrace.errors import Forbidden, RequestError, SpecError
from headrace.gateway.dashboard.parts import FILES, PARTS
from headrace.gateway.dashboard.watch import DEFAULT_LINES, Watch
from headrace.gateway.entrance import Entrance
from headrace.gateway.http.health import Health
from headrace.gateway.http.hosts import Hosts
from headrace.gateway.http.page_files import beside, guarded
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import HTML, KEPT, Headers, Response, as_json
from headrace.gateway.http.routes import Route, Routes

SAFE: Headers = (
    *guarded(frames='none', images='data: blob:'),
    (b'cross-origin-opener-policy', b'same-origin'),
)
LONGEST_QUERY = 2048


class Dashboard:
    """What is served below one path; the page itself has nothing of the Flow in it, not even its name."""

    def __init__(self, watch: Watch, entrance: Entrance, health: Health) -> None:
        self._watch = watch
        self._entrance = entrance
        self._health = health
        self._path = watch.path
        self._page = _page(watch.path)
        self._hosts = Hosts(entrance, for_pages=False)

    def add_to(self, routes: Routes) -> None:
        """Serve it; SpecError if something of the Flow has one of its paths."""
        if any(routes.has('GET', self._path + name) for name in ('', *(f'/{part}' for part in PARTS))):
            raise SpecError(
                f'observe.dashboard.path: {self._path!r} is where an endpoint of this Flow is exposed',
                help="choose another path for the dashboard, or say 'enabled: false' there",
            )
        for name, serve, summary in (
            ('', self.page, 'The running Flow as a page'),
            ('/flow', self.flow, 'What is drawn of the Flow, for its dashboard'),
            ('/state', self.state, 'Figures of the running Flow, for its dashboard'),
            ('/requests', self.requests, 'The slowest requests and those that failed, for the dashboard'),
            ('/logs', self.logs, 'The last lines of the logs, for the dashboard'),
        ):
            routes.add(('GET',), self._path + name, Route(serve=serve, summary=summary, tags=('gateway',)))
        for name in PARTS:
            routes.add(('GET',), f'{self._path}/{name}', Route(serve=FILES.part, is_hidden=True))
        routes.add(('GET',), f'{self._path}/', Route(serve=self.page, is_hidden=True))

    async def page(self, request: Request) -> Response:
        """The page."""
        if request.path.endswith('/'):  # its parts lie below its name
            return beside(request.path)
        return Response(200, self._page, HTML, SAFE, cache=KEPT)

    async def flow(self, request: Request) -> Response:
        """What does not change."""
        self._permit(request)
        return as_json(self._watch.plan())

    async def state(self, request: Request) -> Response:
        """How the Flow is now."""
        asked = self._asked(request)
        status, ready, problems = await self._health.told()
        state = await self._watch.state(
            status, ready, problems, uptime_s=self._health.uptime_s, with_history='history' in asked
        )
        return as_json(state)

    async def requests(self, request: Request) -> Response:
        """The slowest requests, and those that went wrong."""
        return as_json(await self._watch.ended(self._asked(request).get('id', '')))

    async def logs(self, request: Request) -> Response:
        """The last lines."""
        asked = self._asked(request)
        limit = asked.get('limit', str(DEFAULT_LINES))
        if not limit.isdecimal():
            raise RequestError(f'limit is {limit!r}, which is no number', help='for example ?limit=100')
        lines = await self._watch.lines(
            asked.get('process', ''), asked.get('level', ''), asked.get('request', ''), int(limit)
        )
        return as_json(lines)

    def _asked(self, request: Request) -> dict[str, str]:
        """What the query says, of somebody who may ask."""
        self._permit(request)
        query = request.query[:LONGEST_QUERY].decode('latin1')
        return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}

    def _permit(self, request: Request) -> None:
        """Let somebody see what others ask: whatever `cors` says, not a page of another origin.

        Nor one whose name means this machine for a moment: for a browser, it is of the same origin.
        """
        origin, host = request.headers.get(b'origin', b''), request.headers.get(b'host')
        if self._hosts.is_needed and host is not None and host not in self._hosts.known:
            self._hosts.check(host)
        if origin and urlsplit(origin).netloc != (host or b''):
            raise Forbidden(
                'the dashboard tells its own page only', help='ask without an Origin, or for /metrics'
            )
        if request.identity is not None:
            self._entrance.permit_sight(request.identity, self._path)


def _page(path: str) -> bytes:
    """The page, which knows where its parts are, and where the gateway's other addresses begin."""
    depth = path.count('/') - 1
    return FILES.page(base=escape(path.rpartition('/')[2]), root='../' * depth or './')

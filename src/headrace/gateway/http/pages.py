"""The pages of a gateway: a welcome for programs and people, and the documentation with its parts."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path

from headrace._version import __version__
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import HTML, KEPT, Headers, Response, as_json
from headrace.gateway.http.routes import Routes
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec

FOLDER = Path(__file__).parent / 'page'
ASSETS = {
    '/docs/page.css': ('page.css', b'text/css; charset=utf-8'),
    '/docs/page.js': ('page.js', b'text/javascript; charset=utf-8'),
    '/favicon.ico': ('favicon.ico', b'image/x-icon'),
}
OTHERS = ('/graphql', '/metrics')
"""Pages of other parts of the gateway that the documentation leads to, where they are."""
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
SAFE: Headers = (
    (b'content-security-policy', POLICY),
    (b'referrer-policy', b'no-referrer'),
    (b'x-frame-options', b'SAMEORIGIN'),
)


class Pages:
    """What a browser sees of a gateway; everything comes from this package, nothing from elsewhere."""

    def __init__(self, info: FlowInfo, spec: GatewaySpec, routes: Routes) -> None:
        self._info = info
        self._spec = spec
        self._routes = routes
        self._prefix = spec.prefix
        self._title = spec.title or info.title or info.name

    async def welcome(self, request: Request) -> Response:
        """Where everything is: as JSON, or for a browser the way to the documentation."""
        if b'text/html' in request.headers.get(b'accept', b''):
            return Response(307, b'', HTML, ((b'location', b'docs'), (b'vary', b'accept')))
        return as_json(
            {
                'name': self._title,
                'version': __version__,
                'docs': f'{self._prefix}/docs',
                'openapi': f'{self._prefix}/openapi.json',
                'endpoints': [endpoint.name for endpoint in self._info.endpoints],
            },
            headers=((b'vary', b'accept'),),
        )

    async def docs(self, request: Request) -> Response:
        """The documentation page: it reads the OpenAPI description and lets people try each route."""
        if request.path.endswith('/'):  # its parts lie beside it, not below it
            return Response(307, b'', HTML, ((b'location', b'../docs'),))
        page = read('page.html').decode().replace('{{title}}', escape(self._title))
        page = page.replace('{{pages}}', self._other_pages()).replace('{{others}}', self._other_protocols())
        return Response(200, page.encode(), HTML, SAFE, cache=KEPT)

    def _other_pages(self) -> str:
        """Links to what else can be looked at here."""
        found = [path for path in OTHERS if self._routes.has('GET', path)]
        return ''.join(f' <a href="{path.strip("/")}">{path.strip("/")}</a>' for path in found)

    def _other_protocols(self) -> str:
        """How else the same endpoints are called; '' if there is no other way."""
        protocols, port = self._spec.protocols, self._spec.doors.get('grpc', 0)
        ways = [f'gRPC (port {port})' if port else 'gRPC (a port of its own)'] if 'grpc' in protocols else []
        if 'websocket' in protocols:
            ways.append('WebSocket (this port, subprotocol headrace.json.v1)')
        if 'graphql' in protocols:
            ways.append('GraphQL (POST to /graphql)')
        return f'<p id="others">Also by {", ".join(ways)}.</p>' if ways else ''

    async def asset(self, request: Request) -> Response:
        """A part of the page."""
        name, content_type = ASSETS[request.path]
        return Response(200, read(name), content_type, cache=KEPT)


@lru_cache(maxsize=len(ASSETS) + 1)
def read(name: str) -> bytes:
    """A file of the page."""
    return (FOLDER / name).read_bytes()

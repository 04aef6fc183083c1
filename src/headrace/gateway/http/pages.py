"""The pages of a gateway: a welcome for programs and people, and the documentation with its parts."""

from __future__ import annotations

from html import escape
from pathlib import Path

from headrace._version import __version__
from headrace.gateway.http.page_files import PageFiles, beside, guarded
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import HTML, KEPT, Response, as_json
from headrace.gateway.http.routes import Routes
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec

FILES = PageFiles(Path(__file__).parent / 'page')
OTHERS = ('/graphql', '/metrics')
"""Pages of other parts of the gateway that the documentation leads to, where they are."""
SAFE = guarded(frames='self')


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
            return beside(request.path)
        page = FILES.page(
            title=escape(self._title), pages=self._other_pages(), others=self._other_protocols()
        )
        return Response(200, page, HTML, SAFE, cache=KEPT)

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

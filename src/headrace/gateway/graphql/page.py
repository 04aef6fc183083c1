"""GraphiQL, as it was released, with what it needs: a page that works where there is no network.

Its files lie in `page/` beside their licences; nothing is fetched from elsewhere.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path

from headrace.gateway.http.request import Request
from headrace.gateway.http.response import HTML, Headers, Response
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec

FOLDER = Path(__file__).parent / 'page'
FILES = {
    'graphiql.min.css': b'text/css; charset=utf-8',
    'graphiql.min.js': b'text/javascript; charset=utf-8',
    'react.production.min.js': b'text/javascript; charset=utf-8',
    'react-dom.production.min.js': b'text/javascript; charset=utf-8',
    'page.css': b'text/css; charset=utf-8',
    'page.js': b'text/javascript; charset=utf-8',
    'transport.js': b'text/javascript; charset=utf-8',
}
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
SAFE: Headers = (
    (b'content-security-policy', POLICY),
    (b'x-content-type-options', b'nosniff'),
    (b'vary', b'accept'),
)
KEPT: Headers = ((b'x-content-type-options', b'nosniff'),)


class Page:
    """What a browser sees at /graphql; it begins with `query`."""

    def __init__(self, spec: GatewaySpec, info: FlowInfo, query: str) -> None:
        page = _read('page.html').decode()
        page = page.replace('{{title}}', escape(spec.title or info.title or info.name))
        self._page = page.replace('{{example}}', escape(query)).encode()

    def serve(self, request: Request) -> Response:
        """The page."""
        if request.path.endswith('/'):  # its parts lie below its name
            return Response(307, b'', HTML, ((b'location', b'../graphql'),))
        return Response(200, self._page, HTML, SAFE)

    async def part(self, request: Request) -> Response:
        """A part of the page."""
        name = request.path.rpartition('/')[2]
        return Response(200, _read(name), FILES[name], KEPT, cache=b'no-cache')


@lru_cache(maxsize=len(FILES) + 1)
def _read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()

"""GraphiQL, as it was released, with what it needs: a page that works where there is no network.

Its files lie in `page/` beside their licences; nothing is fetched from elsewhere.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from headrace.gateway.http.page_files import PageFiles, beside, guarded
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import HTML, Headers, Response
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec

FILES = PageFiles(Path(__file__).parent / 'page')
SAFE: Headers = (
    *guarded(frames='self', styles="'unsafe-inline'", images='data:', more="font-src 'self' data:"),
    (b'vary', b'accept'),
)


class Page:
    """What a browser sees at /graphql; it begins with `query`."""

    def __init__(self, spec: GatewaySpec, info: FlowInfo, query: str) -> None:
        title = escape(spec.title or info.title or info.name)
        self._page = FILES.page(title=title, example=escape(query))

    def serve(self, request: Request) -> Response:
        """The page."""
        if request.path.endswith('/'):  # its parts lie below its name
            return beside(request.path)
        return Response(200, self._page, HTML, SAFE)

"""The ASGI application: finds the route, turns errors into problems, sends the answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from headrace.gateway.http import problem
from headrace.gateway.http.cors import Cors
from headrace.gateway.http.request import Receive, Request, Scope, Send
from headrace.gateway.http.response import Response
from headrace.gateway.http.routes import Routes

BODILESS = frozenset((204, 304))
WORKED = frozenset((200, 500))
"""The answers that took executors their time; others say little about how fast they are."""


class Application:
    """A raw ASGI application for HTTP requests; every answer carries the request's id."""

    def __init__(self, routes: Routes, *, cors: Cors | None = None, development: bool = False) -> None:
        self.routes = routes
        self._cors = cors
        self._development = development

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            try:
                if request.method == 'OPTIONS':
                    response = self._options(request)
                else:
                    response = await self.routes.find(request.method, request.path).serve(request)
            except Exception as error:
                response = problem.respond(
                    error, request_id=request.id, endpoint=request.endpoint, development=self._development
                )
            await self._answer(request, response, send)
        finally:
            if request.ticket is not None:
                request.ticket.leave()

    async def _answer(self, request: Request, response: Response, send: Send) -> None:
        """Send the response; it is over when the client has taken most of it."""
        if request.ticket is not None and response.status in WORKED:
            request.ticket.answered(request.endpoint, response.size)
        headers = [(b'x-request-id', request.id.encode()), *response.headers]
        if response.status not in BODILESS:
            headers.append((b'content-type', response.content_type))
            headers.append((b'content-length', b'%d' % response.size))
        if self._cors is not None:
            headers += self._cors.headers(request)
        await send({'type': 'http.response.start', 'status': response.status, 'headers': headers})
        if isinstance(response.body, bytes):
            await send({'type': 'http.response.body', 'body': response.body})
        else:
            await _send_chunks(response.body, request, send)
        flow = request.peer.flow
        if request.ticket is not None and flow is not None and flow.write_paused:
            await flow.drain()  # what the client does not read is counted until it does

    def _options(self, request: Request) -> Response:
        methods = self.routes.methods(request.path)
        if not methods:
            self.routes.find('OPTIONS', request.path)  # raises what is wrong
        return Response(204, b'', headers=((b'allow', ', '.join(methods).encode()),))


async def _send_chunks(body: AsyncGenerator[bytes, None], request: Request, send: Send) -> None:
    async with aclosing(body) as chunks:
        async for chunk in chunks:
            if request.peer.gone:
                return
            await send({'type': 'http.response.body', 'body': chunk, 'more_body': True})
    await send({'type': 'http.response.body', 'body': b''})

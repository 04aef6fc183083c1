"""The ASGI application: finds the route, turns errors into problems, sends the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from msgspec.structs import replace

from headrace.gateway.entrance import Entrance
from headrace.gateway.finished import Finished
from headrace.gateway.http import encoding, problem
from headrace.gateway.http.asgi import Receive, Scope, Send
from headrace.gateway.http.bounds import Bounds
from headrace.gateway.http.cors import Cors
from headrace.gateway.http.hosts import Hosts
from headrace.gateway.http.negotiation import coding
from headrace.gateway.http.reception import Reception
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import Response
from headrace.gateway.http.routes import MayUse, NoRoute, Routes
from headrace.gateway.identity import NOBODY, Identity

BODILESS = frozenset((204, 304))
WORKED = frozenset((200, 500))
"""The answers that took executors their time; others say little about how fast they are."""
LEAST_PACKED = 1024
"""Bytes of an answer that are worth packing: less fits into one packet anyway."""
LARGE = 64 * 1024
"""Bytes that are packed in a thread, as others have to wait otherwise."""


class Application:
    """A raw ASGI application for HTTP requests; every answer carries the request's id."""

    def __init__(self, routes: Routes, entrance: Entrance) -> None:
        spec = entrance.spec
        reception = Reception(entrance)
        self.routes = routes
        self._entrance = entrance
        self._observer = entrance.observer
        self._reception = reception if reception.is_needed else None
        self._bounds = Bounds(spec.limits)
        self._hosts = hosts if (hosts := Hosts(entrance)).is_needed else None
        self._cors = Cors(spec.cors) if spec.cors else None
        self._packs = spec.compress
        self._development = spec.development

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            try:
                bounds = self._bounds
                if request.peer.is_suspect or len(scope['headers']) > bounds.headers:
                    bounds.check(scope, request.peer)
                hosts = self._hosts
                if hosts is not None and (host := request.headers.get(b'host')) not in hosts.known:
                    hosts.check(host or b'')
                if self._reception is not None:
                    self._reception.receive(request)
                if request.method == 'OPTIONS':
                    response = self._options(request)
                else:
                    route = self.routes.find(request.method, request.path, request.headers)
                    if self._reception is not None and route.endpoint is None:
                        self._reception.permit_page(request)
                    request.finished.endpoint = route.endpoint or ''
                    response = await route.serve(request)
            except Exception as error:
                response = self._failed(request, error)
            await self._answer(request, response, send)
        finally:
            if request.ticket is not None:
                request.ticket.leave()
            finished = request.finished
            if not finished.request_id:
                finished.request_id, finished.client = request.id, request.client
                finished.received_bytes = request.size
            if finished.protocol:  # else its parts were told, one by one
                self._observer.ended(finished)

    async def _answer(self, request: Request, response: Response, send: Send) -> None:
        """Send the response; it is over when the client has taken most of it."""
        body, size, finished = response.body, response.size, request.finished
        if not finished.error:
            finished.status = response.status
        if not response.status:
            return await self._pass_on(request, response, send)
        if self._packs and isinstance(body, bytes) and len(body) >= LEAST_PACKED:
            response = await _packed(response, body, request)
            body = response.body
        if size is None and isinstance(body, bytes):
            size = len(body)
        if request.ticket is not None and response.status in WORKED:
            if isinstance(body, bytes):
                request.ticket.answered(request.endpoint, size or 0)
            else:
                request.ticket.hold(size or 0)
        headers = [(b'x-request-id', request.id.encode()), *response.headers]
        headers.append((b'cache-control', response.cache))
        if response.status not in BODILESS:
            headers.append((b'content-type', response.content_type))
            if size is not None:
                headers.append((b'content-length', b'%d' % size))
        if self._cors is not None:
            headers += self._cors.headers(request)
        await send({'type': 'http.response.start', 'status': response.status, 'headers': headers})
        if isinstance(body, bytes):
            finished.sent_bytes = len(body)
            await send({'type': 'http.response.body', 'body': body})
        elif isinstance(body, AsyncGenerator):
            await _send_chunks(body, request, _counted(send, finished))
        else:
            await body.write(_counted(send, finished))
        flow = request.peer.flow
        if request.ticket is not None and flow is not None and flow.write_paused:
            await flow.drain()  # what the client does not read is counted until it does

    async def _pass_on(self, request: Request, response: Response, send: Send) -> None:
        """Let an application of the user answer; to what it says we add what every answer has."""
        begun = False
        added = [(b'x-request-id', request.id.encode())]
        added += self._cors.headers(request) if self._cors is not None else ()

        async def sent(message: dict[str, Any]) -> None:
            nonlocal begun
            if message['type'] == 'http.response.start':
                begun = True
                request.finished.status = message['status']
                named = {name.lower() for name, _ in message.get('headers', ())}
                more = [each for each in added if each[0] not in named]
                message = {**message, 'headers': [*message.get('headers', ()), *more]}
            await send(message)

        try:
            await response.body.write(_counted(sent, request.finished))  # type: ignore[union-attr]
        except Exception as error:
            if begun:
                raise
            await self._answer(request, self._failed(request, error), send)

    def _failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, NoRoute):
            instead = self.routes.instead_of(error.path, self._useful_to(request.identity or NOBODY))
            error = problem.HttpError(404, str(error), help=instead)
        request.finished.failed(error)
        if not request.finished.endpoint:
            request.finished.endpoint = self.routes.called(request.method, request.path)
        refuse = self.routes.refusals.get(request.path)
        if refuse is not None:
            return refuse(request, error)
        self._entrance.refused(
            error,
            request.identity,
            protocol='http',
            endpoint=request.endpoint or request.path,
            request_id=request.id,
            host=request.host,
        )
        return problem.respond(
            error, request_id=request.id, endpoint=request.endpoint, development=self._development
        )

    def _useful_to(self, identity: Identity) -> MayUse:
        """Which paths somebody may use: of others they hear nothing."""
        scopes, is_open = identity.scopes, self._entrance.guard is None

        def may_use(path: str, endpoint: str | None) -> bool:
            if is_open or (endpoint is None and identity.kind):
                return True
            return scopes.allows(path if endpoint is None else endpoint) or (
                endpoint == '' and bool(scopes.endpoints)
            )

        return may_use

    def _options(self, request: Request) -> Response:
        methods = self.routes.methods(request.path)
        if not methods:
            self.routes.find('OPTIONS', request.path, request.headers)
        return Response(204, b'', headers=((b'allow', ', '.join(methods).encode()),))


def _counted(send: Send, finished: Finished) -> Send:
    """As `send`, with a count of the bytes of the body."""

    async def counted(message: dict[str, Any]) -> None:
        finished.sent_bytes += len(message.get('body', b''))
        await send(message)

    return counted


async def _packed(response: Response, body: bytes, request: Request) -> Response:
    """The response in the content coding that its client likes; a picture is one already."""
    name = coding(request.headers.get(b'accept-encoding', b''), encoding.codings())
    headers = (*response.headers, (b'vary', b'accept-encoding'))
    if name is None or response.content_type.startswith(b'image/') or request.method == 'HEAD':
        return replace(response, headers=headers)
    if len(body) >= LARGE:
        body = await asyncio.to_thread(encoding.deflate, name, body)
    else:
        body = encoding.deflate(name, body)
    return replace(response, body=body, headers=(*headers, (b'content-encoding', name)))


async def _send_chunks(body: AsyncGenerator[bytes, None], request: Request, send: Send) -> None:
    async with aclosing(body) as chunks:
        async for chunk in chunks:
            if request.peer.gone:
                return
            await send({'type': 'http.response.body', 'body': chunk, 'more_body': True})
    await send({'type': 'http.response.body', 'body': b''})

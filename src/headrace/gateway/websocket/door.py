"""Handshakes in, sessions out: the part of the HTTP port that speaks WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, cast

from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from headrace.errors import HeadraceError, Unauthenticated, Unavailable
from headrace.gateway.entrance import Entrance
from headrace.gateway.http import problem
from headrace.gateway.http.cors import Cors
from headrace.gateway.http.front import Front
from headrace.gateway.http.health import Health
from headrace.gateway.identity import Identity
from headrace.gateway.websocket import close, columns, plain
from headrace.gateway.websocket.connection import Connection
from headrace.gateway.websocket.handshake import Handshake
from headrace.gateway.websocket.jina import Jina
from headrace.gateway.websocket.language import Language, usable_id
from headrace.gateway.websocket.session import Session
from headrace.pipeline.context import new_request_id

DRY_RUN = '/dry_run'


class Door:
    """Opens WebSocket connections to a Flow, for as long as it is not told to drain."""

    def __init__(self, entrance: Entrance, health: Health) -> None:
        spec = entrance.spec
        self.max_bytes = spec.max_body_bytes
        self._entrance = entrance
        self._health = health
        self._front = Front(entrance)
        self._origins = Cors(spec.cors)
        self._endpoints = {endpoint.name: endpoint for endpoint in entrance.info.endpoints}
        self._sessions: set[Session] = set()
        self._drains = False

    def connect(self, *, server_state: ServerState, **others: Any) -> Connection:
        """The protocol of a connection that asks for a WebSocket, as uvicorn makes it."""
        return Connection(self, server_state)

    def drain(self) -> None:
        """Tell clients that they had better go, and end each connection when all is answered."""
        self._drains = True
        for session in list(self._sessions):
            session.drain()

    def open(self, connection: Connection, request: Request, frames: ServerProtocol) -> None:
        """Answer a request for a WebSocket, and begin its session unless it is refused."""
        answer = frames.accept(request)
        if answer.status_code != 101:
            frames.send_response(answer)
            return
        request_id = usable_id(request.headers.get('X-Request-ID')) or new_request_id()
        try:
            shaken = Handshake.of(request, connection.transport)
        except HeadraceError as error:
            self._refuse(frames, error, request_id)
            return
        try:
            identity = self._identified(shaken)
        except HeadraceError as error:
            self._note(error, shaken, request_id)
            if not (shaken.is_page and isinstance(error, Unauthenticated)):
                self._refuse(frames, error, request_id)
                return
            refusal: HeadraceError | None = error
        else:
            refusal = None
        if shaken.language:
            answer.headers['Sec-WebSocket-Protocol'] = shaken.language
        frames.send_response(answer)
        if refusal is not None:  # a page gets to see nothing of a refused handshake, but this
            connection.close(close.UNAUTHENTICATED, close.reason(refusal))
        elif shaken.path == DRY_RUN and isinstance(language := self._language(shaken), Jina):
            self._keep(connection, self._dry_run(connection, language))
        else:
            self._begin(connection, shaken, identity)

    def _identified(self, shaken: Handshake) -> Identity:
        """Who asks; raises why they are not let in."""
        if self._drains:
            raise Unavailable('the server is stopping', begun=False, help='connect again')
        self._origins.check(cast(Any, shaken))  # it looks at headers only
        return self._entrance.identify(shaken.credentials)

    def _begin(self, connection: Connection, shaken: Handshake, identity: Identity) -> None:
        language = self._language(shaken)
        in_order = shaken.order == 'requests' if shaken.order else language.in_order
        session = Session(
            self._entrance, language, connection, shaken.credentials, identity, in_order=in_order
        )
        connection.session = session
        self._sessions.add(session)
        session.over.add_done_callback(lambda _: self._sessions.discard(session))
        self._keep(connection, session.until_over())

    def _language(self, shaken: Handshake) -> Language:
        spec, limits = self._entrance.spec, self._entrance.limits
        route = '' if shaken.path == '/' else shaken.path
        if shaken.language == columns.NAME:
            return columns.Columns(self._endpoints, limits, route, spec.development)
        setting = plain.Setting(self._front, limits, route, shaken.arrays or 'list', spec.development)
        return plain.Json(setting) if shaken.language == plain.NAME else Jina(setting)

    def _keep(self, connection: Connection, work: Coroutine[Any, Any, None]) -> None:
        """The HTTP server waits for this before it ends."""
        task = asyncio.get_running_loop().create_task(work)
        connection.tasks.add(task)
        task.add_done_callback(connection.tasks.discard)

    async def _dry_run(self, connection: Connection, language: Jina) -> None:
        """What Jina's clients ask to know whether a Flow is ready: an empty object says yes."""
        told = await self._health.dry_run(cast(Any, None))
        connection.say(b'{}' if told.status == 200 else cast(bytes, told.body))
        connection.close(close.NORMAL)

    def _note(self, error: Exception, shaken: Handshake, request_id: str) -> None:
        host = shaken.credentials.host
        self._entrance.refused(
            error, None, protocol='websocket', endpoint=shaken.path, request_id=request_id, host=host
        )

    def _refuse(self, frames: ServerProtocol, error: HeadraceError, request_id: str) -> None:
        """Answer as HTTP does; the connection is not one of WebSocket then."""
        told = problem.respond(error, request_id=request_id, development=self._entrance.spec.development)
        body = cast(bytes, told.body)
        pairs = [
            ('Date', formatdate(usegmt=True)),
            ('Connection', 'close'),
            ('Content-Type', told.content_type.decode()),
            ('Content-Length', str(len(body))),
            ('X-Request-ID', request_id),
            ('Cache-Control', 'no-store'),
            *((name.decode().title(), value.decode('latin1')) for name, value in told.headers),
        ]
        frames.send_response(Response(told.status, HTTPStatus(told.status).phrase, Headers(pairs), body))

"""Handshakes in, sessions out: the part of the HTTP port that speaks WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, cast

from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.http11 import Request as Opening
from websockets.http11 import Response
from websockets.server import ServerProtocol

from headrace.errors import HeadraceError, RequestError, Unauthenticated, Unavailable
from headrace.extras import load
from headrace.gateway.entrance import Entrance
from headrace.gateway.envelopes import Envelopes
from headrace.gateway.graphql import messages as graphql
from headrace.gateway.http import problem
from headrace.gateway.http.bounds import Bounds
from headrace.gateway.http.cors import Cors
from headrace.gateway.http.front import Front
from headrace.gateway.http.health import Health
from headrace.gateway.http.hosts import Hosts
from headrace.gateway.http.reception import Reception
from headrace.gateway.http.request import Request
from headrace.gateway.identity import Credentials, Identity
from headrace.gateway.websocket import close, columns, plain
from headrace.gateway.websocket.connection import Connection
from headrace.gateway.websocket.handshake import KNOWN, Handshake, credentials_of, request_of
from headrace.gateway.websocket.jina import Jina
from headrace.gateway.websocket.language import Language
from headrace.gateway.websocket.session import Conversation, Session

DRY_RUN = '/dry_run'
GRAPHQL = '/graphql'


class Door:
    """Opens WebSocket connections to a Flow, for as long as it is not told to drain."""

    def __init__(self, entrance: Entrance, health: Health) -> None:
        spec = entrance.spec
        self.max_bytes = spec.max_body_bytes
        self._entrance = entrance
        self._health = health
        self._front = Front(entrance)
        self._origins = Cors(spec.cors)
        self._bounds = Bounds(spec.limits)
        self._hosts = Hosts(entrance)
        self._reception = Reception(entrance)
        self._envelopes = Envelopes(entrance, self._front.strangers)
        self._sessions: set[Conversation] = set()
        self._graphql = _graphql(entrance) if 'graphql' in spec.protocols else None
        self._known = (*(KNOWN if 'websocket' in spec.protocols else ()),)
        self._known += (graphql.NAME,) if self._graphql is not None else ()
        self._drains = False

    def connect(self, *, server_state: ServerState, **others: Any) -> Connection:
        """The protocol of a connection that asks for a WebSocket, as uvicorn makes it."""
        return Connection(self, server_state)

    def drain(self) -> None:
        """Tell clients that they had better go, and end each connection when all is answered."""
        self._drains = True
        for session in list(self._sessions):
            session.drain()

    def open(self, connection: Connection, opening: Opening, frames: ServerProtocol) -> None:
        """Answer a request for a WebSocket, and begin its session unless it is refused."""
        answer = frames.accept(opening)
        if answer.status_code != 101:
            frames.send_response(answer)
            return
        request = request_of(opening, connection.peer, connection.host)
        try:
            shaken = self._checked(request)
            credentials = credentials_of(request)
            identity = self._identified(shaken, credentials)
        except HeadraceError as error:
            self._note(error, request)
            is_unknown = isinstance(error, Unauthenticated)
            if not (is_unknown and b'origin' in request.headers):
                self._refuse(frames, error, request)
                return
            self._accept(frames, answer, shaken.language)
            connection.close(close.UNAUTHENTICATED, close.reason(error))  # a page sees nothing but this
            return
        self._accept(frames, answer, shaken.language)
        if identity is None or shaken.language == graphql.NAME:
            assert self._graphql is not None
            self._begin(connection, self._graphql(connection, credentials, identity))
            return
        language = self._language(shaken, request.path)
        if request.path == DRY_RUN and isinstance(language, Jina):
            self._keep(connection, self._dry_run(connection))
            return
        in_order = shaken.order == 'requests' if shaken.order else language.in_order
        session = Session(self._entrance, language, connection, credentials, identity, in_order=in_order)
        self._begin(connection, session)

    def _begin(self, connection: Connection, session: Conversation) -> None:
        connection.session = session
        self._sessions.add(session)
        session.over.add_done_callback(lambda _: self._sessions.discard(session))
        self._keep(connection, session.until_over())

    def _checked(self, request: Request) -> Handshake:
        """What a request says, if it comes from a page that may ask; raises why it is refused."""
        self._reception.locate(request)
        if self._drains:
            raise Unavailable('the server is stopping', begun=False, help='connect again')
        self._bounds.check(request.scope, request.peer)
        if self._hosts.is_needed:
            self._hosts.check(request.headers.get(b'host', b''))
        self._origins.check(request)
        shaken = Handshake.of(request, self._known)
        if shaken.language == graphql.NAME and request.path != GRAPHQL:
            raise RequestError(
                f'{graphql.NAME} is not spoken at {request.path}', help=f'connect to {GRAPHQL}'
            )
        return shaken

    def _identified(self, shaken: Handshake, credentials: Credentials) -> Identity | None:
        """Who asks; None where the first message may still show it."""
        shows_nothing = not credentials.headers and not credentials.certificate
        if shaken.language == graphql.NAME and shows_nothing and self._entrance.guard is not None:
            return None
        return self._entrance.identify(credentials)

    def _accept(self, frames: ServerProtocol, answer: Response, language: str) -> None:
        if language:
            answer.headers['Sec-WebSocket-Protocol'] = language
        frames.send_response(answer)

    def _language(self, shaken: Handshake, path: str) -> Language:
        spec, limits = self._entrance.spec, self._entrance.limits
        route = '' if path == '/' else path
        if shaken.language == columns.NAME:
            return columns.Columns(self._envelopes, route, spec.development)
        setting = plain.Setting(self._front, limits, route, shaken.arrays or 'list', spec.development)
        return plain.Json(setting) if shaken.language == plain.NAME else Jina(setting)

    def _keep(self, connection: Connection, work: Coroutine[Any, Any, None]) -> None:
        """The HTTP server waits for this before it ends."""
        task = asyncio.get_running_loop().create_task(work)
        connection.tasks.add(task)
        task.add_done_callback(connection.tasks.discard)

    async def _dry_run(self, connection: Connection) -> None:
        """What Jina's clients ask to know whether a Flow is ready: an empty object says yes."""
        told = await self._health.dry_run(cast(Any, None))
        connection.say(b'{}' if told.status == 200 else cast(bytes, told.body))
        connection.close(close.NORMAL)

    def _note(self, error: Exception, request: Request) -> None:
        self._entrance.refused(
            error,
            None,
            protocol='websocket',
            endpoint=request.path,
            request_id=request.id,
            host=request.host,
        )

    def _refuse(self, frames: ServerProtocol, error: HeadraceError, request: Request) -> None:
        """Answer as HTTP does; the connection is not one of WebSocket then."""
        told = problem.respond(error, request_id=request.id, development=self._entrance.spec.development)
        body = cast(bytes, told.body)
        pairs = {
            'Date': formatdate(usegmt=True),
            'Connection': 'close',
            'Content-Type': told.content_type.decode(),
            'Content-Length': str(len(body)),
            'X-Request-ID': request.id,
            'Cache-Control': 'no-store',
            'X-Content-Type-Options': 'nosniff',
            **{name.decode().title(): value.decode('latin1') for name, value in told.headers},
        }
        frames.send_response(Response(told.status, HTTPStatus(told.status).phrase, Headers(pairs), body))


def _graphql(entrance: Entrance) -> Any:
    load('graphql', extra='graphql')  # so that one who has not got it is told how to
    return load('headrace.gateway.graphql.socket', extra='graphql').Opener(entrance)

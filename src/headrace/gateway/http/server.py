"""A port in, an HTTP server on it out: uvicorn's httptools protocol under our own roof.

Of uvicorn, only the protocol is used: its `Server` would catch signals and wake up ten times a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from email.utils import formatdate
from importlib import import_module
from typing import Any, Protocol, cast

from msgspec.structs import replace as changed
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from headrace.gateway.arrivals import Arrivals, host_of
from headrace.gateway.entrance import Entrance
from headrace.gateway.http.app import Application
from headrace.gateway.http.bounds import header_bytes_refused
from headrace.gateway.http.build import application, dashboard
from headrace.gateway.http.health import Health
from headrace.gateway.http.mounts import Mounts
from headrace.gateway.http.request import Peer
from headrace.gateway.measuring import Measuring
from headrace.gateway.ports import bound
from headrace.gateway.security.doorway import accepting, certificate_of
from headrace.gateway.unread import Backlog
from headrace.spec import GatewaySpec
from headrace.spec.observe import DashboardSpec
from headrace.wire.address import Listening

SOCKETS = 'headrace.gateway.websocket.door'
SPOKEN = frozenset(('websocket', 'graphql'))
"""The protocols that (also) come through a WebSocket."""
KEEP_ALIVE_S = 65
"""How long an idle connection stays open; more than the 60 seconds that most proxies keep theirs."""
HEADERS_TIMEOUT_S = 15
BODY_TIMEOUT_S = 15
BODY_BYTES_PER_S = 16 * 1024
"""A body has `BODY_TIMEOUT_S` seconds, and one more for each so many bytes that are here."""
MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""How much of a refused body is read and forgotten, so that its sender gets to see the refusal."""
LOOK_EVERY_S = 0.01
LAST_WORDS_S = 0.25
"""How long a request that is cut off by a stop may take to send the 503 that says so."""

_log = logging.getLogger('headrace.gateway.http.connection')
_log.setLevel(
    logging.ERROR
)  # malformed requests and refused upgrades are their senders' business, not the log's


class Sockets(Protocol):
    """The WebSockets of the port, if it has any."""

    def connect(self, **circumstances: Any) -> asyncio.Protocol:
        """The protocol of a connection that asks for a WebSocket."""

    def drain(self) -> None:
        """Tell clients that they had better go."""


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 connection, with bounds on what a client may send and word of its leaving."""

    def __init__(self, server: HttpServer, entrance: Entrance, loop: asyncio.AbstractEventLoop) -> None:
        self.peer = Peer()
        super().__init__(server.config, server.state, {'peer': self.peer}, loop)
        self._entrance = entrance
        self._arrivals = server.arrivals
        self._head_bytes = min(entrance.spec.limits.header_bytes, entrance.spec.limits.url_bytes)
        self.logger = _log
        self.access_log = False
        self._host = ''
        self._pending_bytes = 0
        self._waited_s = 0
        self._body_s = self._body_bytes = 0
        self._backlog = Backlog()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer.flow = self.flow
        self.peer.certificate = certificate_of(transport)
        self._host = host_of(transport)  # a connection over TLS that is lost does not know it any more
        self.peer.refusal = self._arrivals.refusal(self._host)
        if self.peer.refusal is not None:
            self.peer.is_suspect = True
            if not self._arrivals.has_spare:
                self._refuse(self.peer.refusal)
                transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._pending_bytes + len(data) > self._head_bytes:
            self.peer.is_suspect = True
        super().data_received(data)
        cycle, scope = self.cycle, self.scope
        if scope is None or 'path' not in scope:
            self._count(data, self._entrance.spec.limits.header_bytes)
        elif cycle is not None and cycle.more_body:
            if cycle.response_complete:
                self._count(data, MAX_DISCARDED_BYTES)
            else:
                self._body_bytes += len(data)
        else:
            self._pending_bytes = 0
            if self.flow.read_paused and cycle is not None and not cycle.more_body and not self.pipeline:
                self.flow.resume_reading()  # or the client could leave unnoticed

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._arrivals.leave(self._host, is_refused=self.peer.refusal is not None)
        self.peer.gone = True
        self.peer.leave()

    def handle_websocket_upgrade(self) -> None:
        """Go on as a WebSocket, unless answers to earlier requests are still to be written here."""
        if self.peer.refusal is not None:
            self._refuse(self.peer.refusal)
            self.transport.close()
        elif self.pipeline or (self.cycle is not None and not self.cycle.response_complete):
            self.transport.close()
        else:
            super().handle_websocket_upgrade()

    def in_headers(self) -> bool:
        """Whether a request has begun, or is still to come first, and its headers are not complete."""
        return self.scope is None or 'path' not in self.scope

    def hurry(self) -> None:
        """Once a second: an end to who dawdles over headers or a body, or does not take the answer."""
        self._waited_s = self._waited_s + 1 if self.in_headers() else 0
        if self._waited_s > HEADERS_TIMEOUT_S:
            self.transport.close()
        if self._is_slow_to_send():
            self.peer.leave(too_slow=True)
        if self._backlog.is_stuck(self.transport.get_write_buffer_size()):
            self.transport.abort()

    def _is_slow_to_send(self) -> bool:
        cycle = self.cycle
        is_sending = cycle is not None and cycle.more_body and not cycle.response_complete
        if not is_sending or self.in_headers() or self.pipeline:  # behind others, it is we who do not read
            self._body_s = self._body_bytes = 0
            return False
        self._body_s += 1
        return self._body_s > BODY_TIMEOUT_S + self._body_bytes / BODY_BYTES_PER_S

    def _count(self, data: bytes, limit: int) -> None:
        self._pending_bytes += len(data)
        if self._pending_bytes > limit and not self.transport.is_closing():
            if self.in_headers():
                self.transport.write(STATUS_LINE[431] + b'connection: close\r\ncontent-length: 0\r\n\r\n')
                self._refuse(header_bytes_refused(self._pending_bytes, limit))
            self.transport.close()

    def _refuse(self, error: Exception) -> None:
        """Note that a connection is closed for what it is, though nobody is told by an answer."""
        host = host_of(self.transport)
        self._entrance.refused(error, None, protocol='http', endpoint='', request_id='', host=host)


class HttpServer:
    """A listening port, its connections, and the application behind them."""

    def __init__(
        self,
        app: Application,
        health: Health,
        spec: GatewaySpec,
        sockets: Sockets | None = None,
        mounts: Mounts | None = None,
    ) -> None:
        self.port = 0
        self._health = health
        self._sockets = sockets
        self._mounts = mounts
        self._leaves = False
        self.state = ServerState()
        self.arrivals = Arrivals(spec, self.state.connections)
        self._server: Listening | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self.config = Config(
            cast(Any, app),
            http=Connection,
            interface='asgi3',
            loop='none',
            ws='none' if sockets is None else cast(Any, sockets.connect),
            lifespan='off',
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self.config.load()

    async def listen(self, entrance: Entrance, port: int, *, shared: bool = False) -> None:
        """Begin to accept connections. Raises StartError if the port cannot be had."""
        loop = asyncio.get_running_loop()
        listening = bound(entrance.spec.host, port, protocol='http', shared=shared)
        self.port = listening.getsockname()[1]
        self._tick(loop)
        self._server = await accepting(entrance, listening, lambda: Connection(self, entrance, loop))

    def drain(self) -> None:
        """Not be ready any more, and have connections end with their next answers; new ones are accepted."""
        self._health.draining = self._leaves = True
        self._set_headers()

    async def stop(self, grace_s: float, linger_s: float = 0.0) -> None:
        """Accept nothing more, finish what was accepted within `grace_s` seconds, then cut the rest off.

        Connections that are open are served for `linger_s` before: each is told to close with its next
        answer, so that no client sends a request on one that is just being closed.
        """
        self._health.draining = True
        if self._server is not None:
            self._server.close()
        if self._sockets is not None:
            self._sockets.drain()
        await self._linger(linger_s)
        for connection in self._connections():
            connection.shutdown()
        await self._finish(grace_s)
        for connection in self._connections():
            connection.peer.leave(stopping=True)
        await self._finish(LAST_WORDS_S)
        for task in list(self.state.tasks):
            task.cancel()
        for connection in self._connections():
            connection.transport.abort()
        if self._ticker is not None:
            self._ticker.cancel()
        await asyncio.sleep(0)  # connections hear of their end in the loop's next turn
        if self._mounts is not None:
            await self._mounts.close()

    async def _linger(self, linger_s: float) -> None:
        until = time.monotonic() + linger_s
        self._leaves = self._leaves or linger_s > 0
        self._set_headers()
        while self.state.connections and time.monotonic() < until:  # noqa: ASYNC110 (uvicorn tells nobody)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _finish(self, within_s: float) -> None:
        if self.state.tasks:
            await asyncio.wait(list(self.state.tasks), timeout=within_s)

    def _connections(self) -> list[Connection]:
        return cast('list[Connection]', list(self.state.connections))

    def look(self, measuring: Measuring) -> None:
        """Tell how many connections are open."""
        plain = sum(isinstance(each, Connection) for each in self.state.connections)
        measuring.connections('http', plain)
        if self._sockets is not None:
            measuring.connections('websocket', len(self.state.connections) - plain)

    def _set_headers(self) -> None:
        """What every answer carries."""
        closing = [(b'connection', b'close')] if self._leaves else []
        date = formatdate(time.time(), usegmt=True).encode()
        self.state.default_headers = [(b'date', date), (b'x-content-type-options', b'nosniff'), *closing]

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Once a second: the Date header, and an end to clients that dawdle."""
        self._set_headers()
        self.arrivals.recount()
        for connection in self._connections():
            connection.hurry()
        self._ticker = loop.call_later(1, self._tick, loop)


async def start(entrance: Entrance, port: int, *, shared: bool = False) -> HttpServer:
    """Serve a Flow over HTTP on `port` (0: a free one) of its host.

    With `shared` other processes may listen on the port too. Raises StartError if the port cannot be had,
    SpecError if the spec asks for routes that cannot be.
    """
    health = Health(entrance.info, entrance.ready, entrance.states)
    mounts = Mounts(entrance)
    sockets = None
    if not SPOKEN.isdisjoint(entrance.spec.protocols):  # it takes a tenth of a second to import
        sockets = import_module(SOCKETS).Door(entrance, health)
    await mounts.open()
    try:
        app = application(entrance, health, mounts)
        server = HttpServer(app, health, entrance.spec, sockets, mounts)
        entrance.observer.looks.append(server.look)
        await server.listen(entrance, port, shared=shared)
    except BaseException:
        await mounts.close()
        raise
    return server


async def start_dashboard(entrance: Entrance, spec: DashboardSpec, *, shared: bool = False) -> HttpServer:
    """Serve the dashboard of a Flow on a port of its own, for whom the gateway's ports let in.

    With `shared` other processes may listen on the port too. Raises StartError if it cannot be had.
    """
    apart = replace(entrance, spec=changed(entrance.spec, host=spec.host, prefix=''))
    health = Health(apart.info, apart.ready, apart.states)
    server = HttpServer(dashboard(apart, health), health, apart.spec)
    await server.listen(apart, spec.port or 0, shared=shared)
    return server

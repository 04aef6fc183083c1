"""The worker's end: a handler in, a listening socket out that serves it to any number of connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import msgspec

from headrace.errors import ExecutorFailure, HeadraceError, ProtocolError, Unavailable
from headrace.pipeline import Batch, Context, Handler
from headrace.pipeline.describe import ExecutorInfo
from headrace.wire.address import open_server
from headrace.wire.calls import pack_error, pack_reply, unpack_call
from headrace.wire.frames import Frame, Kind, pack
from headrace.wire.stream import FrameStream

_log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 1024
"""Calls of one connection that are worked on at once; beyond that its socket is not read."""

FLUSH_S = 1.0
"""How long a peer may take to read what it was answered, when its connection is closed."""


class Peer:
    """One connection of a server: each call becomes a task that answers it; `calls` has those under way."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.stream = FrameStream(self._on_frame, self._on_lost, greeting=server.hello)
        self.calls: dict[int, tuple[Context, asyncio.Task[None]]] = {}
        self._is_paused = False

    def _on_frame(self, frame: Frame) -> None:
        if frame.kind == Kind.CALL:
            if frame.call in self.calls:
                raise ProtocolError(f'call {frame.call} was sent twice')
            batch, context = unpack_call(frame)
            self._begin(frame.call, context, self._answer(frame.call, batch, context))
        elif frame.kind == Kind.CANCEL:
            known = self.calls.get(frame.call)
            if known is not None:
                known[0].cancel()
                known[1].cancel()
        elif frame.kind == Kind.PING:
            if not self.stream.is_congested:
                self.stream.write(pack(Kind.PONG, frame.call, None))
            elif frame.call not in self.calls:  # it counts as one: who never reads must not fill the memory
                self._begin(frame.call, Context(), self._pong(frame.call))
        elif frame.kind not in (Kind.HELLO, Kind.PONG):
            raise ProtocolError(f'a caller sent a frame of unknown kind {frame.kind}')

    def _begin(self, call: int, context: Context, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.calls[call] = context, task
        task.add_done_callback(lambda done: self._end(call, done))  # also if it is cancelled before it begins
        if len(self.calls) >= MAX_IN_FLIGHT and not self._is_paused:
            self._is_paused = True
            self.stream.pause_reading()

    async def _answer(self, call: int, batch: Batch, context: Context) -> None:
        try:
            context.check()
            buffers = pack_reply(call, batch, await self._server.handler(batch, context))
        except HeadraceError as error:
            if isinstance(error, ExecutorFailure):
                _log.error('request %s: %s\n%s', context.request_id, error.message, error.traceback)
            buffers = pack_error(call, error)
        except Exception as error:  # a fault of ours: the caller gets its name, the log all of it
            _log.exception('request %s to %r failed', context.request_id, context.endpoint)
            buffers = pack_error(call, error)
        if self.stream.is_congested:
            await self.stream.writable()
        self.stream.write(buffers)

    async def _pong(self, call: int) -> None:
        await self.stream.writable()
        self.stream.write(pack(Kind.PONG, call, None))

    def _end(self, call: int, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error('a call was not answered', exc_info=error)
        self.calls.pop(call, None)
        if self._is_paused and len(self.calls) < MAX_IN_FLIGHT // 2:
            self._is_paused = False
            self.stream.resume_reading()
        self._server.ended()

    def _on_lost(self, reason: Exception | None) -> None:
        self._server.peers.discard(self)
        for context, task in list(self.calls.values()):
            context.cancel()
            task.cancel()
        self.calls.clear()
        self._server.ended()


class Server:
    """Serves one handler at one address until it is closed."""

    def __init__(self, handler: Handler, info: ExecutorInfo | None = None) -> None:
        self.handler = handler
        self.address = ''
        self.peers: set[Peer] = set()
        self.hello = pack(Kind.HELLO, 0, msgspec.to_builtins(info))
        self._server: asyncio.AbstractServer | None = None
        self._idle = asyncio.Event()
        self._deserted = asyncio.Event()

    async def listen(self, address: str) -> Server:
        """Take the address; `self.address` has the port that was really taken."""
        self._server, self.address = await open_server(address, self._accept)
        return self

    def _accept(self) -> FrameStream:
        peer = Peer(self)
        self.peers.add(peer)
        return peer.stream

    def ended(self) -> None:
        """A call or a connection has ended."""
        if not self.peers:
            self._deserted.set()
        if not any(peer.calls for peer in self.peers):
            self._idle.set()

    async def drain(self, grace_s: float) -> bool:
        """Take no more connections, wait up to `grace_s` for what was accepted; say whether all is done."""
        if self._server is not None:
            self._server.close()
        self._idle.clear()
        self.ended()
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def close(self, grace_s: float = 0.0) -> None:
        """Drain, then end every connection; a peer has `FLUSH_S` to read the last answers."""
        await self.drain(grace_s)
        self._deserted.clear()
        for peer in list(self.peers):
            peer.stream.close()
        self.ended()
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._deserted.wait()
        except TimeoutError:
            for peer in list(self.peers):
                peer.stream.close(Unavailable('the peer does not read what it is answered'))
            await self._deserted.wait()

    def __repr__(self) -> str:
        return f'<Server {self.address}, {len(self.peers)} connections>'

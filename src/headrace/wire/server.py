"""The worker's end: a handler in, a listening socket out that serves it to any number of connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import msgspec

from headrace.errors import (
    ExecutorFailure,
    HeadraceError,
    Overloaded,
    ProtocolError,
    Unavailable,
)
from headrace.observe.logcontext import said_of
from headrace.pipeline import Batch, Context, Handler
from headrace.pipeline.context import too_late
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.handler import streamed
from headrace.wire.address import Listening, open_server
from headrace.wire.calls import pack_error, pack_reply, unpack_call
from headrace.wire.frames import Buffer, Frame, Kind, pack, size
from headrace.wire.stream import FrameStream
from headrace.wire.tls import Contexts
from headrace.wire.windows import Credit

_log = logging.getLogger(__name__)

MAX_CALLS = 4096
MAX_BYTES = 1 << 30
"""Calls, and bytes of calls, that a worker has at once; more are refused (one alone may be of any size)."""

MAX_PINGS = 16
"""Pings that a peer gets answered late, if it is behind with reading; more are forgotten."""

ACK_S = 0.5
"""How long a peer may take to say that it sends no more calls."""

FLUSH_S = 1.0
"""How long a peer may take to read what it was answered, when its connection is closed."""


class Peer:
    """One connection of a server: each call becomes a task that answers it; `calls` has those under way.

    Frames are always read, so that nothing delays CANCEL and PING: what is too much is refused. Only a peer
    that does not read its refusals is not read either.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.stream = FrameStream(
            self._on_frame, self._on_lost, on_made=lambda: server.peers.add(self), greeting=server.hello
        )
        self.calls: dict[int, tuple[Context, int, asyncio.Task[None]]] = {}
        self.credits: dict[int, Credit] = {}
        self.has_seen_drain = False
        self._pings: list[int] = []
        self._behind: asyncio.Task[None] | None = None

    def _on_frame(self, frame: Frame) -> None:
        if frame.kind == Kind.CALL:
            if frame.call in self.calls:
                raise ProtocolError(f'call {frame.call} was sent twice')
            if self._server.has_room(frame.size):
                self._begin(frame.call, frame.size, *unpack_call(frame))
            else:
                self._refuse(frame.call)
        elif frame.kind == Kind.CANCEL:
            known = self.calls.get(frame.call)
            if known is not None:
                known[0].cancel()
                known[2].cancel()
        elif frame.kind == Kind.WINDOW:
            if frame.call in self.credits:
                self.credits[frame.call].grant(frame.meta)
        elif frame.kind == Kind.PING:
            if not self.stream.is_congested:
                self.stream.write(pack(Kind.PONG, frame.call, None))
            elif len(self._pings) < MAX_PINGS:
                self._pings.append(frame.call)
                self._wait()
        elif frame.kind == Kind.DRAIN:
            self.has_seen_drain = True
            self._server.ended()
        elif frame.kind not in (Kind.HELLO, Kind.PONG):
            raise ProtocolError(f'a caller sent a frame of unknown kind {frame.kind}')

    def _begin(self, call: int, size: int, batch: Batch, context: Context, window: list[Any]) -> None:
        if window:
            credit = self.credits[call] = Credit(window)
            work = self._answer_in_parts(call, batch, context, credit)
        else:
            work = self._answer(call, batch, context)
        task = asyncio.get_running_loop().create_task(work)
        self.calls[call] = context, size, task
        self._server.calls += 1
        self._server.bytes += size
        task.add_done_callback(lambda done: self._end(call, done))  # also if it is cancelled before it begins

    def _refuse(self, call: int) -> None:
        self.stream.write(pack_error(call, self._server.refusal()))
        if self.stream.is_congested:
            self.stream.pause_reading()
            self._wait()

    def _wait(self) -> None:
        if self._behind is None:
            self._behind = asyncio.get_running_loop().create_task(self._catch_up())

    async def _catch_up(self) -> None:
        """When the peer has read what it was sent: answer its pings, and read on."""
        await self.stream.writable()
        self._behind = None
        pings, self._pings = self._pings, []
        for ping in pings:
            self.stream.write(pack(Kind.PONG, ping, None))
        self.stream.resume_reading()

    async def _answer(self, call: int, batch: Batch, context: Context) -> None:
        try:
            context.check()
            buffers = pack_reply(call, batch, await self._server.handler(batch, context))
        except Exception as error:
            buffers = _failure(call, context, error)
        if self.stream.is_congested:
            await self.stream.writable()
        self.stream.write(buffers)

    async def _answer_in_parts(self, call: int, batch: Batch, context: Context, credit: Credit) -> None:
        """Send each part as it comes, as long as its reader has room; when there is none, the work waits."""
        try:
            async with asyncio.timeout(context.left_s()):
                context.check()
                async with aclosing(streamed(self._server.handler)(batch, context)) as parts:
                    async for part in parts:
                        buffers = pack_reply(call, batch, part, Kind.ITEM)
                        await credit.wait()
                        if self.stream.is_congested:
                            await self.stream.writable()
                        credit.use(sum(map(size, buffers[1:])))
                        self.stream.write(buffers)
            buffers = pack(Kind.END, call, None)
        except TimeoutError as error:
            late = error if isinstance(error, HeadraceError) else too_late(context.endpoint)
            buffers = _failure(call, context, late)
        except Exception as error:
            buffers = _failure(call, context, error)
        self.stream.write(buffers)

    def _end(self, call: int, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error('a call was not answered', exc_info=error)
        _, size, _ = self.calls.pop(call)
        self.credits.pop(call, None)
        self._server.ended(size)

    def _on_lost(self, reason: Exception | None) -> None:
        self._server.peers.discard(self)
        for context, _, task in list(self.calls.values()):
            context.cancel()
            task.cancel()
        self._server.ended()


class Server:
    """Serves one handler at one address until it is closed; `calls` and `bytes` are what it has under way.

    It introduces itself with `info`, with what of a Flow it is (`target`, such as 'index/shard-1'), and with
    the name of the `flow`, if it has one.
    """

    def __init__(
        self,
        handler: Handler,
        info: ExecutorInfo | None = None,
        *,
        target: str = '',
        flow: str = '',
        max_calls: int = MAX_CALLS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.handler = handler
        self.address = ''
        self.peers: set[Peer] = set()
        said = msgspec.to_builtins(info)
        more = {name: text for name, text in (('target', target), ('flow', flow)) if text}
        self.hello = pack(Kind.HELLO, 0, said and {**said, **more})
        self.calls = self.bytes = 0
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._name = f'executor {info.name!r}' if info else 'the worker'
        self._server: Listening | None = None
        self._drains = False
        self._changed = asyncio.Event()

    async def listen(self, address: str, tls: Contexts | None = None) -> Server:
        """Take the address; `self.address` has the port that was really taken. `tls` is for `tcp+tls`."""
        self._server, self.address = await open_server(address, self._accept, tls)
        return self

    def _accept(self) -> FrameStream:
        return Peer(self).stream

    def has_room(self, size: int) -> bool:
        """Whether a call of so many bytes is accepted."""
        if self._drains or self.calls >= self._max_calls:
            return False
        return self.bytes + size <= self._max_bytes or not self.calls

    def refusal(self) -> Unavailable:
        """Why a call is not accepted now."""
        if self._drains:
            return Unavailable(
                f'{self._name} is about to end', begun=False, help='send it to another replica'
            )
        return Overloaded(
            f'{self._name} has {self.calls} requests of {self.bytes} bytes under way',
            help='send fewer at a time, or give the executor more replicas',
        )

    def ended(self, size: int | None = None) -> None:
        """A call, or a connection, has ended."""
        if size is not None:
            self.calls -= 1
            self.bytes -= size
        self._changed.set()

    async def drain(self, grace_s: float) -> bool:
        """Take no more connections and calls, wait up to `grace_s` for those accepted; say if all are done.

        Peers are told, and have `ACK_S` to say that no call of theirs is on its way: one that a peer sent
        before it knew is refused as not begun, and not lost.
        """
        self._drains = True
        if self._server is not None:
            self._server.close()
        for peer in self.peers:
            peer.stream.write(pack(Kind.DRAIN, 0, None))
        if not await self._until(lambda: not self.calls, grace_s):
            return False
        await self._until(lambda: all(peer.has_seen_drain for peer in self.peers), min(grace_s, ACK_S))
        return True

    async def _until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Whether `condition` comes true in time; it is looked at when something has ended."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def close(self, grace_s: float = 0.0) -> None:
        """Drain, then end every connection; a peer has `FLUSH_S` to read the last answers."""
        await self.drain(grace_s)
        for peer in list(self.peers):
            peer.stream.close()
        if not await self._until(lambda: not self.peers, FLUSH_S):
            for peer in list(self.peers):
                peer.stream.close(Unavailable('the peer does not read what it is answered'))
            await self._until(lambda: not self.peers, FLUSH_S)

    def __repr__(self) -> str:
        state = ' draining' if self._drains else ''
        return f'<Server {self.address}{state}, {len(self.peers)} connections, {self.calls} calls>'


def _failure(call: int, context: Context, error: Exception) -> list[Buffer]:
    """What a caller gets for an error; the log has all of it."""
    with said_of(context, context.endpoint):
        if isinstance(error, ExecutorFailure):
            _log.error('%s\n%s', error.message, error.traceback.rstrip())
        elif not isinstance(error, HeadraceError):  # a fault of ours: the caller gets its name
            _log.error('a request to %r failed', context.endpoint, exc_info=error)
    return pack_error(call, error)

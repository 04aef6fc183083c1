"""The caller's end: a worker's address in, a handler out whose calls share one connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import msgspec

from headrace.errors import Cancelled, HeadraceError, ProtocolError, Unavailable
from headrace.pipeline import Batch, Context
from headrace.pipeline.context import too_late
from headrace.pipeline.describe import ExecutorInfo
from headrace.wire.address import open_client
from headrace.wire.calls import Window, pack_call, unpack_error, unpack_reply
from headrace.wire.frames import Frame, Kind, pack
from headrace.wire.stream import FrameStream
from headrace.wire.tls import Contexts
from headrace.wire.windows import WINDOW_BYTES, WINDOW_ITEMS, Incoming

RETRY_EVERY_S = 0.01


def _nothing() -> None:
    """What a connection does that nobody watches."""


class Connection:
    """A worker behind a socket as a `Handler`: `await connection(batch, context)`.

    Calls are multiplexed. Every call ends: with the reply, with the worker's error, at its deadline, when its
    caller leaves (the worker is told), or with `Unavailable` when the connection is lost (`begun` is False if
    the call was not written yet). When the worker says that it drains, no more calls are sent, and those
    under way go on. `on_drain` and `on_lost` are called once each, before any call learns of it;
    `ended` is done when the connection is lost.
    """

    def __init__(
        self,
        address: str,
        *,
        tls: Contexts | None = None,
        on_drain: Callable[[], None] = _nothing,
        on_lost: Callable[[], None] = _nothing,
    ) -> None:
        self.address = address
        self._tls = tls
        self.info: ExecutorInfo | None = None
        self.target = self.flow = ''  # what of its Flow the worker is, and of which one, if it says so
        self._on_drain = on_drain
        self._tell_lost = on_lost
        self._stream = FrameStream(self._on_frame, self._on_lost)
        self._pending: dict[int, tuple[Batch, Context | None, asyncio.Future[Batch]]] = {}
        self._incoming: dict[int, Incoming] = {}
        self._unwritten: set[int] = set()
        self._pings: dict[int, asyncio.Future[bool]] = {}
        self._last = 0
        self._loop = asyncio.get_running_loop()
        self._hello: asyncio.Future[ExecutorInfo | None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._refusal = ''  # why no call can be made any more

    @property
    def is_open(self) -> bool:
        """Whether calls can be made."""
        return not self._refusal and self._stream.is_open

    @property
    def progress(self) -> tuple[int, int]:
        """Changes as long as bytes come in or what was written leaves: a busy peer is a living one."""
        return self._stream.received, self._stream.unsent

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        """Send the batch to the worker and wait for its reply."""
        if self._refusal:
            raise self._unavailable(begun=False)
        left_s = context.left_s()
        if left_s is not None and left_s <= 0:
            context.check()
        self._last = call = (self._last + 1) & 0xFFFFFFFF
        future: asyncio.Future[Batch] = self._loop.create_future()
        self._pending[call] = batch, context, future
        timer = None if left_s is None else self._loop.call_later(left_s, self._late, call, context)
        try:
            context.on_cancel(
                lambda: self._leave(call, Cancelled(f'request {context.request_id} was cancelled'))
            )
            if self._stream.is_congested:
                await self._turn(call, future)
            if not future.done():
                self._stream.write(pack_call(call, batch, context))
            return await future
        except asyncio.CancelledError:
            self._leave(call, Cancelled('the task that waited was cancelled'))
            raise
        except Unavailable as error:
            if error.late is not None:
                call = -1  # its answer is still waited for, elsewhere
            raise
        finally:
            if timer is not None:
                timer.cancel()
            self._pending.pop(call, None)

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """Send the batch, and give the parts of the answer as they come; leaving this ends the work there.

        The worker is ahead of who takes the parts by a window at most. When the connection is lost, what
        has come is still given, and then Unavailable.
        """
        if self._refusal:
            raise self._unavailable(begun=False)
        context.check()
        self._last = call = (self._last + 1) & 0xFFFFFFFF
        future: asyncio.Future[Batch] = self._loop.create_future()
        self._pending[call] = batch, context, future
        incoming = self._incoming[call] = Incoming(batch, future, partial(self._grant, call))
        left_s = context.left_s()
        timer = None if left_s is None else self._loop.call_later(left_s, self._late, call, context)
        left = Cancelled(f'request {context.request_id} was cancelled')
        try:
            context.on_cancel(lambda: self._leave(call, left))
            if self._stream.is_congested:
                await self._turn(call, future)
            if not future.done():
                self._stream.write(pack_call(call, batch, context, (WINDOW_ITEMS, WINDOW_BYTES)))
            async for part in incoming.parts():
                yield part
        finally:
            if timer is not None:
                timer.cancel()
            self._leave(call, left)  # unless it is over
            self._incoming.pop(call, None)

    def _grant(self, call: int, window: Window) -> None:
        self._stream.write(pack(Kind.WINDOW, call, window))

    async def _turn(self, call: int, future: asyncio.Future[Batch]) -> None:
        """Wait until the worker has taken what was written before, or the call is over all the same."""
        self._unwritten.add(call)
        try:
            while self._stream.is_congested and not future.done():
                writable = asyncio.ensure_future(self._stream.writable())
                try:
                    await asyncio.wait((future, writable), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    writable.cancel()
        finally:
            self._unwritten.discard(call)

    async def ping(self, timeout_s: float) -> bool:
        """Whether the worker's event loop answers within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self.probe()
        except TimeoutError:
            return False

    def probe(self) -> asyncio.Future[bool]:
        """Ask the worker's event loop whether it runs: True when it answers, False when it is lost."""
        pong: asyncio.Future[bool] = self._loop.create_future()
        if not self._stream.is_open:
            pong.set_result(False)
            return pong
        self._last = call = (self._last + 1) & 0xFFFFFFFF
        self._pings[call] = pong
        pong.add_done_callback(lambda _: self._pings.pop(call, None))
        self._stream.write(pack(Kind.PING, call, None))
        return pong

    def give_up(self, message: str, which: Callable[[Context], bool]) -> None:
        """End the calls under way that `which` says; as `error.late`, their answers may still come.

        Of answers in parts, which nobody else can complete, all that have begun end for good.
        """
        for call, (batch, context, future) in list(self._pending.items()):
            incoming = self._incoming.get(call)
            has_begun = incoming is not None and incoming.has_begun  # nobody could go on with it
            if context is None or future.done() or not (has_begun or which(context)):
                continue  # the first: it was given up before
            if incoming is not None:
                self._leave(call, Unavailable(message))
                continue
            if call in self._unwritten:
                del self._pending[call]
                future.set_exception(Unavailable(message, begun=False))
                continue
            answer: asyncio.Future[Batch] = self._loop.create_future()
            answer.add_done_callback(lambda done, call=call: self._unwanted(call, done))  # type: ignore[misc]
            self._pending[call] = batch, None, answer
            error = Unavailable(message)
            error.late = answer
            future.set_exception(error)

    def _unwanted(self, call: int, answer: asyncio.Future[Batch]) -> None:
        if answer.cancelled():
            self._leave(call, Cancelled('nobody waits any more'))
        elif answer.exception() is not None:
            pass  # seen: whoever still waits for it gets it

    def _late(self, call: int, context: Context) -> None:
        self._leave(call, too_late(context.endpoint))

    def _leave(self, call: int, error: HeadraceError) -> None:
        _, _, future = self._pending.pop(call, (None, None, None))
        if future is not None:
            if call not in self._unwritten:
                self._stream.write(pack(Kind.CANCEL, call, None))
            if not future.done():
                future.set_exception(error)

    def _on_frame(self, frame: Frame) -> None:
        if frame.kind == Kind.REPLY or frame.kind == Kind.ERROR:
            request, _, future = self._pending.get(frame.call, (None, None, None))
            if request is None or future is None or future.done():
                return  # nobody waits any more: it was cancelled or is late
            if frame.kind == Kind.ERROR:
                future.set_exception(unpack_error(frame))
            else:  # a reply that is not understood ends the connection, and the call with it
                future.set_result(unpack_reply(frame, request))
            del self._pending[frame.call]
        elif frame.kind == Kind.ITEM:
            incoming = self._incoming.get(frame.call)
            if incoming is not None:
                incoming.put(frame)
        elif frame.kind == Kind.END:
            if frame.call in self._incoming:
                _, _, future = self._pending.pop(frame.call, (None, None, None))
                if future is not None and not future.done():
                    future.cancel()  # nothing more to wait for
        elif frame.kind == Kind.HELLO:
            self._on_hello(frame.meta)
        elif frame.kind == Kind.PING:
            self._stream.write(pack(Kind.PONG, frame.call, None))
        elif frame.kind == Kind.PONG:
            pong = self._pings.get(frame.call)
            if pong is not None and not pong.done():
                pong.set_result(True)
        elif frame.kind == Kind.DRAIN:
            self._on_goodbye()
        else:
            raise ProtocolError(f'a worker sent a frame of unknown kind {frame.kind}')

    def _on_hello(self, meta: Any) -> None:
        try:
            self.info = msgspec.convert(meta, ExecutorInfo | None)
            if self.info:
                self.target, self.flow = str(meta.get('target', '')), str(meta.get('flow', ''))
        except msgspec.ValidationError as error:
            raise ProtocolError(
                f'{self.address} introduced itself in a way that is not understood: {error}'
            ) from None
        if not self._hello.done():
            self._hello.set_result(self.info)

    def _on_goodbye(self) -> None:
        """The worker takes no more calls: tell it that none is on its way, and those that have not left."""
        if self._refusal:
            return
        self._refusal = f'{self._name} at {self.address} is about to end'
        self._on_drain()
        for call in self._unwritten:
            _, _, future = self._pending[call]
            if not future.done():
                future.set_exception(self._unavailable(begun=False))
        self._stream.write(pack(Kind.DRAIN, 0, None))

    def _on_lost(self, reason: Exception | None) -> None:
        self._refusal = f'the connection to {self._name} at {self.address} is lost'
        if reason:
            self._refusal += f': {reason}'
        if not self._hello.done():
            self._hello.set_exception(self._unavailable(begun=False))
            self._hello.exception()  # nobody has to have waited for it
        self._tell_lost()
        for call, (_, _, future) in list(self._pending.items()):
            if not future.done():
                future.set_exception(self._unavailable(begun=call not in self._unwritten))
        self._pending.clear()
        for pong in self._pings.values():
            if not pong.done():
                pong.set_result(False)
        if not self.ended.done():
            self.ended.set_result(None)

    @property
    def _name(self) -> str:
        return f'executor {self.info.name!r}' if self.info else 'a worker'

    def _unavailable(self, *, begun: bool) -> Unavailable:
        """A new error each time: one that is raised again and again holds all that its tracebacks saw."""
        return Unavailable(
            self._refusal,
            begun=begun,
            help='look at what its worker printed last; the request may be sent again',
        )

    async def open(self) -> None:
        """Connect and read the worker's introduction."""
        await open_client(self.address, lambda: self._stream, self._tls)
        await self._hello

    def abort(self) -> None:
        """End the connection without waiting for anything."""
        self._refusal = self._refusal or f'the connection to {self._name} at {self.address} was given up'
        self._stream.close(Unavailable(f'the connection to {self.address} was given up'))

    async def close(self) -> None:
        """End the connection; calls that still wait get `Unavailable`."""
        if self._stream.is_open:
            self.abort()  # what was not sent yet is for calls that end here; a stuck worker may never take it
            await asyncio.shield(self.ended)

    def __repr__(self) -> str:
        state = 'open' if self.is_open else 'closed'
        return f'<Connection {self.address} {state}, {len(self._pending)} waiting>'


async def connect(address: str, *, tls: Contexts | None = None, timeout_s: float = 10.0) -> Connection:
    """Connect to the worker at `address`, waiting up to `timeout_s` for it to be there.

    Raises `Unavailable` when nobody listens in time, `ProtocolError` when somebody else does.
    """
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                connection = Connection(address, tls=tls)
                try:
                    await connection.open()
                except (FileNotFoundError, ConnectionError):
                    await asyncio.sleep(RETRY_EVERY_S)
                except BaseException:
                    connection.abort()
                    raise
                else:
                    return connection
    except TimeoutError:
        raise Unavailable(f'no worker answered at {address} within {timeout_s:g} s') from None

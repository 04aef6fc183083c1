"""How far the sender of an answer in parts may be ahead of its reader: credits, in parts and in bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from headrace.errors import Cancelled, DeadlineExceeded, ProtocolError
from headrace.pipeline import Batch
from headrace.pipeline.buffer import Buffer
from headrace.wire.calls import Window, unpack_reply
from headrace.wire.frames import Frame

WINDOW_ITEMS = 16
WINDOW_BYTES = 1 << 20
"""Parts, and bytes of them, that a worker sends before its caller has taken any (one may be of any size)."""

MOST = 1 << 31


class Credit:
    """What the reader of one stream has granted to its sender, and the sender not yet used."""

    __slots__ = ('_bytes', '_items', '_more')

    def __init__(self, window: Sequence[Any]) -> None:
        self._items = self._bytes = 0
        self._more: asyncio.Future[None] | None = None
        self.grant(window)

    def grant(self, window: Any) -> None:
        """So many parts and bytes more; ProtocolError for what cannot be."""
        if not isinstance(window, Sequence) or len(window) != 2 or not all(map(_is_number, window)):
            raise ProtocolError('a caller grants a window that is not understood')
        self._items = min(self._items + window[0], MOST)
        self._bytes = min(self._bytes + window[1], MOST)
        if self.is_open and self._more is not None and not self._more.done():
            self._more.set_result(None)

    @property
    def is_open(self) -> bool:
        """Whether a part may be sent; it may have more bytes than are granted, which are owed then."""
        return self._items > 0 and self._bytes > 0

    async def wait(self) -> None:
        """Wait until a part may be sent."""
        while not self.is_open:
            self._more = asyncio.get_running_loop().create_future()
            await self._more
        self._more = None

    def use(self, size: int) -> None:
        """A part of so many bytes has been sent."""
        self._items -= 1
        self._bytes -= size

    def __repr__(self) -> str:
        return f'<Credit for {self._items} parts, {self._bytes} bytes>'


class Incoming:
    """The parts of one answer, from the frames of a worker to whoever takes them.

    `ended` fails with what ends it early, and is cancelled when the worker has sent all. The worker is
    granted as much as has been taken, through `grant`, as soon as that is half of the window. When a part
    has come, it `has_begun`.
    """

    def __init__(self, request: Batch, ended: asyncio.Future[Any], grant: Callable[[Window], None]) -> None:
        self.has_begun = False
        self._request = request
        self._ended = ended
        self._grant = grant
        self._buffer: Buffer[tuple[Batch, int]] = Buffer(WINDOW_ITEMS)
        self._credit = Credit((WINDOW_ITEMS, WINDOW_BYTES))
        ended.add_done_callback(self._end)

    def put(self, frame: Frame) -> None:
        """A part has come; ProtocolError if the worker sends more than it was granted."""
        if not self._credit.is_open:
            raise ProtocolError('a worker sent more parts of an answer than it was granted')
        size = len(frame.payload)
        self._credit.use(size)
        self._buffer.put((unpack_reply(frame, self._request), size))
        self.has_begun = True

    def _end(self, ended: asyncio.Future[Any]) -> None:
        error = None if ended.cancelled() else ended.exception()
        if not ended.cancelled() and error is None:
            self._buffer.put((ended.result(), 0))  # a worker that gave its whole answer at once
        if isinstance(error, Cancelled | DeadlineExceeded):
            self._buffer.fail(error)
        else:
            self._buffer.end(error)

    async def parts(self) -> AsyncGenerator[Batch, None]:
        """The parts in their order; raises what has ended the call."""
        items = taken = 0
        async for part, size in self._buffer:
            items += 1
            taken += size
            if not self._ended.done() and (items >= WINDOW_ITEMS // 2 or taken >= WINDOW_BYTES // 2):
                self._credit.grant((items, taken))
                self._grant((items, taken))
                items = taken = 0
            yield part

    def __repr__(self) -> str:
        return f'<Incoming {self._buffer!r}>'


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST

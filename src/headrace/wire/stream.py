"""Bytes from a socket in, whole frames out, with one copy at most (none for large frames)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from headrace.errors import HeadraceError, ProtocolError
from headrace.wire.frames import HEADER, MAX_FRAME_BYTES, Buffer, Frame, unpack

SCRATCH_BYTES = 256 * 1024
FIRST_BYTES = 4096
"""What a connection takes as long as little comes: there may be thousands, and whoever makes them."""


def _nothing() -> None:
    """What a stream does at its beginning that nobody waits for."""


class FrameStream(asyncio.BufferedProtocol):
    """One end of a connection: cuts what arrives into frames and writes frames with back-pressure.

    Small frames are cut out of a scratch buffer; a frame larger than that is received straight into memory
    of its own, so that its arrays can be used in place (a growing `buffer += chunk` is quadratic: 143 ms
    instead of 2 for 10 MB). `on_frame` gets every frame; `on_made` is called when the connection is there,
    `on_lost` once, when it ends. `greeting` is written first. `is_congested` says whether writers should
    wait (see `writable`), `received` how many bytes have come so far.
    """

    def __init__(
        self,
        on_frame: Callable[[Frame], None],
        on_lost: Callable[[Exception | None], None],
        *,
        on_made: Callable[[], None] = _nothing,
        greeting: Sequence[Buffer] = (),
        max_frame_bytes: int = MAX_FRAME_BYTES,
    ) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._on_made = on_made
        self._greeting = greeting
        self._max_frame_bytes = max_frame_bytes
        self._scratch = bytearray()  # taken when the peer says something: many are called in vain
        self._view = memoryview(self._scratch)
        self._start = self._end = 0  # what the scratch buffer holds that is not yet cut
        self._large: memoryview | None = None
        self._filled = 0
        self._transport: asyncio.Transport | None = None
        self.received = 0
        self.is_congested = False
        self._writable: asyncio.Future[None] | None = None
        self._reason: Exception | None = None

    @property
    def is_open(self) -> bool:
        """Whether frames can still be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def unsent(self) -> int:
        """Bytes that were written and not yet taken by the peer's side."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._on_made()
        if self._greeting:
            self.write(self._greeting)

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._large is not None:
            return self._large[self._filled :]
        if not self._scratch:
            self._take(FIRST_BYTES)
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        self.received += nbytes
        try:
            if self._large is None:
                self._end += nbytes
                if self._end == len(self._scratch) == FIRST_BYTES:
                    self._take(SCRATCH_BYTES)
                self._cut()
            else:
                self._filled += nbytes
                if self._filled == len(self._large):
                    data, self._large = self._large, None
                    self._on_frame(unpack(data))
        except HeadraceError as error:
            self.close(error)

    def _take(self, size: int) -> None:
        """Have a scratch buffer of this size, with what is in the one before."""
        larger = bytearray(size)
        larger[: self._end] = self._scratch[: self._end]
        self._scratch, self._view = larger, memoryview(larger)

    def _cut(self) -> None:
        """Hand on every whole frame in the scratch buffer and make room for the rest."""
        start, end = self._start, self._end
        while end - start >= HEADER.size:
            length = int.from_bytes(self._view[start : start + 4], 'little')
            if length > self._max_frame_bytes:
                raise ProtocolError(
                    f'the peer sent a frame of {length} bytes; {self._max_frame_bytes} are allowed'
                )
            total = HEADER.size + length
            if end - start >= total:
                self._on_frame(unpack(bytearray(self._view[start : start + total])))
                start += total
            elif total > SCRATCH_BYTES:
                # A length is only a claim: memory that is not zeroed is not taken until its bytes are here.
                self._large = np.empty(total, np.uint8).data
                self._filled = end - start
                self._large[: self._filled] = self._view[start:end]
                start = end
            else:
                break
        rest = end - start
        if start and rest:
            self._scratch[:rest] = self._scratch[start:end]
        self._start, self._end = 0, rest

    def write(self, buffers: Sequence[Buffer]) -> None:
        """Write a packed frame; a connection that is closed drops it (`on_lost` tells about that)."""
        if self._transport is not None and not self._transport.is_closing():
            if len(buffers) == 1:
                self._transport.write(buffers[0])
            else:
                self._transport.writelines(buffers[:-1])
                self._transport.write(buffers[-1])  # Python 3.12's writelines alone has no back-pressure

    async def writable(self) -> None:
        """Wait until the peer has taken enough of what was written before."""
        while self._writable is not None:
            await asyncio.shield(self._writable)

    def pause_writing(self) -> None:
        self.is_congested = True
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        self.is_congested = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def pause_reading(self) -> None:
        """Stop taking frames from the peer, who then has to wait in turn."""
        if self.is_open and self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take frames again."""
        if self.is_open and self._transport is not None:
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.resume_writing()
        self._transport = self._large = None
        self._scratch = bytearray()
        self._view = memoryview(self._scratch)
        self._start = self._end = 0
        self._on_lost(self._reason or error)

    def close(self, reason: Exception | None = None) -> None:
        """End the connection; frames already written are still sent, unless there is a reason for haste."""
        self._reason = self._reason or reason
        if self._transport is not None:
            if reason is None:
                self._transport.close()
            else:
                self._transport.abort()

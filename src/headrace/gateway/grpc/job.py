"""One request of a stream, from the work on it to its last written reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from headrace.gateway.underway import Work
from headrace.gateway.window import Window
from headrace.pipeline.admission import Ticket
from headrace.pipeline.context import Context

PARTS_AHEAD, BYTES_AHEAD = 16, 64 * 1024
"""Parts of one answer that may wait to be written, and their bytes; then the executor waits."""

Reply = asyncio.Future[bytes | None]


class Part(NamedTuple):
    """One part of an answer, serialised, that waits to be written; then it gives its room back."""

    data: bytes
    window: Window


class Parts:
    """Takes the parts of one answer as they are made, and holds up who makes more than are written.

    `add` puts one into the line where it waits: of the answer, or of the whole stream.
    """

    def __init__(self, add: Callable[[Part], None]) -> None:
        self._add = add
        self._window = Window(PARTS_AHEAD, BYTES_AHEAD)

    async def put(self, data: bytes) -> None:
        """Add a part; waits as long as too much of the answer is unwritten."""
        await self._window.enter(len(data))
        self._add(Part(data, self._window))


class Job(Work):
    """One request of a stream: `reply` is there with its last reply, serialised (None: it was withdrawn).

    `ticket` is None if there was no room for it. `parts` are the replies before the last, if there may be any
    and they have a line of their own.
    """

    __slots__ = ('context', 'parts', 'reply', 'size', 'ticket')

    def __init__(
        self,
        reply: Reply,
        context: Context,
        size: int,
        ticket: Ticket | None = None,
        parts: asyncio.Queue[Part | None] | None = None,
    ) -> None:
        super().__init__()
        self.reply = self.task = reply
        self.context = context
        self.size = size
        self.ticket = ticket
        self.parts = parts

    def cancel(self) -> None:
        """Tell the executors that it is over."""
        self.context.cancel()

"""Room for what is on its way in a stream, by number and by bytes."""

from __future__ import annotations

import asyncio
import sys


class Window:
    """Room for requests in work, or for parts that wait: so many, and so many bytes.

    What is larger than all there is may pass when nothing else is here.
    """

    def __init__(self, count: int, size: int) -> None:
        self._count = count or sys.maxsize
        self._size = size
        self._taken = self._bytes = 0
        self._freed = asyncio.Event()

    async def enter(self, size: int) -> None:
        """Wait until there is room for something of `size` bytes, and take it."""
        while self._taken and (self._taken >= self._count or self._bytes + size > self._size):
            self._freed.clear()
            await self._freed.wait()
        self._taken += 1
        self._bytes += size

    def leave(self, size: int) -> None:
        """Give the room of something back."""
        self._taken -= 1
        self._bytes -= size
        self._freed.set()

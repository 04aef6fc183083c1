"""Room for what is on its way on one connection, by number and by bytes; the same for every door."""

from __future__ import annotations

import asyncio
import sys


class Window:
    """Room for requests in work, or for parts that wait: so many (0: any number), and so many bytes.

    What is larger than all there is may pass when nothing else is here.
    """

    def __init__(self, count: int, size: int) -> None:
        self._count = count or sys.maxsize
        self._size = size
        self._taken = self._bytes = 0
        self._freed = asyncio.Event()

    def has_room(self, size: int) -> bool:
        """Whether there is room for something of `size` bytes now."""
        return not self._taken or (self._taken < self._count and self._bytes + size <= self._size)

    def take(self, size: int) -> None:
        """Take room, whether there is any or not."""
        self._taken += 1
        self._bytes += size

    async def enter(self, size: int) -> None:
        """Wait until there is room for something of `size` bytes, and take it."""
        while not self.has_room(size):
            self._freed.clear()
            await self._freed.wait()
        self.take(size)

    def leave(self, size: int) -> None:
        """Give the room of something back."""
        self._taken -= 1
        self._bytes -= size
        self._freed.set()

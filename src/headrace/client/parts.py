"""Requests in, parts of their answers out as they come: bounded on both sides, in order or not."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Generic, NamedTuple, TypeVar

from headrace.client.messages import Response
from headrace.client.window import Limits

Q = TypeVar('Q')
T = TypeVar('T')

MOST_AHEAD = 128
"""Items that a buffer holds at most, however small: a generator shall stop soon behind who reads slowly."""

PART_BYTES = 256
"""What a part takes beside its documents, about."""


class Part(NamedTuple):
    """One part of an answer, and the bytes in which it came."""

    response: Response[Any]
    size: int


Parts = AsyncGenerator[Part, None]


class End(NamedTuple):
    """There is no more of something that took up `size` bytes; `error` is what ended it."""

    size: int = 0
    error: Exception | None = None


class Buffer(Generic[T]):
    """Holds items of so many bytes in all (a larger one may pass alone), and so many; who puts more waits."""

    def __init__(self, size: int) -> None:
        self._limit = size
        self._most = MOST_AHEAD
        self._items: deque[tuple[T, int]] = deque()
        self._size = 0
        self._changed = asyncio.Event()

    async def put(self, item: T, size: int) -> None:
        """Add an item when there is room for it."""
        while self._items and (self._size + size > self._limit or len(self._items) >= self._most):
            self._changed.clear()
            await self._changed.wait()
        self.put_last(item, size)

    def put_last(self, item: T, size: int = 0) -> None:
        """Add an item at once: one behind which not much can come."""
        self._items.append((item, size))
        self._size += size
        self._changed.set()

    def let_all_pass(self) -> None:
        """Nobody takes items any more: who puts them does not wait."""
        self._limit = self._most = sys.maxsize
        self._changed.set()

    async def get(self) -> T:
        """The next item, as soon as there is one."""
        while not self._items:
            self._changed.clear()
            await self._changed.wait()
        item, size = self._items.popleft()
        self._size -= size
        self._changed.set()
        return item


class Flight:
    """Requests whose answers come in parts: sends while there is room, and has what came back.

    A request takes up its room until its last part has been taken.
    """

    def __init__(self, limits: Limits, *, in_order: bool) -> None:
        self._limits = limits
        self._requests = self._size = 0
        self._freed = asyncio.Event()
        self._shared: Buffer[Part | End] | None = None if in_order else Buffer(limits.size)
        # One entry for each End that comes. In order it is the buffer of one request, else that of all.
        self._turns: asyncio.Queue[Buffer[Part | End] | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, requests: AsyncIterator[Q], send: Callable[[Q], tuple[Parts, int]]) -> None:
        """Start to ask for requests, and to send them; `send` gives their parts, and their own bytes."""
        self._start(self._feed(requests, send))

    async def parts(self) -> AsyncGenerator[Part, None]:
        """What comes back; raises what ended the requests, or one of them."""
        while (buffer := await self._turns.get()) is not None:
            while not isinstance(item := await buffer.get(), End):
                yield item
            self._requests -= 1
            self._size -= item.size
            self._freed.set()
            if item.error is not None:
                raise item.error

    async def close(self) -> None:
        """Withdraw what is under way."""
        under_way = list(self._tasks)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _turn(self) -> Buffer[Part | End]:
        """The buffer of one more request."""
        buffer = self._shared
        if buffer is None:
            buffer = Buffer(max(self._limits.size // self._limits.requests, PART_BYTES))
        self._turns.put_nowait(buffer)
        return buffer

    async def _feed(self, requests: AsyncIterator[Q], send: Callable[[Q], tuple[Parts, int]]) -> None:
        error: Exception | None = None
        try:
            while True:
                await self._room()
                parts, size = send(await anext(requests))
                self._requests += 1
                self._size += size
                self._start(_receive(parts, self._turn(), size))
        except StopAsyncIteration:
            pass
        except Exception as raised:
            error = raised
        self._turn().put_last(End(error=error))
        self._turns.put_nowait(None)

    async def _room(self) -> None:
        """Wait until another request may begin, however large: its size is known when it is made."""
        while self._requests >= self._limits.requests or self._size >= self._limits.size:
            self._freed.clear()
            await self._freed.wait()


async def _receive(parts: Parts, buffer: Buffer[Part | End], size: int) -> None:
    """Move the parts of one answer into a buffer, and then its end."""
    error: Exception | None = None
    try:
        async with aclosing(parts):
            async for part in parts:
                await buffer.put(part, part.size + PART_BYTES)
    except Exception as raised:
        error = raised
    buffer.put_last(End(size, error))

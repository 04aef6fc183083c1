"""Items between one task that makes them and one that takes them: bounded, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Generic, TypeVar

T = TypeVar('T')

Future = asyncio.Future[None]


class Buffer(Generic[T]):
    """A queue of `limit` items that ends: `async for item in buffer` takes what the other side has put.

    The maker waits for `room()` and then puts; with `end` what is here is still taken and then the iteration
    is over, or raises the error; `fail` raises at once and forgets what is here. Both sides are tasks of one
    event loop.
    """

    __slots__ = ('_error', '_is_over', '_items', '_limit', '_maker', '_taker')

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._is_over = False
        self._error: BaseException | None = None
        self._maker: Future | None = None  # who waits, of each side
        self._taker: Future | None = None

    @property
    def has_room(self) -> bool:
        """Whether one more item may be put."""
        return len(self._items) < self._limit and not self._is_over

    async def room(self) -> None:
        """Wait until there is room (or the buffer is over, and nobody needs any)."""
        while len(self._items) >= self._limit and not self._is_over:
            self._maker = asyncio.get_running_loop().create_future()
            try:
                await self._maker
            finally:
                self._maker = None

    def put(self, item: T) -> None:
        """Add an item; after the end it is dropped."""
        if not self._is_over:
            self._items.append(item)
            _wake(self._taker)

    def end(self, error: BaseException | None = None) -> None:
        """No more comes: when all items are taken, the iteration is over, or raises `error`."""
        if not self._is_over:
            self._is_over = True
            self._error = error
            _wake(self._taker)
            _wake(self._maker)

    def fail(self, error: BaseException) -> None:
        """Nobody wants more: the next that is taken is `error`."""
        if self._error is None:
            self._items.clear()
            self._is_over = True
            self._error = error
            _wake(self._taker)
            _wake(self._maker)

    def __len__(self) -> int:
        return len(self._items)

    def __aiter__(self) -> Buffer[T]:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._is_over:
                raise StopAsyncIteration
            self._taker = asyncio.get_running_loop().create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        item = self._items.popleft()
        _wake(self._maker)
        return item

    def __repr__(self) -> str:
        return f'<Buffer {len(self._items)} of {self._limit}{" over" if self._is_over else ""}>'


async def fill(buffer: Buffer[T], parts: AsyncGenerator[T, None]) -> None:
    """Put all that a generator gives into a buffer, and how it ends; cancelling this closes the generator."""
    task = asyncio.current_task()
    assert task is not None
    error: BaseException | None = None
    try:
        async with aclosing(parts):
            async for part in parts:
                buffer.put(part)
                await buffer.room()
                if task.cancelling():  # it was told, and took no notice
                    return
    except asyncio.CancelledError as raised:
        if task.cancelling():
            raise
        error = RuntimeError('the generator let asyncio.CancelledError of a task of its own escape')
        error.__cause__ = raised
    except Exception as raised:
        error = raised
    buffer.end(error)


def _wake(waiter: Future | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)

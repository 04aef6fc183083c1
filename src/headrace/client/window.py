"""A bounded number of requests in flight, of bounded size: as one of them ends, the next one starts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, TypeVar

from headrace.client.loop import wait_for_one

Q = TypeVar('Q')
A = TypeVar('A')
F = TypeVar('F', bound='asyncio.Task[Any] | Future[Any]')


class Limits(NamedTuple):
    """How many requests may be in flight, and from how many bytes on no other one is begun."""

    requests: int
    size: int


class Flight(Generic[F]):
    """What is in flight, in the order in which it began, with the size of each."""

    def __init__(self, limits: Limits, *, in_order: bool) -> None:
        self._limits = limits
        self._in_order = in_order
        self._flying: deque[tuple[F, int]] = deque()
        self._size = 0

    @property
    def has_room(self) -> bool:
        """Whether another request may begin, however large: its size is known when it is made."""
        return len(self._flying) < self._limits.requests and self._size < self._limits.size

    def add(self, task: F, size: int) -> None:
        """A request of `size` bytes has begun."""
        self._flying.append((task, size))
        self._size += size

    def awaited(self) -> list[F]:
        """What is to be waited for: the first in order, or any."""
        tasks = [task for task, _ in self._flying]
        return tasks[:1] if self._in_order else tasks

    def ready(self) -> F | None:
        """The next answer that may be given out; None if there is none yet."""
        for number, (task, size) in enumerate(self._flying):
            if task.done():
                del self._flying[number]
                self._size -= size
                return task
            if self._in_order:
                break
        return None

    def all(self) -> list[F]:
        """Everything in flight."""
        return [task for task, _ in self._flying]

    def __len__(self) -> int:
        return len(self._flying)


async def run(
    requests: AsyncIterator[Q],
    start: Callable[[Q], tuple[asyncio.Task[A], int]],
    limits: Limits,
    *,
    in_order: bool,
) -> AsyncGenerator[A, None]:
    """Requests in, answers out; `start` gives the task of a request and its size in bytes.

    The next request is asked for only when there is room for it, counting the answers that wait for their
    turn, and an answer does not wait for it. Leaving the iteration cancels the rest.
    """
    flight: Flight[asyncio.Task[A]] = Flight(limits, in_order=in_order)
    coming: asyncio.Task[Q] | None = None
    has_more = True
    try:
        while has_more or len(flight):
            if has_more and coming is None and flight.has_room:
                coming = asyncio.create_task(_next(requests))
            awaited: list[asyncio.Task[Any]] = [*flight.awaited(), *([coming] if coming else [])]
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if coming is not None and coming.done():
                try:
                    flight.add(*start(coming.result()))
                except StopAsyncIteration:
                    has_more = False
                coming = None
            while (ready := flight.ready()) is not None:
                yield ready.result()
    finally:
        under_way: list[asyncio.Task[Any]] = [*flight.all(), *([coming] if coming else [])]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _next(requests: AsyncIterator[Q]) -> Q:
    return await anext(requests)


def run_blocking(
    requests: Iterator[Q], start: Callable[[Q], tuple[Future[A], int]], limits: Limits, *, in_order: bool
) -> Generator[A, None, None]:
    """The same as `run` for a thread that waits: `start` hands the work to an event loop elsewhere."""
    flight: Flight[Future[A]] = Flight(limits, in_order=in_order)
    has_more = True
    try:
        while has_more or len(flight):
            ready = flight.ready()
            while ready is None and has_more and flight.has_room:
                try:
                    flight.add(*start(next(requests)))
                except StopIteration:
                    has_more = False
                ready = flight.ready()
            if ready is None and len(flight):
                wait_for_one(flight.awaited())
                ready = flight.ready()
            if ready is not None:
                yield ready.result()
    finally:
        for future in flight.all():
            future.cancel()

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import aclosing, closing

import pytest
from waiting import turns

from headrace.client import window
from headrace.client.window import Limits


def allow(requests: int, size: int = 1000) -> Limits:
    return Limits(requests, size)


class Work:
    """Requests under way, which the test ends in the order that it wants."""

    def __init__(self) -> None:
        self.open: dict[int, asyncio.Event] = {}
        self.most = 0
        self.cancelled: list[int] = []

    def start(self, number: int) -> tuple[asyncio.Task[int], int]:
        return asyncio.create_task(self._run(number)), 10

    async def _run(self, number: int) -> int:
        event = self.open[number] = asyncio.Event()
        self.most = max(self.most, len(self.open))
        try:
            await event.wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        finally:
            del self.open[number]
        return number

    async def reach(self, *numbers: int) -> None:
        """Wait until just these are under way."""
        while set(self.open) != set(numbers):  # noqa: ASYNC110
            await asyncio.sleep(0)


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


async def test_as_many_as_allowed_are_under_way() -> None:
    work = Work()
    found: list[int] = []

    async def collect() -> None:
        async for answer in window.run(numbers(5), work.start, allow(2), in_order=True):
            found.append(answer)

    task = asyncio.create_task(collect())
    await work.reach(0, 1)
    for number, then in enumerate([(1, 2), (2, 3), (3, 4), (4,), ()]):
        work.open[number].set()
        await work.reach(*then)
    await task
    assert found == [0, 1, 2, 3, 4]
    assert work.most == 2


@pytest.mark.parametrize(('in_order', 'expected'), [(True, [0, 1, 2]), (False, [2, 1, 0])])
async def test_answers_in_order_or_as_they_come(in_order: bool, expected: list[int]) -> None:
    work = Work()
    found: list[int] = []

    async def collect() -> None:
        async for answer in window.run(numbers(3), work.start, allow(3), in_order=in_order):
            found.append(answer)

    task = asyncio.create_task(collect())
    await work.reach(0, 1, 2)
    for number in (2, 1, 0):
        work.open[number].set()
        await turns(10)
    await task
    assert found == expected


async def test_an_answer_does_not_wait_for_the_next_request() -> None:
    given: asyncio.Queue[int] = asyncio.Queue()

    async def asking() -> AsyncIterator[int]:
        while True:
            yield await given.get()

    async def double(number: int) -> int:
        return number * 2

    given.put_nowait(1)
    flight = window.run(asking(), lambda n: (asyncio.create_task(double(n)), 10), allow(5), in_order=True)
    async with aclosing(flight):
        assert await anext(flight) == 2
        given.put_nowait(10)
        assert await anext(flight) == 20


async def test_leaving_cancels_what_is_under_way() -> None:
    work = Work()
    flight = window.run(numbers(3), work.start, allow(3), in_order=True)
    async with aclosing(flight):
        first = asyncio.ensure_future(anext(flight))
        await work.reach(0, 1, 2)
        work.open[0].set()
        await first
    assert sorted(work.cancelled) == [1, 2]


async def test_an_error_of_the_source_ends_it() -> None:
    async def failing() -> AsyncIterator[int]:
        yield 0
        raise OSError('the disk is gone')

    work = Work()
    with pytest.raises(OSError, match='the disk is gone'):
        async for _ in window.run(failing(), work.start, allow(3), in_order=True):
            pass
    assert work.cancelled == [0] or not work.open


async def test_no_more_bytes_than_allowed_are_under_way() -> None:
    work = Work()
    flight = window.run(numbers(9), work.start, allow(9, 25), in_order=True)
    async with aclosing(flight):
        first = asyncio.ensure_future(anext(flight))
        await work.reach(0, 1, 2)  # of 10 bytes each: the third one begins while there is room
        await turns(10)
        assert work.most == 3
        work.open[0].set()
        await first


class Futures:
    """The same for threads: each request is a future that the test resolves."""

    def __init__(self, *, done: bool = False) -> None:
        self.made: list[Future[int]] = []
        self._done = done

    def start(self, number: int) -> tuple[Future[int], int]:
        future: Future[int] = Future()
        self.made.append(future)
        if self._done:
            future.set_result(number)
        return future, 10


def test_blocking_gives_answers_in_order() -> None:
    futures = Futures(done=True)
    assert list(window.run_blocking(iter(range(5)), futures.start, allow(2), in_order=True)) == [
        0,
        1,
        2,
        3,
        4,
    ]


def test_blocking_asks_for_no_more_than_fits() -> None:
    futures = Futures()
    flight = window.run_blocking(iter(range(5)), _resolve_when_full(futures, 3), allow(3), in_order=True)
    with closing(flight):
        assert next(flight) == 0
        assert len(futures.made) == 3


def test_blocking_counts_bytes_too() -> None:
    futures = Futures()
    flight = window.run_blocking(iter(range(5)), _resolve_when_full(futures, 2), allow(5, 11), in_order=True)
    with closing(flight):
        assert next(flight) == 0
        assert len(futures.made) == 2


def test_blocking_cancels_the_rest() -> None:
    futures = Futures()
    with closing(
        window.run_blocking(iter(range(5)), _resolve_when_full(futures, 3), allow(3), in_order=True)
    ) as flight:
        next(flight)
    assert [future.cancelled() for future in futures.made] == [False, True, True]


def test_blocking_gives_answers_as_they_come() -> None:
    futures = Futures()
    flight = window.run_blocking(
        iter(range(3)), _resolve_when_full(futures, 3, which=2), allow(3), in_order=False
    )
    with closing(flight):
        assert next(flight) == 2


def _resolve_when_full(futures: Futures, size: int, which: int = 0):  # type: ignore[no-untyped-def]
    def start(number: int) -> tuple[Future[int], int]:
        started = futures.start(number)
        if len(futures.made) == size:
            futures.made[which].set_result(which)
        return started

    return start

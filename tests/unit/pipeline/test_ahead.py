"""Streams made ahead, mapped side by side, and interleaved: order, bounds, errors in their turn, and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import turns

from headrace.errors import Cancelled, DeadlineExceeded
from headrace.pipeline import Context
from headrace.pipeline.ahead import ahead, interleaved, mapped
from headrace.pipeline.buffer import Buffer


class Source:
    """Numbers, as long as they are wanted; knows how many were made, and how it ended."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.count = count
        self.error = error
        self.made = 0
        self.is_closed = False

    async def parts(self) -> AsyncGenerator[int, None]:
        try:
            while self.made < self.count:
                self.made += 1
                yield self.made
                await asyncio.sleep(0)
            if self.error is not None:
                raise self.error
        finally:
            self.is_closed = True


@given(count=st.integers(0, 30), limit=st.integers(1, 5))
def test_all_comes_in_order(count: int, limit: int) -> None:
    async def run() -> None:
        source = Source(count)
        assert [n async for n in ahead(source.parts(), Context(), limit=limit)] == list(range(1, count + 1))
        assert source.is_closed

    asyncio.run(run())


@given(limit=st.integers(1, 5), taken=st.integers(1, 6))
def test_it_is_ahead_by_its_limit_and_no_more(limit: int, taken: int) -> None:
    async def run() -> None:
        source = Source(1000)
        async with aclosing(ahead(source.parts(), Context(), limit=limit)) as parts:
            for number in range(1, taken + 1):
                assert await anext(parts) == number
                await turns(50)
                assert source.made == number + limit
        assert source.is_closed

    asyncio.run(run())


async def test_an_error_comes_after_what_was_made_before_it() -> None:
    seen = []
    with pytest.raises(ValueError, match='broken'):
        async for number in ahead(Source(3, ValueError('broken')).parts(), Context(), limit=10):
            seen.append(number)
    assert seen == [1, 2, 3]


async def test_who_cancels_the_request_closes_the_source_though_nobody_takes() -> None:
    source, context = Source(1000), Context()
    async with aclosing(ahead(source.parts(), context)) as parts:
        await anext(parts)
        context.cancel()
        await turns(50)
        assert source.is_closed
        with pytest.raises(Cancelled):
            await anext(parts)


async def test_a_deadline_ends_a_source_that_waits() -> None:
    async def stuck() -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.Event().wait()

    seen = []
    with pytest.raises(DeadlineExceeded):
        async for number in ahead(stuck(), Context.within('/', 0.02)):
            seen.append(number)
    assert seen == [1]


async def test_a_source_that_takes_no_notice_is_left_when_it_has_made_its_next() -> None:
    async def stubborn() -> AsyncGenerator[int, None]:
        for number in range(1000):
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                pass
            yield number

    async with asyncio.timeout(5), aclosing(ahead(stubborn(), Context(), limit=1)) as parts:
        assert await anext(parts) == 0


async def test_a_stray_cancellation_of_the_source_is_an_error() -> None:
    async def stray() -> AsyncGenerator[int, None]:
        yield 1
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match='of its own escape'):
        async for _ in ahead(stray(), Context()):
            pass


@given(delays=st.lists(st.integers(0, 5), max_size=30), limit=st.integers(1, 6))
def test_what_is_worked_on_side_by_side_keeps_its_order(delays: list[int], limit: int) -> None:
    async def run() -> None:
        busy = most = 0

        async def source() -> AsyncGenerator[tuple[int, int], None]:
            for each in enumerate(delays):
                yield each

        async def work(part: tuple[int, int]) -> int:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            for _ in range(part[1]):
                await asyncio.sleep(0)
            busy -= 1
            return part[0]

        assert [n async for n in mapped(source(), work, limit=limit)] == list(range(len(delays)))
        assert most <= max(limit, 2)
        assert busy == 0

    asyncio.run(run())


async def test_an_error_of_the_work_comes_in_its_turn_and_ends_the_rest() -> None:
    source, under_way = Source(1000), 0

    async def work(number: int) -> int:
        nonlocal under_way
        under_way += 1
        try:
            if number == 3:
                raise ValueError('three')
            if number > 3:
                await asyncio.Event().wait()
            await turns(10)
            return number
        finally:
            under_way -= 1

    seen = []
    with pytest.raises(ValueError, match='three'):
        async for number in mapped(source.parts(), work, limit=6):
            seen.append(number)
    assert seen == [1, 2]
    assert under_way == 0
    assert source.is_closed
    assert source.made < 12


async def test_an_error_of_the_source_waits_for_the_work_before_it() -> None:
    async def work(number: int) -> int:
        await turns(20)
        return number

    seen = []
    with pytest.raises(ValueError, match='broken'):
        async for number in mapped(Source(3, ValueError('broken')).parts(), work):
            seen.append(number)
    assert seen == [1, 2, 3]


@given(counts=st.lists(st.integers(0, 8), min_size=1, max_size=5))
def test_streams_interleaved_lose_nothing_and_keep_the_order_of_each(counts: list[int]) -> None:
    async def run() -> None:
        sources = {name: Source(count) for name, count in enumerate(counts)}
        got: dict[int, list[int]] = {name: [] for name in sources}
        over = set()
        async for name, part in interleaved({name: each.parts() for name, each in sources.items()}):
            assert name not in over
            if part is None:
                over.add(name)
            else:
                assert isinstance(part, int)
                got[name].append(part)
        assert over == set(sources)
        assert [len(got[name]) for name in sources] == counts
        assert all(each == sorted(each) for each in got.values())

    asyncio.run(run())


async def test_one_of_several_that_fails_is_told_and_the_others_go_on() -> None:
    streams = {'bad': Source(1, ValueError('broken')).parts(), 'good': Source(20).parts()}
    seen = [each async for each in interleaved(streams)]
    assert [part for name, part in seen if name == 'good'] == [*range(1, 21), None]
    bad = [part for name, part in seen if name == 'bad']
    assert bad[0] == 1
    assert isinstance(bad[1], ValueError)


async def test_leaving_closes_all_of_several() -> None:
    sources = [Source(1000), Source(1000)]
    async with aclosing(interleaved(dict(enumerate(each.parts() for each in sources)))) as parts:
        await anext(parts)
    assert all(source.is_closed for source in sources)


async def test_a_buffer_tells_its_state() -> None:
    buffer: Buffer[int] = Buffer(2)
    buffer.put(1)
    assert repr(buffer) == '<Buffer 1 of 2>'
    buffer.end()
    buffer.put(2)
    assert (repr(buffer), len(buffer)) == ('<Buffer 1 of 2 over>', 1)
    buffer.fail(ValueError('late'))
    with pytest.raises(ValueError, match='late'):
        await anext(buffer)

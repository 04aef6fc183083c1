"""How generators end: far ahead of nobody, closed when their reader leaves, in time, on their thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from one_handler import executor_with
from waiting import turns

from headrace import BaseDoc, DocList, Executor, requests
from headrace.errors import Cancelled, DeadlineExceeded
from headrace.executors import close, serve
from headrace.pipeline import Batch, Context
from headrace.pipeline.ahead import LOOK_AHEAD


class Token(BaseDoc):
    text: str = ''


def batch(*texts: str) -> Batch:
    return Batch(DocList[Token]([Token(text=text) for text in texts]))


def texts(parts: list[Batch]) -> list[list[str]]:
    return [[doc.text for doc in part.docs_as(Token)] for part in parts]


class Endless(Executor):
    """Counts as long as it may."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.made = 0
        self.closed = asyncio.Event()
        self.threads: set[int] = set()
        self.loop = asyncio.get_running_loop()

    def note(self) -> int:
        self.made += 1
        self.threads.add(threading.get_ident())
        return self.made

    def end(self) -> None:
        self.threads.add(threading.get_ident())
        self.loop.call_soon_threadsafe(self.closed.set)

    @requests(on='/async')
    async def count(self, docs: DocList[Token]) -> AsyncIterator[Token]:
        try:
            while True:
                yield Token(text=str(self.note()))
        finally:
            self.end()

    @requests(on='/sync')
    def count_on_a_thread(self, docs: DocList[Token]) -> Iterator[Token]:
        try:
            while True:
                yield Token(text=str(self.note()))
        finally:
            self.end()

    @requests(on='/waits')
    async def wait(self, docs: DocList[Token]) -> AsyncIterator[Token]:
        try:
            yield Token(text=str(self.note()))
            await asyncio.Event().wait()
        finally:
            self.end()

    @requests(on='/scoped')
    async def scoped(self, docs: DocList[Token]) -> AsyncIterator[Token]:
        """What is entered in a task has to be left in the same one."""
        async with asyncio.timeout(60):
            for _ in range(5):
                yield Token(text=str(self.note()))

    @requests(on='/ping')
    def ping(self, docs: DocList[Token]) -> None:
        self.threads.add(threading.get_ident())


@pytest.mark.parametrize('on', ['/async', '/sync'])
async def test_it_runs_little_ahead_and_is_closed_when_its_reader_leaves(on: str) -> None:
    executor = Endless()
    handler = serve(executor)
    async with aclosing(handler.stream(batch(), Context(on))) as parts:
        for number in (1, 2, 3):
            part = await anext(parts)
            assert part.docs_as(Token)[0].text == str(number)
            await handler(batch(), Context('/ping'))  # other requests of the same thread have their turn
            await turns(50)
            assert executor.made <= number + LOOK_AHEAD + 1
    await asyncio.wait_for(executor.closed.wait(), 5)
    made = executor.made
    await handler(batch(), Context('/ping'))
    assert executor.made == made
    if on == '/sync':
        assert len(executor.threads) == 1
        assert threading.get_ident() not in executor.threads
    await close(executor)


@pytest.mark.parametrize('on', ['/async', '/sync', '/waits'])
async def test_cancelling_the_request_closes_it_while_nobody_takes_anything(on: str) -> None:
    executor = Endless()
    context = Context(on)
    async with aclosing(serve(executor).stream(batch(), context)) as parts:
        await anext(parts)
        context.cancel()
        await asyncio.wait_for(executor.closed.wait(), 5)
        with pytest.raises(Cancelled):
            await anext(parts)
    await close(executor)


@pytest.mark.parametrize('on', ['/async', '/sync', '/waits'])
async def test_the_deadline_ends_it(on: str) -> None:
    executor = Endless()
    context = Context.within(on, 0.1)
    with pytest.raises(DeadlineExceeded):
        async for _ in serve(executor).stream(batch(), context):
            pass
    await asyncio.wait_for(executor.closed.wait(), 5)
    await close(executor)


async def test_a_deadline_that_is_over_begins_nothing() -> None:
    executor = Endless()
    with pytest.raises(DeadlineExceeded):
        async for _ in serve(executor).stream(batch(), Context('/async', deadline=0.0)):
            pass
    assert executor.made == 0


async def test_it_runs_in_one_task_whoever_takes_its_parts() -> None:
    executor = Endless()
    parts = serve(executor).stream(batch(), Context('/scoped'))
    seen = [await asyncio.create_task(_next(parts)) for _ in range(5)]
    assert texts(seen) == [[str(number)] for number in range(1, 6)]
    with pytest.raises(StopAsyncIteration):
        await asyncio.create_task(_next(parts))


async def _next(parts: AsyncGenerator[Batch, None]) -> Batch:
    return await anext(parts)


async def test_a_step_that_is_running_is_left_and_closed_behind_it() -> None:
    running, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def handler(self: Any, doc: Token) -> Iterator[Token]:
        try:
            yield doc
            running.set()
            go_on.wait(10)
            yield doc
        finally:
            closed.set()

    executor = executor_with(handler)
    context = Context('/')
    async with aclosing(serve(executor).stream(batch('a'), context)) as parts:
        await anext(parts)
        await asyncio.to_thread(running.wait, 10)
        context.cancel()
        with pytest.raises(Cancelled):
            await anext(parts)  # who waits is answered at once
        assert not closed.is_set()
    go_on.set()
    assert await asyncio.to_thread(closed.wait, 10)
    await close(executor)


async def test_an_endpoint_that_is_no_generator_gives_one_part() -> None:
    executor = Endless()
    parts = [part async for part in serve(executor).stream(batch('a', 'b'), Context('/ping'))]
    assert texts(parts) == [['a', 'b']]
    await close(executor)
    untouched = batch('x')
    assert [each async for each in serve(Executor()).stream(untouched, Context('/x'))] == [untouched]

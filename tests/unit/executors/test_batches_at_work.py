"""Batches of executors that sort, hold their thread, run side by side, or must not run twice."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import pytest
from waiting import turns

from headrace import Document, DocumentArray, Executor, dynamic_batching, requests
from headrace.errors import DeadlineExceeded, ExecutorError, ExecutorFailure
from headrace.executors import close, load, serve
from headrace.pipeline import Batch, Context


class Once(Executor):
    """Must not do anything twice."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @requests(on='/pay', idempotent=False)
    @dynamic_batching
    def pay(self, docs: DocumentArray) -> None:
        self.seen += docs.text
        if 'bad' in docs.text:
            raise ValueError('no such account')

    @requests(on='/sum', idempotent=False)
    @dynamic_batching
    def sum(self, docs: DocumentArray) -> DocumentArray:
        self.seen += docs.text
        return DocumentArray([Document(text=''.join(docs.text))])


@pytest.mark.parametrize('endpoint', ['/pay', '/sum'])
async def test_what_must_not_run_twice_does_not(endpoint: str) -> None:
    executor = Once()
    handler = serve(executor)
    texts = ['a', 'b', 'bad', 'c']
    asked = (handler(Batch(DocumentArray([Document(text)])), Context(endpoint)) for text in texts)
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert executor.seen == texts
    assert [type(each) for each in found] == [ExecutorFailure] * 4
    expected = 'no such account.*4 requests.*not idempotent' if endpoint == '/pay' else 'do not say for which'
    assert all(re.search(expected, str(each)) for each in found)
    with pytest.raises(ExecutorFailure, match='no such account') as caught:
        await handler(Batch(DocumentArray([Document('bad')])), Context('/pay'))
    assert 'idempotent' not in str(caught.value)
    await close(executor)


class Overstaying(Executor):
    """A handler that holds its thread for as long as it likes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.started, self.gate = threading.Event(), threading.Event()

    @requests(on='/hold')
    @dynamic_batching(preferred_batch_size=4)
    def hold(self, docs: DocumentArray) -> None:
        self.sizes.append(len(docs))
        self.started.set()
        assert self.gate.wait(30)

    @requests(on='/ping')
    async def ping(self, docs: DocumentArray) -> None: ...


async def test_a_handler_that_overstays_its_deadline_stops_nobody_else() -> None:
    executor = Overstaying()
    handler = serve(executor)

    async def ask_for(seconds: float | None) -> str:
        context = Context.within('/hold', seconds)
        try:
            await handler(Batch(DocumentArray([Document()])), context)
        except DeadlineExceeded:
            return 'late'
        return 'done'

    late = [asyncio.ensure_future(ask_for(0.05))]
    await asyncio.to_thread(executor.started.wait, 30)
    late += [asyncio.ensure_future(ask_for(0.05)) for _ in range(20)]
    patient = [asyncio.ensure_future(ask_for(None)) for _ in range(4)]
    assert await asyncio.gather(*late) == ['late'] * 21  # answered in time, while the thread is held
    await handler(Batch(), Context('/ping'))
    executor.gate.set()
    assert await asyncio.gather(*patient) == ['done'] * 4
    assert sum(executor.sizes) == 5  # none of the late ones
    await close(executor)


class Parallel(Executor):
    """Notes how many batches it works on at a time, and ends none before as many as expected are there."""

    def __init__(self, expected: int = 3) -> None:
        self.running = self.most = 0
        self.barrier = threading.Barrier(expected)
        self.meeting = asyncio.Barrier(expected)

    @requests(on='/async')
    @dynamic_batching(preferred_batch_size=2, parallel_batches=3)
    async def on_the_loop(self, docs: DocumentArray) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        await self.meeting.wait()
        self.running -= 1

    @requests(on='/threads')
    def on_threads(self, docs: DocumentArray) -> None:
        self.barrier.wait(30)


async def test_batches_at_a_time() -> None:
    settings = {'/threads': {'preferred_batch_size': 2, 'parallel_batches': 3}}
    args = {'allow_concurrent': True}
    executor: Any = load(Parallel, uses_dynamic_batching=settings, runtime_args=args)
    handler = serve(executor)
    for endpoint in ('/async', '/threads'):
        asked = (handler(Batch(DocumentArray.empty(2)), Context(endpoint)) for _ in range(12))
        assert sum(len(reply) for reply in await asyncio.gather(*asked)) == 24
    assert executor.most == 3
    await close(executor)
    with pytest.raises(ExecutorError, match='parallel_batches of on_threads .*one call after the other'):
        serve(load(Parallel, uses_dynamic_batching=settings))


class Sorter(Executor):
    """Sorts its documents, as rankers do."""

    @requests(on='/sort')
    @dynamic_batching
    def sort(self, docs: DocumentArray) -> None:
        docs.sort(key=lambda doc: doc.text)

    @requests(on='/new')
    @dynamic_batching
    async def new(self, docs: DocumentArray) -> DocumentArray:
        return DocumentArray(sorted(docs, key=lambda doc: doc.text))


@pytest.mark.parametrize('endpoint', ['/sort', '/new'])
async def test_requests_with_the_same_ids_get_their_own(endpoint: str) -> None:
    executor = Sorter()
    handler = serve(executor)
    texts = ['d', 'b', 'c', 'a']
    asked = (
        handler(Batch(DocumentArray([Document(id='1', text=text)])), Context(endpoint)) for text in texts
    )
    assert [reply.docs.text for reply in await asyncio.gather(*asked)] == [[text] for text in texts]
    await close(executor)


async def test_a_batch_made_ahead_has_nobody_who_left() -> None:
    executor = Overstaying()
    handler = serve(executor)
    contexts = [Context('/hold') for _ in range(9)]
    tasks = []
    for context in contexts:
        tasks.append(asyncio.ensure_future(handler(Batch(DocumentArray([Document()])), context)))
        if len(tasks) == 1:
            await asyncio.to_thread(executor.started.wait, 30)
    await turns(5)  # the next batch, of four, has been handed to the thread by now
    for number in (2, 3):
        contexts[number].cancel()
    executor.gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [number for number, each in enumerate(found) if isinstance(each, Exception)] == [2, 3]
    assert executor.sizes == [1, 2, 4]
    await close(executor)

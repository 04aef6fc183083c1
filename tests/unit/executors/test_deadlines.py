"""Deadlines and cancellation: nothing late is started, what can be stopped is stopped, all are answered."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from headrace import DocumentArray, Executor, requests
from headrace.errors import Cancelled, DeadlineExceeded
from headrace.executors import close, serve
from headrace.pipeline import Batch, Context


class Held(Executor):
    """Waits until it is let go: '/sync' on its thread, everything else on the loop."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.gate = threading.Event()
        self.waits = asyncio.Event()
        self.calls: list[str] = []

    @requests(on='/sync')
    def hold(self, parameters: dict[str, Any]) -> None:
        self.calls.append(parameters.get('name', ''))
        self.started.set()
        assert self.gate.wait(30)

    @requests
    async def hold_on_the_loop(self, **kwargs: Any) -> None:
        self.calls.append('begun')
        self.waits.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.calls.append('cancelled')
            raise

    @requests(on='/stubborn')
    async def refuse_to_stop(self, **kwargs: Any) -> None:
        self.waits.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self.calls.append('answered all the same')

    @requests(on='/quick')
    async def answer_at_once(self, **kwargs: Any) -> None:
        self.calls.append('answered')


def batch(**parameters: Any) -> Batch:
    return Batch(DocumentArray.empty(1), parameters)


async def begin(executor: Held, context: Context) -> asyncio.Task[Batch]:
    """A request that has reached the handler and waits there."""
    task = asyncio.ensure_future(serve(executor)(batch(), context))
    if context.endpoint == '/sync':
        await asyncio.to_thread(executor.started.wait, 30)
    else:
        await executor.waits.wait()
    return task


@pytest.mark.parametrize('endpoint', ['/', '/sync', '/quick', '/unknown'])
@pytest.mark.parametrize('error', [Cancelled, DeadlineExceeded])
async def test_late_work_is_not_started(endpoint: str, error: type[Exception]) -> None:
    executor = Held()
    context = Context(endpoint, deadline=0.0 if error is DeadlineExceeded else None)
    if error is Cancelled:
        context.cancel()
    with pytest.raises(error):
        await serve(executor)(batch(), context)
    assert executor.calls == []


@pytest.mark.parametrize('endpoint', ['/', '/stubborn'])
async def test_an_asynchronous_handler_is_cancelled_at_its_deadline(endpoint: str) -> None:
    executor = Held()
    with pytest.raises(DeadlineExceeded, match='in time'):
        await (await begin(executor, Context.within(endpoint, 0.05)))
    assert executor.calls[-1] in ('cancelled', 'answered all the same')


@pytest.mark.parametrize('endpoint', ['/', '/stubborn'])
async def test_an_asynchronous_handler_is_cancelled_with_its_request(endpoint: str) -> None:
    executor, context = Held(), Context(endpoint)
    task = await begin(executor, context)
    context.cancel()
    with pytest.raises(Cancelled):
        await task
    assert executor.calls[-1] in ('cancelled', 'answered all the same')
    assert task.cancelling() == 0


async def test_the_task_around_an_asynchronous_handler_is_cancelled() -> None:
    executor = Held()
    task = await begin(executor, Context.within('/', 60))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert executor.calls == ['begun', 'cancelled']


async def test_who_waits_for_a_plain_handler_is_answered_at_the_deadline() -> None:
    executor = Held()
    task = await begin(executor, Context.within('/sync', 0.05))
    with pytest.raises(DeadlineExceeded):
        await task
    executor.gate.set()
    assert await close(executor)


async def test_who_waits_for_a_plain_handler_is_answered_when_cancelled() -> None:
    executor, context = Held(), Context('/sync')
    task = await begin(executor, context)
    context.cancel()
    with pytest.raises(Cancelled):
        await task
    executor.gate.set()
    assert await close(executor)


@pytest.mark.parametrize('how', ['deadline', 'context', 'task'])
async def test_a_plain_handler_whose_turn_comes_too_late_is_not_called(how: str) -> None:
    executor = Held()
    handle = serve(executor)
    first = await begin(executor, Context('/sync'))
    context = Context.within('/sync', 0.05 if how == 'deadline' else None)
    second = asyncio.ensure_future(handle(batch(name='second'), context))
    await asyncio.sleep(0)
    if how == 'context':
        context.cancel()
    elif how == 'task':
        second.cancel()
    with pytest.raises((DeadlineExceeded, Cancelled, asyncio.CancelledError)):
        await second
    executor.gate.set()
    await first
    await handle(batch(name='third'), Context('/sync'))
    assert executor.calls == ['', 'third']
    assert await close(executor)


async def test_a_request_cancelled_after_its_answer_disturbs_nobody() -> None:
    executor, contexts = Held(), [Context('/quick'), Context('/sync')]
    executor.gate.set()
    for context in contexts:
        await serve(executor)(batch(), context)
        context.cancel()
    await asyncio.sleep(0)
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0
    assert await close(executor)

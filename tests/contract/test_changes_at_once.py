"""Changes of a running Flow that come together, are given up half way, or meet what does not answer."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from storm import gateways, workers
from waiting import until

from headrace import Document, Executor, Flow, requests
from headrace.errors import StartError
from headrace.places import gateway as module


async def hold(path):
    """Make a file, and wait until the test, in its own process, removes it."""
    await asyncio.to_thread(Path(path).touch)
    while await asyncio.to_thread(Path(path).exists):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


class Say(Executor):
    def __init__(self, word: str = 'one', **kwargs):
        super().__init__(**kwargs)
        self.word = word

    @requests(on='/')
    async def say(self, docs, parameters, **kwargs):
        if 'held_by' in parameters:
            await hold(parameters['held_by'])
        docs.text = [f'{text}{self.word}-{self.runtime_args.replica_id} ' for text in docs.text]


class SayMore(Say):
    @requests(on='/more')
    def more(self, docs, **kwargs):
        docs.text = [f'{text}more ' for text in docs.text]


async def answer(flow, on='/', **parameters):
    """What one request gets."""
    (docs,) = [docs async for docs in flow.post(on, Document(), parameters=parameters)]
    return docs[0].text.strip()


async def test_executors_that_change_at_once_do_not_undo_each_other():
    flow = Flow(asyncio=True, timeout_stop_s=2).add(uses=Say, name='a').add(uses=Say, name='b', retries=1)
    async with flow:
        await asyncio.gather(
            flow.update('a', uses=SayMore, retries=4), flow.update('b', uses=SayMore, retries=5)
        )
        assert (flow.spec['a'].retries, flow.spec['b'].retries) == (4, 5)
        assert await answer(flow, '/more') == 'more more'
        assert (len(gateways()), len(workers())) == (1, 2)


async def test_changes_of_one_executor_follow_each_other():
    async with Flow(asyncio=True).add(uses=Say, name='say') as flow:
        await asyncio.gather(
            flow.update('say', uses_with={'word': 'two'}), flow.scale('say', 2), flow.update('say', env={})
        )
        spec = flow.spec['say']
        assert (spec.uses_with, spec.replicas, spec.env) == ({'word': 'two'}, 2, {})
        assert {await answer(flow) for _ in range(12)} == {'two-0', 'two-1'}
        assert len(workers()) == 2


async def test_an_update_that_is_given_up_leaves_no_process_behind(tmp_path):
    held_by = tmp_path / 'held'
    async with Flow(asyncio=True, timeout_stop_s=30).add(uses=Say, name='say') as flow:
        slow = asyncio.ensure_future(answer(flow, held_by=str(held_by)))

        async def has_begun():
            return held_by.exists()

        async def is_updated():
            return await answer(flow) == 'two-0'

        await until(has_begun)
        update = asyncio.ensure_future(flow.update('say', uses_with={'word': 'two'}))
        await until(is_updated)
        assert not update.done()  # the old one still has what is slow
        update.cancel()
        held_by.unlink()
        with pytest.raises(asyncio.CancelledError):
            await update
        assert await slow == 'one-0'
        assert await answer(flow) == 'one-0'
        assert flow.spec['say'].uses_with == {}
        assert len(workers()) == 1


async def test_an_update_without_a_gateway_to_be_had_changes_nothing(monkeypatch):
    async with Flow(asyncio=True).add(uses=Say, name='a').add(uses=Say, name='b') as flow:

        async def spawn(name, main, env, tap):
            raise StartError(f'{name} could not be started')

        with monkeypatch.context() as patch, pytest.raises(StartError, match='could not be started'):
            patch.setattr(module, 'Child', type('NoChild', (), {'spawn': spawn}))
            await flow.update('a', uses=SayMore)
        assert (len(gateways()), len(workers())) == (1, 2)
        await flow.update('a', uses=SayMore)
        assert await answer(flow, '/more') == 'more'


async def test_a_gateway_that_does_not_answer_holds_no_change_up_for_ever():
    async with Flow(asyncio=True, timeout_stop_s=0.5).add(uses=Say, name='say') as flow:
        (gateway,) = gateways()
        gateway.suspend()
        begun = time.monotonic()
        try:
            async with asyncio.timeout(30):
                await flow.scale('say', 2)
        finally:
            gateway.resume()
        assert time.monotonic() - begun > 2  # it had its time
        await until(lambda: both(flow))


async def both(flow):
    return {await answer(flow) for _ in range(8)} == {'one-0', 'one-1'}

"""Several replicas as one handler: who gets what, who waits, and who is sent elsewhere."""

import asyncio

import clock
import pytest
from fake_replicas import INFO, FakeReplica, settle
from replica_stage import Stage, told

from headrace.errors import (
    Cancelled,
    DeadlineExceeded,
    ExecutorFailure,
    Overloaded,
    RequestError,
    Unavailable,
)
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.replicas import Replicas
from headrace.pipeline.roster import WIDEST, WINDOW
from headrace.spec.batching import SettledBatching


async def test_the_one_with_the_least_to_do_gets_it_and_equals_take_turns():
    stage = Stage(3)
    await stage.send(6)
    assert stage.loads == [2, 2, 2]
    for run in stage.fakes[1].open:
        run.answer()
    await settle()
    await stage.send(2)
    assert stage.loads == [2, 2, 2]
    await stage.answer_all()
    await stage.send(1)
    await stage.answer_all()
    await stage.send(1)
    await stage.answer_all()
    assert [len(fake.seen) for fake in stage.fakes] == [3, 4, 3]
    assert stage.replicas.outstanding == 0


async def test_a_replica_has_its_window_and_the_rest_waits_fair_between_clients():
    stage = Stage(1, window=2)
    await stage.send(6, client='many')
    await stage.send(2, client='few')
    assert (stage.loads, stage.replicas.waiting, stage.replicas.outstanding) == ([2], 6, 2)
    order = []
    while stage.fakes[0].open:
        order.append(stage.fakes[0].open[0].number)
        stage.fakes[0].open[0].answer()
        await settle()
        assert len(stage.fakes[0].open) <= 2
    assert order == [0, 1, 2, 6, 3, 7, 4, 5]
    assert stage.replicas.waiting == 0


async def test_a_full_queue_refuses_and_says_when_to_come_again():
    stage = Stage(1, window=1, max_queue=3)
    await stage.send(4)
    stage.now = 1.0
    for _ in range(3):  # three answers in a second, and four have to come
        stage.fakes[0].open[0].answer()
        await settle()
        await stage.send()
    refused = told(await stage.send())
    assert isinstance(refused, Overloaded)
    assert not refused.begun
    assert refused.retry_after_s == pytest.approx(4 / 3)
    assert 'is full: 3 requests wait, and its 1 replica has 1 before them' in str(refused)
    assert 'encoder' in str(refused)
    assert 'max_queue' in str(refused)
    await stage.answer_all()
    assert [told(call) for call in stage.calls if call is not stage.calls[-1]] == ['rep-0'] * 7


async def test_who_leaves_while_it_waits_is_dropped():
    stage = Stage(1, window=1)
    _, by_context, by_task, last = await stage.send(4)
    by_context.context.cancel()
    by_task.cancel()
    await settle()
    assert stage.replicas.waiting == 1
    assert isinstance(told(by_context), Cancelled)
    assert by_task.cancelled()
    await stage.answer_all()
    assert told(last) == 'rep-0'
    assert [run.number for run in stage.fakes[0].seen] == [0, 3]


@pytest.mark.parametrize('way', ['context', 'task'])
async def test_who_leaves_at_the_moment_of_its_turn_gives_it_to_the_next(way):
    stage = Stage(1, window=1)
    _, leaving, last = await stage.send(3)
    stage.fakes[0].open[0].answer()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaving.context.cancel() if way == 'context' else leaving.cancel()
    await settle()
    await stage.answer_all()
    assert told(last) == 'rep-0'
    assert (stage.replicas.outstanding, stage.replicas.waiting) == (0, 0)


async def test_a_call_that_is_late_while_it_waits_says_for_what():
    stage = Stage(0)
    with pytest.raises(DeadlineExceeded, match="waited for a replica of executor 'encoder'"):
        await stage.replicas(Batch(), Context.within('/read', 0.01))
    assert stage.replicas.waiting == 0


async def test_without_replicas_requests_wait_until_one_comes():
    stage = Stage(0)
    call = await stage.send()
    late = FakeReplica('late')
    stage.replicas.add('late', late)
    await settle()
    late.open[0].answer()
    await settle()
    assert told(call) == 'late'


@pytest.mark.parametrize('on', ['/read', '/unknown'])
async def test_a_replica_that_dies_costs_no_idempotent_request(on):
    stage = Stage(2)
    await stage.send(6, on=on)
    stage.replicas.mark('rep-0', 'lost')
    stage.fakes[0].die()
    await settle()
    assert stage.loads == [0, 6]
    await stage.answer_all()
    assert [told(call) for call in stage.calls] == ['rep-1'] * 6


async def test_a_request_that_must_not_run_twice_does_not():
    stage = Stage(2)
    calls = await stage.send(2, on='/write')
    stage.fakes[0].die()
    stage.fakes[1].open[0].answer()
    await settle()
    error = told(calls[0])
    assert type(error) is Unavailable
    assert error.begun
    assert "'/write' is not idempotent" in str(error)
    assert told(calls[1]) == 'rep-1'


@pytest.mark.parametrize('way', ['refuse', 'turn_away'])
async def test_what_did_not_begin_goes_elsewhere_whatever_it_does(way):
    stage = Stage(2, retries=0)
    call = await stage.send(on='/write')
    getattr(stage.fakes[0].open[0], way)()
    await settle()
    assert stage.loads == [0, 1]
    await stage.answer_all()
    assert told(call) == 'rep-1'


async def test_if_all_refuse_the_caller_is_refused():
    stage = Stage(2)
    call = await stage.send()
    for fake in stage.fakes:
        fake.open[0].refuse()
        await settle()
    assert isinstance(told(call), Overloaded)


async def test_a_call_waits_in_vain_if_the_last_that_has_not_refused_it_goes():
    stage = Stage(2, window=1)
    call, _ = await stage.send(2)
    stage.fakes[0].open[0].refuse()
    await settle()
    assert not call.done()
    stage.replicas.mark('rep-1', 'lost')
    await settle()
    assert isinstance(told(call), Overloaded)
    stage.fakes[1].die()
    await settle()
    await stage.answer_all()


async def test_who_drains_and_comes_back_is_asked_again():
    stage = Stage(1)
    call = await stage.send()
    stage.replicas.mark('rep-0', 'draining')
    stage.fakes[0].open[0].turn_away()
    await settle()
    assert not call.done()
    stage.replicas.mark('rep-0', 'healthy')
    await settle()
    await stage.answer_all()
    assert told(call) == 'rep-0'


async def test_retries_are_counted():
    stage = Stage(2, retries=1)
    call = await stage.send()
    for fake in (stage.fakes[0], stage.fakes[1]):
        fake.die()
        await settle()
    error = told(call)
    assert isinstance(error, Unavailable)
    assert 'tried 2 times' in str(error)


@pytest.mark.parametrize('error', [ExecutorFailure('x'), RequestError('x'), ValueError('x')])
async def test_what_a_replica_answers_is_the_answer(error):
    stage = Stage(2)
    call = await stage.send()
    stage.fakes[0].open[0].fail(error, 'answered')
    await settle()
    assert told(call) is error
    assert sum(len(fake.seen) for fake in stage.fakes) == 1


async def test_what_an_executor_says_of_itself_is_its_answer():
    stage = Stage(2)
    call = await stage.send()
    error = Unavailable('its database is down')
    error.answered = True
    stage.fakes[0].open[0].fail(error, 'answered')
    await settle()
    assert told(call) is error
    assert 'healthy' in repr(stage.replicas)


@pytest.mark.parametrize(
    ('sizes', 'window'), [((), WINDOW), ((8,), WINDOW), ((300, 8), 600), ((9999,), WIDEST)]
)
def test_the_window_lets_a_whole_batch_wait(sizes, window):
    endpoints = [
        EndpointInfo(
            f'/{n}', 'docs', *[INFO.endpoints[0].input] * 2, batching=SettledBatching(preferred_batch_size=n)
        )
        for n in sizes
    ]
    replicas = Replicas('x', info=ExecutorInfo('x', tuple(endpoints)))
    replicas.add('a', lambda batch, context: None)
    assert f'0 of {window}' in repr(replicas)


def test_waiting_takes_no_time_of_a_clock():
    """A second of waiting, without one."""

    async def main():
        replicas = Replicas('x')
        waiting = asyncio.ensure_future(replicas(Batch(), Context()))
        await asyncio.sleep(1)

        async def echo(batch, context):
            return batch

        replicas.add('a', echo)
        return await waiting

    assert len(clock.run(main())) == 0

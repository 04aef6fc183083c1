"""Requests that end replicas, and replicas that fall silent."""

import asyncio

import pytest
from fake_replicas import INFO, FakeReplica, request, settle

from headrace.errors import Cancelled, ExecutorFailure, Unavailable
from headrace.pipeline.replicas import Replicas
from headrace.pipeline.retrial import ALONE, DEADLY

POISON = 0


class World:
    """Replicas that die when the poison runs; each comes back at once."""

    def __init__(self, count=3, *, poisons=(POISON,), window=4, retries=10):
        self.replicas = Replicas('encoder', info=INFO, retries=retries, clock=lambda: 0.0)
        self.replicas._roster._window = window
        self.poisons = poisons
        self.fakes = [FakeReplica(f'rep-{n}') for n in range(count)]
        for fake in self.fakes:
            self.replicas.add(fake.key, fake)
        self.deaths = 0
        self.together = []  # pairs of requests over which two or more replicas had died, at one replica

    def send(self, number, on='/read'):
        batch, context = request(number, on=on)
        task = asyncio.ensure_future(self.replicas(batch, context))
        task.context = context
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    def restart(self, fake):
        self.deaths += 1
        self.replicas.mark(fake.key, 'lost')
        fake.die()

    async def run(self):
        """Let every request run until nothing is under way; poison first, as it comes."""
        await settle()
        while any(fake.open for fake in self.fakes):
            for fake in self.fakes:
                suspects = [run for run in fake.open if self.deaths_of(run.number) >= 2]
                assert len(suspects) <= 1, f'{suspects} are at one replica'
            dying = [f for f in self.fakes if any(run.number in self.poisons for run in f.open)]
            for fake in dying:
                self.restart(fake)
            for fake in self.fakes:
                if fake not in dying and fake.open:
                    fake.open[0].answer()
            await settle()
            for fake in dying:
                self.replicas.mark(fake.key, 'healthy')
            await settle()

    def deaths_of(self, number):
        return sum(run.ending == 'died' for fake in self.fakes for run in fake.seen if run.number == number)


@pytest.mark.parametrize('others', [0, 29])
@pytest.mark.parametrize('count', [1, 2, 3, 5])
async def test_a_poison_is_given_up_and_the_others_are_answered(count, others):
    world = World(count)
    calls = [world.send(number) for number in range(1 + others)]
    await world.run()
    error = calls[POISON].exception()
    assert isinstance(error, ExecutorFailure)
    assert (error.executor, error.endpoint) == ('encoder', '/read')
    assert world.deaths == (DEADLY if not others else 2 + ALONE)
    assert f'{world.deaths} processes died' in str(error)
    assert all(call.exception() is None for call in calls[1:])
    assert world.replicas.outstanding == world.replicas.waiting == 0


async def test_several_poisons_end_and_the_others_are_answered():
    world = World(3, poisons=(0, 7, 8))
    calls = [world.send(number) for number in range(40)]
    await world.run()
    for number, call in enumerate(calls):
        assert isinstance(call.exception(), ExecutorFailure) == (number in world.poisons), number
    assert world.deaths <= 3 * (2 + ALONE)


async def test_with_the_last_attempt_the_poison_is_named_too():
    world = World(2, retries=3, window=100)
    calls = [world.send(number) for number in range(60)]
    await world.run()
    assert isinstance(calls[POISON].exception(), ExecutorFailure)
    assert all(call.exception() is None for call in calls[1:])


async def test_a_poison_that_must_not_run_twice_kills_once():
    world = World(2)
    poison = world.send(POISON, '/write')
    await world.run()
    assert world.deaths == 1
    assert type(poison.exception()) is Unavailable


async def test_who_is_there_by_chance_when_replicas_die_is_not_given_up():
    """All of the requests twice, and one of them once more, when it was tried as the only suspect."""
    world = World(1, poisons=(), window=100)
    calls = [world.send(number) for number in range(50)]
    (fake,) = world.fakes
    for expected in (50, 50, 1):
        await settle()
        assert len(fake.open) == expected
        world.restart(fake)
        await settle()
        world.replicas.mark(fake.key, 'healthy')
    await world.run()
    assert [call.exception() for call in calls] == [None] * 50


async def stalled(retries=3, on='/read', count=2):
    world = World(count, poisons=(), retries=retries)
    call = world.send(1, on)
    await settle()
    first = next(fake for fake in world.fakes if fake.open)
    run = first.open[0]
    world.replicas.mark(first.key, 'lost')
    run.stall()
    await settle()
    return world, call, first, run


async def test_the_call_of_a_silent_replica_goes_to_another_and_nobody_wants_the_first_any_more():
    world, call, _, run = await stalled()
    (second,) = (fake for fake in world.fakes if fake.open)
    second.open[0].answer()
    await settle()
    assert call.result().parameters['by'] == second.key
    assert run.ending == 'unwanted'


async def test_a_silent_replica_that_answers_after_all_is_heard_and_the_second_is_cancelled():
    world, call, first, run = await stalled()
    (second,) = (fake for fake in world.fakes if fake.open)
    run.answer()
    await settle()
    assert call.result().parameters['by'] == first.key
    assert second.seen[0].ending == 'left'
    assert world.replicas.outstanding == 0


async def test_the_only_replica_is_waited_for_and_gets_nothing_twice():
    world, call, first, run = await stalled(count=1)
    world.replicas.mark(first.key, 'healthy')  # it answers pings again, and works on what it has
    await settle()
    assert len(first.seen) == 1
    run.answer()
    await settle()
    assert call.result().parameters['by'] == first.key


async def test_a_silent_replica_that_dies_after_all_frees_the_call_for_it():
    world, call, first, run = await stalled(count=1)
    run.fail(Unavailable('lost'), 'died')
    await settle()
    assert not call.done()
    world.replicas.mark(first.key, 'healthy')
    await settle()
    assert len(first.open) == 1
    await world.run()
    assert call.exception() is None


async def test_what_the_silent_one_answers_is_the_answer_also_if_it_is_an_error():
    _, call, _, run = await stalled()
    run.fail(ExecutorFailure('bad input'), 'answered')
    await settle()
    assert str(call.exception()) == 'bad input'


@pytest.mark.parametrize(('retries', 'on'), [(0, '/read'), (3, '/write')])
async def test_without_another_attempt_the_silent_one_is_waited_for(retries, on):
    world, call, first, run = await stalled(retries, on)
    assert not any(fake.open for fake in world.fakes)
    run.answer()
    await settle()
    assert call.result().parameters['by'] == first.key


@pytest.mark.parametrize('retries', [0, 3])
async def test_without_another_attempt_its_end_is_the_end(retries):
    _, call, _, run = await stalled(retries, '/write')
    run.fail(Unavailable('lost'), 'died')
    await settle()
    assert type(call.exception()) is Unavailable


@pytest.mark.parametrize('retries', [0, 3])
@pytest.mark.parametrize('way', ['context', 'task'])
async def test_who_leaves_while_a_silent_replica_has_its_call_leaves_nothing(way, retries):
    world, call, _, run = await stalled(retries)
    call.context.cancel() if way == 'context' else call.cancel()
    if way == 'context':
        for fake in world.fakes:
            for other in fake.open:
                other.fail(Cancelled('as a connection says it'), 'left')
    await settle()
    assert call.done()
    assert run.ending == 'unwanted'
    assert world.replicas.outstanding == world.replicas.waiting == 0

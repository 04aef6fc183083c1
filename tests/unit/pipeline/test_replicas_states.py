"""Replicas that are suspect, removed, given up, left alone by their breaker, or home to some requests."""

from fake_replicas import FakeReplica, settle
from replica_stage import Stage, told


async def test_suspects_are_used_only_if_no_other_can_be():
    stage = Stage(2)
    stage.replicas.mark('rep-0', 'suspect')
    await stage.send(4)
    assert stage.loads == [0, 4]
    stage.replicas.mark('rep-1', 'lost')
    await stage.send()
    assert stage.loads == [1, 4]
    await stage.answer_all()


async def test_remove_is_done_when_the_calls_under_way_are():
    stage = Stage(2)
    await stage.send(2)
    gone = stage.replicas.remove('rep-0')
    await stage.send(3)
    assert stage.loads == [1, 4]
    assert not gone.done()
    assert stage.replicas.outstanding == 5
    stage.fakes[0].open[0].answer()
    await gone
    await stage.replicas.remove('rep-0')
    assert tuple(stage.replicas.known) == ('rep-1',)
    await stage.answer_all()


async def test_when_the_supervisor_gives_up_nobody_waits():
    stage = Stage(0)
    waiting = await stage.send()
    stage.replicas.fail('executor encoder ended 5 times in a row')
    await settle()
    assert 'ended 5 times' in str(told(waiting))
    assert 'ended 5 times' in str(told(await stage.send()))
    stage.replicas.add('new', fake := FakeReplica('new'))
    stage.fakes.append(fake)
    served = await stage.send()
    stage.replicas.mark('new', 'lost')
    stage.fakes[0].die()
    await settle()
    assert 'ended 5 times' in str(told(served))
    stage.replicas.recover()
    patient = await stage.send()
    stage.replicas.mark('new', 'healthy')
    await settle()
    await stage.answer_all()
    assert told(patient) == 'new'


async def test_a_breaker_opens_is_tried_once_and_closes():
    stage = Stage(2)
    for _ in range(3):
        await stage.send(2)
        stage.fakes[0].die()
        await settle()
        await stage.answer_all()
    assert 'rep-0 open' in repr(stage.replicas)
    before = len(stage.fakes[0].seen)
    await stage.send(4)
    assert len(stage.fakes[0].seen) == before
    stage.now += 1.01
    await stage.send(4)
    assert len(stage.fakes[0].open) == 1  # only to see
    await stage.answer_all()
    assert 'rep-0 healthy' in repr(stage.replicas)
    await stage.send(4)
    assert stage.loads == [2, 2]
    await stage.answer_all()


async def test_calls_that_end_together_are_one_failure():
    stage = Stage(2)
    await stage.send(100)
    stage.fakes[0].die()
    await settle()
    assert 'rep-0 healthy' in repr(stage.replicas)
    await stage.answer_all()


async def test_if_every_breaker_is_open_all_are_used():
    stage = Stage(2, retries=50)
    for _ in range(20):
        await stage.send(2, on='/write')
        for fake in stage.fakes:
            fake.die()
        await settle()
    assert repr(stage.replicas).count('open') == 2
    await stage.send(4)
    assert stage.loads == [2, 2]
    await stage.answer_all()


async def test_a_replica_whose_callers_gave_up_counts_as_busy_until_it_answers():
    """Its thread may still be at work on what nobody waits for."""
    stage = Stage(2)
    stuck = await stage.send()
    stuck.cancel()
    await settle()
    await stage.send(1)
    await stage.answer_all()
    await stage.send(1)
    assert stage.loads == [0, 1]
    await stage.send(2)
    assert stage.loads == [1, 2]
    await stage.answer_all()
    await stage.send(4)
    assert stage.loads == [2, 2]
    await stage.answer_all()


async def test_the_same_value_of_a_parameter_goes_to_the_same_replica():
    stage = Stage(4, sticky='session')
    other = Stage(4, sticky='session')
    other.fakes.reverse()
    for session in range(40):
        for each in (stage, other):
            await each.send(2, session=session)
            await each.answer_all()
    homes = [{run.context.request_id and run.replica.key for run in f.seen} for f in stage.fakes]
    assert homes == [{fake.key} for fake in stage.fakes]
    by_session = [(told(a), told(b)) for a, b in zip(stage.calls[::2], stage.calls[1::2], strict=True)]
    assert all(a == b for a, b in by_session)
    assert [told(call) for call in stage.calls] == [told(call) for call in other.calls]


async def test_a_lost_home_moves_only_those_who_lived_there():
    stage = Stage(4, sticky='session')
    for _ in range(2):
        for session in range(60):
            await stage.send(session=session)
            await stage.answer_all()
        stage.replicas.mark('rep-2', 'lost')
    before, after = ([told(call) for call in half] for half in (stage.calls[:60], stage.calls[60:]))
    moved = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert moved
    assert {a for a, _ in moved} == {'rep-2'}
    assert 'rep-2' not in after


async def test_sticky_calls_wait_for_their_home_and_move_when_it_goes():
    stage = Stage(2, sticky='session', window=1)
    await stage.send(4, session='x')
    home = next(fake for fake in stage.fakes if fake.open)
    other = next(fake for fake in stage.fakes if fake is not home)
    assert stage.loads.count(1) == 1
    await stage.send(3)  # they have no session, and take what is free
    assert len(other.open) == 1
    stage.replicas.mark(home.key, 'lost')
    home.die()
    await settle()
    await stage.answer_all()
    assert all(told(call) == other.key for call in stage.calls)


async def test_sticky_calls_that_came_before_every_replica_find_their_home():
    stage = Stage(0, sticky='session', window=1)
    for session in range(20):
        await stage.send(session=str(session))
    stage.fakes = [FakeReplica('rep-0'), FakeReplica('rep-1')]
    for fake in stage.fakes:
        stage.replicas.add(fake.key, fake)
    await settle()
    await stage.answer_all()
    homes = [told(call) for call in stage.calls]
    stage.calls.clear()
    for session in range(20):
        await stage.send(session=str(session))
    await stage.answer_all()
    moved = [a for a, b in zip(homes, map(told, stage.calls), strict=True) if a != b]
    assert moved in ([], ['rep-0'])  # one went before there was another


async def test_a_new_replica_may_have_the_key_of_one_that_is_about_to_go():
    stage = Stage(1)
    old = stage.fakes[0]
    first = await stage.send(on='/write')
    stage.fakes.append(new := FakeReplica('rep-0'))
    stage.replicas.add('rep-0', new)
    second = await stage.send()
    assert (len(old.open), len(new.open)) == (1, 1)
    assert stage.replicas.outstanding == 2
    stage.replicas.mark('rep-0', 'lost', of=old)  # of nobody's concern any more
    gone = stage.replicas.remove('rep-0', of=old)
    assert not gone.done()
    await stage.send()
    assert len(new.open) == 2
    await stage.answer_all()
    await gone
    assert tuple(stage.replicas.known) == ('rep-0',)
    assert (told(first), told(second)) == ('rep-0', 'rep-0')
    await stage.replicas.remove('rep-0', of=new)
    assert tuple(stage.replicas.known) == ()
    assert stage.replicas.outstanding == 0


async def test_neither_those_with_a_home_nor_those_without_starve():
    stage = Stage(1, sticky='session', window=1)
    homeless = await stage.send(30)
    at_home = await stage.send(30, session='x')
    for _ in range(20):
        stage.fakes[0].open[0].answer()
        await settle()
    assert sum(call.done() for call in homeless) >= 5
    assert sum(call.done() for call in at_home) >= 5
    await stage.answer_all()

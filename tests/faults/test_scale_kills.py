"""A replica that dies costs no request: kill -9, again and again, under load."""

from __future__ import annotations

import random
import signal

import pytest
from oracle import oracles
from storm import SEED, Killer, Storm, storm, workers


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_kills_under_load_fail_nothing(protocol):
    async with oracles(protocol, replicas=3) as flow, storm(protocol, flow.port) as load:
        await Killer(load).kill(8, of=3)
    assert load.answered > 1000


@pytest.mark.slow
@pytest.mark.timeout(480)  # under a minute, if nobody else uses the machine
@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_a_hundred_kills_among_twenty_thousand_requests_fail_nothing(protocol):
    async with oracles(protocol, replicas=3) as flow, storm(protocol, flow.port) as load:
        await Killer(load).kill(100, of=3)
        await load.until(lambda: load.answered >= 20_000, within_s=90)
    assert len(load.served) == 103  # every one that was killed had answered, and so have those after them


async def test_the_load_notices_what_fails():
    """Without another attempt, kills are seen: so the others, which see nothing, would see it."""
    load = Storm()
    async with oracles('http', replicas=2, retries=0) as flow:
        try:
            await load.start('http', flow.port)
            await Killer(load).kill(4)
            await load.stop()
        finally:
            await load.close()
    assert len(load.failed) > 0
    assert all("'oracle'" in text for text in load.failed), load.failed[:3]
    with pytest.raises(AssertionError, match='failed'):
        load.check()


async def test_requests_wait_while_the_only_replica_is_started_anew():
    async with oracles('http') as flow, storm('http', flow.port) as load:
        await Killer(load).kill(5)
        await load.more(100)
    assert len(load.served) == 6


async def test_no_shard_is_missing_when_replicas_of_shards_are_killed():
    chooser = random.Random(SEED)
    flow = oracles('http', shards=2, replicas=2, polling='ALL')
    async with flow, storm('http', flow.port, endpoint='/all') as load:
        for _ in range(6):
            await load.until(lambda: len(workers()) == 4)
            chooser.choice(workers()).kill()
            await load.more(200)


@pytest.mark.slow
@pytest.mark.timeout(360)
@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_frozen_replicas_among_twenty_thousand_requests_fail_nothing(protocol):
    """What a frozen replica has is answered by others; it may come back, or be killed."""
    async with oracles(protocol, replicas=3) as flow, storm(protocol, flow.port) as load:
        killer = Killer(load)
        for wakes in (True, False, True):
            victim = await killer.choose()
            victim.send_signal(signal.SIGSTOP)
            try:
                await load.all_answered()
                before = load.served[victim.pid]
                await load.more(200)
                assert load.served[victim.pid] == before
            finally:
                if victim.is_running():
                    victim.send_signal(signal.SIGCONT if wakes else signal.SIGKILL)
            if not wakes:
                killer.gone.add(victim.pid)
            await load.until(lambda: len(killer.serving()) == 3)
            await load.more(500)
        await load.until(lambda: load.answered >= 20_000, within_s=90)

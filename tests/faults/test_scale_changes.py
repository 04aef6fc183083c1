"""What is changed while it runs costs no request: new arguments, more and fewer replicas, kills meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from oracle import oracles
from storm import Killer, storm, workers


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_a_rolling_update_fails_nothing(protocol):
    async with oracles(protocol, replicas=2) as flow, storm(protocol, flow.port) as load:
        for version in (1, 2):
            await load.more(200)
            before = {each.pid for each in workers()}
            await flow.update('oracle', uses_with={'version': version})
            await load.all_answered()
            await load.more(200)  # from now on only by those of the new version
            assert load.last['tags']['version'] == version
            assert not before & {each.pid for each in workers()}


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_more_and_fewer_replicas_fail_nothing(protocol):
    async with oracles(protocol) as flow, storm(protocol, flow.port) as load:
        killer = Killer(load)
        for replicas in (4, 1, 3, 2):
            await flow.scale('oracle', replicas)
            await load.until(lambda replicas=replicas: len(killer.serving()) == replicas)
            assert len(workers()) == replicas
            await load.more(200)


@pytest.mark.slow
@pytest.mark.timeout(360)
@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_kills_during_updates_and_scaling_among_twenty_thousand_requests_fail_nothing(protocol):
    async with oracles(protocol, replicas=3) as flow, storm(protocol, flow.port) as load:
        killer = Killer(load)
        for version, replicas in enumerate((2, 4, 3), start=1):
            # Two at least: one that dies at its first answer, again and again, would use up all attempts.
            kills = asyncio.create_task(killer.kill(6, of=2))
            await flow.update('oracle', uses_with={'version': version})
            await flow.scale('oracle', replicas)
            await kills
            await load.until(lambda replicas=replicas: len(killer.serving()) == replicas)
            assert load.last['tags']['version'] == version
        await load.until(lambda: load.answered >= 20_000, within_s=90)

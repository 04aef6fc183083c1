"""Ten times as many requests as a Flow can serve: each is answered or refused in time, then all is well."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import psutil
import pytest

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.client import AsyncClient
from headrace.errors import BadServer

FLOODER = Path(__file__).with_name('flooder.py')
WORK_S = 0.04
CAPACITY_PER_S = 1 / WORK_S
SHARES = {'http': 0.4, 'grpc': 0.3, 'stream': 0.3}
MODEST_PER_S = 5
TEXT_BYTES = 20_000
SLACK_S = 0.25
"""What clients on a busy machine may take to notice an answer."""
GROWTH_BYTES = 64 * 1024 * 1024
"""By how much all processes of the Flow together may grow; a flood of 20 s brings 100 MB of texts."""


class OneByOne(Executor):
    """Takes its time over every request, and can do nothing else meanwhile: 25 in a second."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = 0

    @requests
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        self.count += 1
        time.sleep(WORK_S)

    @requests(on='/count')
    def tell(self, **kwargs: Any) -> dict[str, int]:
        return {'count': self.count}


class Seen(NamedTuple):
    """What one client saw of one request."""

    sent_s: float
    took_s: float
    outcome: str

    @property
    def ended_s(self) -> float:
        return self.sent_s + self.took_s


class Memory:
    """The memory of all processes of a Flow, looked at again and again."""

    def __init__(self) -> None:
        self._processes = psutil.Process().children(recursive=True)
        self.before = self.most = self._now()

    def _now(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self.most = max(self.most, self._now())


class Flooder:
    """An open-loop client in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, protocol: str, port: int, *more: Any) -> Self:
        """Start it; it is ready, and waits for `go`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(str(each) for each in (FLOODER, protocol, port, *more)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 26,
        )
        flooder = cls(process)
        assert process.stdout is not None
        assert await process.stdout.readline() == b'ready\n'
        return flooder

    def go(self, begin_s: float) -> None:
        """Begin at this time."""
        assert self._process.stdin is not None
        self._process.stdin.write(b'%f\n' % begin_s)

    async def seen(self) -> list[Seen]:
        """What became of every request."""
        output, _ = await self._process.communicate()
        assert self._process.returncode == 0
        return [Seen(*each) for each in json.loads(output)]

    async def end(self) -> None:
        """End it, whatever it is doing."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()


async def probe(client: AsyncClient, every_s: float, count: int, timeout_s: float) -> list[Seen]:
    """One request after the other, at their times."""
    seen = []
    for _ in range(count):
        sent_s = time.monotonic()
        try:
            await client.post('/', Document(), timeout_s=timeout_s)
            outcome = 'ok'
        except BadServer as error:
            outcome = error.error
        seen.append(Seen(sent_s, time.monotonic() - sent_s, outcome))
        await asyncio.sleep(max(0.0, sent_s + every_s - time.monotonic()))
    return seen


async def count_of(client: AsyncClient) -> int:
    """How often the executor has worked."""
    (response,) = await client.post('/count', return_responses=True)
    (result,) = response.results.values()
    return int(result['count'])


async def crowd(client: AsyncClient, seconds: float) -> list[Seen]:
    """Eight that always wait for an answer, for so long."""
    end_s = time.monotonic() + seconds
    seen = await asyncio.gather(*(ask_until(client, end_s) for _ in range(8)))
    return [each for one in seen for each in one]


async def ask_until(client: AsyncClient, end_s: float) -> list[Seen]:
    """One request after the other until then."""
    seen = []
    while (sent_s := time.monotonic()) < end_s:
        await client.post('/', Document())
        seen.append(Seen(sent_s, time.monotonic() - sent_s, 'ok'))
    return seen


def rate_of(seen: list[Seen]) -> float:
    """Answers in a second, from the first answer to the last."""
    ends_s = sorted(each.ended_s for each in seen)
    return (len(ends_s) - 1) / (ends_s[-1] - ends_s[0])


class After(NamedTuple):
    """What a flood was like, and what came after it."""

    flooded: dict[str, list[Seen]]
    modest: list[Seen]
    probes: list[Seen]
    end_s: float
    crowd: list[Seen]
    growth_bytes: int


async def flood(flow: Flow, client: AsyncClient, seconds: int, timeout_s: float) -> After:
    """Ten times the capacity for so long, and beside it a client of another host that asks for little."""
    memory = Memory()
    watching = asyncio.create_task(memory.watch())
    ports = {'http': flow.ports['http'], 'grpc': flow.ports['grpc'], 'stream': flow.ports['grpc']}
    async with AsyncExitStack() as stack:
        flooders = []
        for name, part in SHARES.items():
            rate = part * 10 * CAPACITY_PER_S
            flooders.append(await Flooder.start(name, ports[name], rate, seconds, timeout_s, TEXT_BYTES))
            stack.push_async_callback(flooders[-1].end)
        modest = await Flooder.start('http', ports['http'], MODEST_PER_S, seconds, timeout_s, 10, '127.0.0.2')
        stack.push_async_callback(modest.end)
        begin_s = time.monotonic() + 0.2
        for each in (*flooders, modest):
            each.go(begin_s)
        end_s = begin_s + seconds
        await asyncio.sleep(end_s + 0.2 - time.monotonic())
        probes = await probe(client, 0.05, 45, timeout_s)
        crowded = await crowd(client, 1.0)
        watching.cancel()
        seen = await asyncio.gather(*(each.seen() for each in flooders))
        return After(
            dict(zip(SHARES, seen, strict=True)),
            await modest.seen(),
            probes,
            end_s,
            crowded,
            memory.most - memory.before,
        )


@pytest.mark.alone
@pytest.mark.parametrize(
    ('limits', 'timeout_s', 'recovers_s'),
    [({'max_requests': 12}, 3.0, 1.0), ({}, 2.5, 1.5)],
    ids=['bounded by its room', 'bounded by deadlines'],
)
@pytest.mark.parametrize('seconds', [5, pytest.param(20, marks=pytest.mark.slow)])
async def test_a_flood_passes(
    seconds: int, limits: dict[str, Any], timeout_s: float, recovers_s: float
) -> None:
    """With room for 12 requests the queue is half a second long; without, half of what the clients wait."""
    doors = Flow(asyncio=True).config_gateway(protocols=['http', 'grpc'], **limits)
    flow = doors.add(uses=OneByOne)
    async with flow, AsyncClient(f'http://127.0.0.1:{flow.ports["http"]}') as client:
        capacity = rate_of(await crowd(client, 2.0))
        usual_s = statistics.median(each.took_s for each in await probe(client, 0, 20, timeout_s))
        before = await count_of(client)
        after = await flood(flow, client, seconds, timeout_s)
        worked = await count_of(client) - before
    _report(after, seconds, capacity)
    everything = [each for seen in (*after.flooded.values(), after.modest) for each in seen]
    assert len(everything) == (10 * CAPACITY_PER_S + MODEST_PER_S) * seconds
    assert Counter(each.outcome for each in everything).keys() == {'ok', 'refused'}
    assert max(each.took_s for each in everything) <= timeout_s + SLACK_S
    for seen in after.flooded.values():  # no door is served at the cost of the others
        assert sum(each.outcome == 'ok' for each in seen) > 0
    assert sum(each.outcome == 'ok' for each in after.modest) >= 0.8 * len(after.modest)
    in_time = [each for each in everything if each.outcome == 'ok' and each.ended_s <= after.end_s]
    assert len(in_time) >= 0.85 * capacity * seconds
    answered = [each for each in [*everything, *after.probes, *after.crowd] if each.outcome == 'ok']
    assert worked == len(answered)  # nobody worked for those who were refused
    assert after.growth_bytes < GROWTH_BYTES
    recovered = [each for each in after.probes if each.sent_s >= after.end_s + recovers_s]
    assert {each.outcome for each in recovered} == {'ok'}
    assert statistics.median(each.took_s for each in recovered) < 2 * usual_s
    assert rate_of(after.crowd) >= 0.85 * capacity


def _report(after: After, seconds: int, capacity: float) -> None:
    """What it was like; shown when the test fails, or with -s."""
    for name, seen in {**after.flooded, 'another client': after.modest, 'after': after.probes}.items():
        took = sorted(each.took_s for each in seen)
        outcomes = dict(Counter(each.outcome[:80] for each in seen).most_common(6))
        print(f'{name}: {outcomes}; median {took[len(took) // 2]:.3f} s, longest {took[-1]:.3f} s')
    everything = [each for seen in (*after.flooded.values(), after.modest) for each in seen]
    ok = sum(each.outcome == 'ok' and each.ended_s <= after.end_s for each in everything)
    print(
        f'capacity {capacity:.1f}/s; in the flood {ok / seconds:.1f}/s; then {rate_of(after.crowd):.1f}/s; '
        f'memory grew by {after.growth_bytes >> 20} MB'
    )

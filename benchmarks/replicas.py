"""Two replicas of a handler that computes, next to one: how much of the second core arrives at the callers.

Both Flows run at once and are measured in turns, and so is the bare machine: two processes that only compute,
next to one. What is missing to two is told as processor time: of the gateway, of the workers around the
handler, and of the callers, which share the cores here.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from benchmarks.callers import HttpCallers
from benchmarks.computing import own_rounds
from benchmarks.flows import computing
from benchmarks.load import Load, press
from benchmarks.processes import children, cpu_s, listens
from benchmarks.result import Result, figure

GROUP = 'a handler that computes'
HANDLER_S = 0.008
CALLERS = 8
WANTED = 1.8
BODY = b'{"data": [{"text": "x"}], "execEndpoint": "/"}'


class Bare(NamedTuple):
    """Processes that only compute: calls per second of all together, and processor time of one call."""

    rate: float
    cpu_us: float


@dataclass
class Measured:
    """A Flow that runs, its processes by what they are, and what was seen of it so far."""

    port: int
    gateway: list[int]
    workers: list[int]
    loads: list[Load] = field(default_factory=list)
    gateway_us: list[float] = field(default_factory=list)
    worker_us: list[float] = field(default_factory=list)
    callers_us: list[float] = field(default_factory=list)

    async def press(self, seconds: float) -> None:
        """Load it for a while, and note rates and processor times."""
        callers = HttpCallers(self.port, '/post', BODY, _check)
        calls = await callers.calls(CALLERS)
        parts = (self.gateway, self.workers, [os.getpid()])
        before = [cpu_s(pids) for pids in parts]
        load = await press(calls, seconds, [*self.gateway, *self.workers])
        used = [cpu_s(pids) - cpu for pids, cpu in zip(parts, before, strict=True)]
        await callers.close()
        done = load.mean_rate * seconds
        self.loads.append(load)
        for notes, cpu in zip((self.gateway_us, self.worker_us, self.callers_us), used, strict=True):
            notes.append(cpu / done * 1e6)

    @property
    def rate(self) -> float:
        """Requests per second, the median of the turns."""
        return statistics.median(load.mean_rate for load in self.loads)


async def measure(seconds: float, turns: int) -> list[Result]:
    """Measure one and two replicas in turns."""
    rounds = own_rounds(HANDLER_S)
    bare: list[tuple[Bare, Bare]] = []
    async with AsyncExitStack() as stack:
        flows = [await _running(rounds, replicas, stack) for replicas in (1, 2)]
        for _ in range(turns):
            for flow in flows:
                await flow.press(seconds)
            bare.append((await _bare(rounds, 1, seconds), await _bare(rounds, 2, seconds)))
    # Two at once, as the replicas are: cores that share a cache or a clock are slower then.
    alone_us = statistics.median(both.cpu_us for _, both in bare)
    return [*_rates(*flows, bare), *_rest(flows[1], alone_us)]


async def _running(rounds: int, replicas: int, stack: AsyncExitStack) -> Measured:
    before = set(children())
    flow = await stack.enter_async_context(computing(rounds, replicas))
    pids = sorted(set(children()) - before)
    gateway = [pid for pid in pids if flow.ports['http'] in listens(pid)]
    workers = [pid for pid in pids if pid not in gateway]
    assert (len(gateway), len(workers)) == (1, replicas), pids
    return Measured(flow.ports['http'], gateway, workers)


def _check(reply: bytes) -> None:
    assert b'"x"' in reply, reply


async def _bare(rounds: int, processes: int, seconds: float) -> Bare:
    """Measure so many processes that do nothing else."""
    command = [sys.executable, '-m', 'benchmarks.computing', str(rounds), str(seconds)]
    running = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE) for _ in range(processes)
    ]
    told = [(await process.communicate())[0].split() for process in running]
    rates, cpus_us = zip(*([float(figure) for figure in figures] for figures in told), strict=True)
    return Bare(sum(rates), statistics.mean(cpus_us))


def _rates(one: Measured, two: Measured, bare: Sequence[tuple[Bare, Bare]]) -> list[Result]:
    """Ratios are taken within each turn, and the median of them is told: others use the machine too."""
    loads = list(zip(one.loads, two.loads, bare, strict=True))
    gain = statistics.median(b.mean_rate / a.mean_rate for a, b, _ in loads)
    ideal = statistics.median(both.rate / alone.rate for alone, both in bare)
    reached = statistics.median(b.mean_rate / both.rate for _, b, (_, both) in loads)
    both = statistics.median(both.rate for _, both in bare)
    met = gain >= WANTED
    return [
        _row('one replica', one),
        replace(_row('two replicas', two), reference=one.rate, ratio=gain, target=f'ratio {WANTED}', met=met),
        Result(GROUP, 'two bare processes, next to one', both, '1/s', ratio=ideal),
        Result(GROUP, 'two replicas, next to two bare processes', two.rate, '1/s', ratio=reached),
    ]


def _row(name: str, flow: Measured) -> Result:
    middle = sorted(flow.loads, key=lambda load: load.mean_rate)[len(flow.loads) // 2]
    best = max(load.mean_rate for load in flow.loads)
    times = {'p50_ms': middle.p50_ms, 'p99_ms': middle.p99_ms, 'cpu_us': middle.cpu_us}
    return Result(GROUP, name, flow.rate, '1/s', best=best, **times)


def _rest(two: Measured, alone_us: float) -> list[Result]:
    """Where a request's processor time goes, in microseconds and as a part of the handler's own."""
    worker_us = statistics.median(two.worker_us)
    parts = {
        f'workers around the handler ({figure(alone_us / 1e3)} ms)': worker_us - alone_us,
        'gateway': statistics.median(two.gateway_us),
        'callers on the same cores': statistics.median(two.callers_us),
    }
    return [Result(GROUP, name, us, 'µs', ratio=us / alone_us) for name, us in parts.items()]

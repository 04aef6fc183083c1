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
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from benchmarks.callers import HttpCallers
from benchmarks.flows import compute, computing
from benchmarks.load import Load, press
from benchmarks.processes import children, cpu_s, listens
from benchmarks.result import Result, figure

GROUP = 'a handler that computes'
HANDLER_S = 0.008
CALLERS = 8
WANTED = 1.8
BODY = b'{"data": [{"text": "x"}], "execEndpoint": "/"}'
BARE = 'import sys, time; from benchmarks.flows import compute; begin = time.perf_counter(); calls = 0\n'
BARE += 'while time.perf_counter() - begin < float(sys.argv[2]): compute(int(sys.argv[1])); calls += 1\n'
BARE += 'print(calls / (time.perf_counter() - begin))'


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
    bare: list[tuple[float, float]] = []
    async with AsyncExitStack() as stack:
        flows = [await _running(rounds, replicas, stack) for replicas in (1, 2)]
        for _ in range(turns):
            for flow in flows:
                await flow.press(seconds)
            bare.append((await _bare(rounds, 1, seconds / 2), await _bare(rounds, 2, seconds / 2)))
    one, two = flows
    ratios = [b.mean_rate / a.mean_rate for a, b in zip(one.loads, two.loads, strict=True)]
    ideal = statistics.median(b / a for a, b in bare)
    alone_us = 1e6 / statistics.median(a for a, _ in bare)
    return [*_rates(one, two, statistics.median(ratios), ideal), *_rest(two, alone_us)]


def own_rounds(seconds: float) -> int:
    """How many rounds of the handler's loop take so long here; the best of some tries."""
    rounds, took = 20_000, []
    for _ in range(9):
        begin = time.perf_counter()
        compute(rounds)
        took.append(time.perf_counter() - begin)
    return round(rounds * seconds / min(took))


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


async def _bare(rounds: int, processes: int, seconds: float) -> float:
    """Calls per second of so many processes that do nothing else, all together."""
    command = [sys.executable, '-c', BARE, str(rounds), str(seconds)]
    running = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE) for _ in range(processes)
    ]
    return sum([float((await process.communicate())[0]) for process in running])


def _rates(one: Measured, two: Measured, ratio: float, ideal: float) -> list[Result]:
    def row(name: str, flow: Measured, **more: object) -> Result:
        middle = sorted(flow.loads, key=lambda load: load.mean_rate)[len(flow.loads) // 2]
        best = max(load.mean_rate for load in flow.loads)
        return Result(
            GROUP,
            name,
            flow.rate,
            '1/s',
            best=best,
            p50_ms=middle.p50_ms,
            p99_ms=middle.p99_ms,
            cpu_us=middle.cpu_us,
            **more,  # type: ignore[arg-type]
        )

    met = ratio >= WANTED
    return [
        row('one replica', one),
        row('two replicas', two, reference=one.rate, ratio=ratio, target=f'ratio {WANTED}', met=met),
        Result(GROUP, 'two bare processes next to one', ideal, 'x', ratio=ideal),
    ]


def _rest(two: Measured, alone_us: float) -> list[Result]:
    """Where a request's processor time goes, in microseconds and as a part of the handler's own."""
    worker_us = statistics.median(two.worker_us)
    parts = {
        f'the handler alone takes {figure(alone_us / 1e3)} ms; workers around it': worker_us - alone_us,
        'gateway': statistics.median(two.gateway_us),
        'callers, which share the cores': statistics.median(two.callers_us),
    }
    return [Result(GROUP, name, us, 'µs', ratio=us / alone_us) for name, us in parts.items()]

"""Many callers of one function: how many calls a second, how long each takes, what it costs the servers.

Rates are taken in short windows, of which the median and the best tenth are told: a machine that others use
stops for moments, and a mean would measure that. Processor time per call is the steadiest figure.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks.processes import cpu_s

WINDOW_S = 0.2

Call = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Load:
    """What `callers` saw together; `mean_rate` is for calls that come in bursts, which windows round."""

    rate: float
    best_rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    mean_rate: float


async def press(calls: Sequence[Call], seconds: float, servers: Sequence[int]) -> Load:
    """Let each of `calls` be made again and again, side by side, for some seconds.

    `servers` are the processes whose processor time is counted.
    """
    for call in calls:
        await call()
    ends: list[float] = []
    took: list[float] = []

    async def caller(call: Call, until: float) -> None:
        while (begin := time.perf_counter()) < until:
            await call()
            end = time.perf_counter()
            ends.append(end)
            took.append(end - begin)

    cpu = cpu_s(servers)
    begin = time.perf_counter()
    await asyncio.gather(*(caller(call, begin + seconds) for call in calls))
    cpu = cpu_s(servers) - cpu
    rates = windows(ends, begin, seconds)
    took.sort()
    return Load(
        rate=statistics.median(rates),
        best_rate=rates[-1 - len(rates) // 10],
        p50_ms=took[len(took) // 2] * 1e3,
        p99_ms=took[len(took) * 99 // 100] * 1e3,
        cpu_us=cpu / len(took) * 1e6,
        mean_rate=len(ends) / (max(ends) - begin),
    )


def windows(ends: Sequence[float], begin: float, seconds: float) -> list[float]:
    """Return the calls per second in each window of the time, sorted."""
    counts = [0] * max(1, int(seconds / WINDOW_S))
    for end in ends:
        index = int((end - begin) / WINDOW_S)
        if index < len(counts):
            counts[index] += 1
    return sorted(count / WINDOW_S for count in counts)

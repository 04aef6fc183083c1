"""Chains of executors that pass on: what each more of them costs, as a straight line through the figures.

All chains run at once and are measured in turns, so that whatever else the machine does meets all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import numpy as np

from benchmarks.callers import HttpCallers
from benchmarks.echo import serve
from benchmarks.flows import chain
from benchmarks.load import Load, press
from benchmarks.processes import children
from benchmarks.result import Result

GROUP = 'a chain of executors that pass on'
LENGTHS = (1, 2, 4, 8, 16)
MANY = 16
WANTED = 0.98
BODY = b'{"data": [{"text": "x"}], "execEndpoint": "/"}'


@dataclass
class Served:
    """A server under test: where it is, its processes, what each turn saw."""

    port: int
    pids: list[int]
    alone: list[Load] = field(default_factory=list)
    many: list[Load] = field(default_factory=list)

    async def press(self, seconds: float) -> None:
        """Let one caller ask for a while, then many."""
        callers = HttpCallers(self.port, '/post', BODY, _check)
        self.alone.append(await press(await callers.calls(1), seconds, self.pids))
        self.many.append(await press(await callers.calls(MANY), seconds, self.pids))
        await callers.close()

    @property
    def p50_us(self) -> float:
        """Microseconds from request to answer for one caller; the best turn, which others disturbed least."""
        return min(load.p50_ms for load in self.alone) * 1e3

    @property
    def cpu_us(self) -> float:
        """Processor time of all its processes for one request of many callers."""
        return min(load.cpu_us for load in self.many)


async def measure(seconds: float, turns: int) -> list[Result]:
    """Measure a bare echo and every chain in turns."""
    async with AsyncExitStack() as stack:
        bare = stack.enter_context(serve('http'))
        echo = Served(bare.port, [bare.pid])
        chains: dict[int, Served] = {}
        for length in LENGTHS:
            before = set(children())
            flow = await stack.enter_async_context(chain(length))
            chains[length] = Served(flow.ports['http'], sorted(set(children()) - before))
            assert len(chains[length].pids) == length + 1, chains
        for _ in range(turns):
            for served in (echo, *chains.values()):
                await served.press(seconds)
    return [*(_row(length, served, echo) for length, served in chains.items()), *_lines(chains, echo)]


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """The straight line nearest to points: its slope, where it begins, and R² (1: all are on it).

    >>> line([1, 2, 4], [5, 7, 11])
    (2.0, 3.0, 1.0)
    """
    slope, begin = np.polyfit(x, y, 1)
    off = np.square(np.asarray(y) - (slope * np.asarray(x) + begin)).sum()
    spread = np.square(np.asarray(y) - np.mean(y)).sum()
    return round(float(slope), 9), round(float(begin), 9), round(float(1 - off / spread), 9)


def _check(reply: bytes) -> None:
    assert b'"x"' in reply, reply


def _row(length: int, served: Served, echo: Served) -> Result:
    return Result(
        GROUP,
        f'{length} executor{"s" if length > 1 else ""}',
        served.p50_us,
        'µs',
        p50_ms=served.p50_us / 1e3,
        cpu_us=served.cpu_us,
        reference=echo.p50_us,
        reference_cpu_us=echo.cpu_us,
        ratio=served.p50_us / echo.p50_us,
    )


def _lines(chains: dict[int, Served], echo: Served) -> list[Result]:
    made = []
    for what, costs, unit in (
        ('one caller waits', [served.p50_us for served in chains.values()], echo.p50_us),
        (f'processor time, {MANY} callers', [served.cpu_us for served in chains.values()], echo.cpu_us),
    ):
        slope, _, fit = line(list(chains), costs)
        made.append(
            Result(
                GROUP,
                f'{what}: per hop (R² {fit:.4f})',
                slope,
                'µs',
                reference=unit,
                ratio=slope / unit,
                target=f'R² {WANTED}',
                met=fit >= WANTED,
            )
        )
    return made

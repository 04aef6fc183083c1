"""The numbers of processes in, what the system says of them out: CPU, memory, open files, threads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from headrace.observe.metrics import catalogue
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import Measured, Values

PROC = Path('/proc')


def look(processes: Iterable[tuple[str, int]]) -> dict[str, Measured]:
    """What each process uses now, by the name of the metric; {} where there is no /proc."""
    found: dict[str, Measured] = {}
    for name, pid in processes:
        for metric, value in _figures(pid).items():
            found.setdefault(metric.name, Measured(metric, {})).series[(name,)] = Values([value])
    return found


def _figures(pid: int) -> dict[Metric, float]:
    try:
        stat = (PROC / str(pid) / 'stat').read_bytes()
    except OSError:
        return {}
    fields = stat.rpartition(b')')[2].split()  # the name before may have anything in it
    ticks, page = os.sysconf('SC_CLK_TCK'), os.sysconf('SC_PAGE_SIZE')
    figures = {
        catalogue.PROCESS_CPU: (int(fields[11]) + int(fields[12])) / ticks,
        catalogue.PROCESS_THREADS: float(fields[17]),
        catalogue.PROCESS_START: _boot_time() + int(fields[19]) / ticks,
        catalogue.PROCESS_MEMORY: float(int(fields[21]) * page),
    }
    try:
        figures[catalogue.PROCESS_FILES] = float(len(os.listdir(PROC / str(pid) / 'fd')))
    except OSError:
        pass  # of another user
    return figures


@cache
def _boot_time() -> float:
    lines = (PROC / 'stat').read_bytes().splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(b'btime ')), 0.0)

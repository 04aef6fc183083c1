"""The machine in; out, the number of cores that this process may really use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

FILES = Path('/')
"""The root below which the system keeps /proc and /sys."""


def cores() -> int:
    """How many cores this process may use: those it is bound to, and no more than its container's quota."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return max(1, min(bound, quota() or bound))


def quota(files: Path = FILES) -> int | None:
    """The cores that the control groups of this process allow it, rounded up; None if they set no limit."""
    limits = [*_limits_v2(files), *_limits_v1(files)]
    return math.ceil(min(limits)) if limits else None


def _limits_v2(files: Path) -> Iterator[float]:
    """The quotas of the group and of all above it: `cpu.max` has microseconds of each period, or `max`."""
    for folder in _folders(files, '', 'sys/fs/cgroup'):
        used, _, period = _text(folder / 'cpu.max').partition(' ')
        if used.isdecimal() and period.isdecimal():
            yield int(used) / int(period)


def _limits_v1(files: Path) -> Iterator[float]:
    for folder in _folders(files, 'cpu', 'sys/fs/cgroup/cpu'):
        used, period = _text(folder / 'cpu.cfs_quota_us'), _text(folder / 'cpu.cfs_period_us')
        if used.isdecimal() and period.isdecimal():  # -1 is no limit
            yield int(used) / int(period)


def _folders(files: Path, controller: str, mount: str) -> Iterator[Path]:
    """The folders of this process's group and of all above it; a container sees its own at the top."""
    for line in _text(files / 'proc/self/cgroup').splitlines():
        _, names, path = line.split(':', 2)
        if controller in names.split(','):
            group = Path(path.lstrip('/'))
            yield from (files / mount / above for above in (group, *group.parents))


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ''

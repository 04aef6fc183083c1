"""Processes in, their memory and processor time out."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import psutil


def family() -> list[int]:
    """Return this process and all that it started, and that those started."""
    return [os.getpid(), *children()]


def children() -> list[int]:
    """Return all processes below this one."""
    return [child.pid for child in psutil.Process().children(recursive=True)]


def listens(pid: int) -> set[int]:
    """Return the TCP ports at which a process listens."""
    found = psutil.Process(pid).net_connections('tcp')
    return {connection.laddr.port for connection in found if connection.status == psutil.CONN_LISTEN}


def pss_mib(pids: Sequence[int]) -> float:
    """Sum the proportional set size: what the processes take together, shared pages counted once.

    The Linux kernel knows it; elsewhere this is the sum of what each process alone would give back (USS).
    """
    if not Path('/proc/self/smaps_rollup').exists():
        return sum(psutil.Process(pid).memory_full_info().uss for pid in pids) / 2**20
    rollups = (Path(f'/proc/{pid}/smaps_rollup').read_text() for pid in pids)
    return sum(int(re.search(r'^Pss:\s+(\d+) kB', text, re.MULTILINE)[1]) for text in rollups) / 1024


def cpu_s(pids: Sequence[int]) -> float:
    """Sum the seconds of processor time that the processes have used so far."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(t.user + t.system for t in times)

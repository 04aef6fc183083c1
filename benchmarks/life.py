"""The life of a Flow of two executors: how long it takes to start, to give its first answer and to stop."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.result import Result

PROGRAM = Path(__file__).with_name('hello_program.py')
BARE = 'import asyncio, numpy, msgspec, uvloop'
TIMEOUT_S = 60

# measured value -> what it is, its unit, and how much it may be (None: it is told, and not judged)
FIGURES: dict[str, tuple[str, str, float | None]] = {
    'import_s': ('import headrace and define the Flow', 's', None),
    'start_s': ('start: from `with` to ready', 's', 0.7),
    'first_answer_s': ('first answer, the client included', 's', None),
    'stop_s': ('stop', 's', 0.3),
    'memory_mib': ('memory of all processes (PSS)', 'MiB', 200 * 1e6 / 2**20),
    'processes': ('processes', '', None),
}


def measure(runs: int) -> list[Result]:
    """Run the hello program `runs` times after one run to warm the file cache; give medians and the best."""
    run_once()
    bare, lives = [], []
    for _ in range(runs):
        bare.append(bare_start_s())
        lives.append(run_once())
    reference = statistics.median(bare)
    results = []
    for key, (name, unit, limit) in FIGURES.items():
        values = [life[key] for life in lives]
        median = statistics.median(values)
        met = None if limit is None else median <= limit
        target = '' if limit is None else f'under {limit:.3g} {unit}'
        made = Result('life', name, median, unit, best=min(values), target=target, met=met)
        if key == 'start_s':
            made = replace(made, reference=reference, ratio=median / reference)
        results.append(made)
    return results


def bare_start_s() -> float:
    """Return what a Python takes to start, import what serving needs, and end."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, '-c', BARE], check=True, timeout=TIMEOUT_S)
    return time.perf_counter() - begin


def run_once() -> dict[str, float]:
    """Run the program in a Python of its own; give what it measured."""
    command = [sys.executable, '-m', f'benchmarks.{PROGRAM.stem}']
    ran = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if ran.returncode:
        raise SystemExit(f'{" ".join(command)} failed:\n{ran.stderr}')
    measured: dict[str, float] = json.loads(ran.stdout)
    return measured

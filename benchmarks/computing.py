"""Work for a processor, always the same: `python -m benchmarks.computing 20000 1.5` does it for 1.5 s."""

from __future__ import annotations

import sys
import time


def compute(rounds: int) -> int:
    """Compute in pure Python for a while."""
    total = 0
    for number in range(rounds):
        total += number * number % 7
    return total


def own_rounds(seconds: float) -> int:
    """Count the rounds that take so long here; the best of some tries."""
    rounds, took = 20_000, []
    for _ in range(9):
        begin = time.perf_counter()
        compute(rounds)
        took.append(time.perf_counter() - begin)
    return round(rounds * seconds / min(took))


def rate(rounds: int, seconds: float) -> tuple[float, float]:
    """Do it again and again; give how often a second, and the processor time of each in microseconds."""
    calls, begin, begin_cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < seconds:
        compute(rounds)
        calls += 1
    return calls / (time.perf_counter() - begin), (time.process_time() - begin_cpu) / calls * 1e6


if __name__ == '__main__':
    print(*rate(int(sys.argv[1]), float(sys.argv[2])))

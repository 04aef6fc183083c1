"""What traces cost: the hello Flow with each part of its requests recorded, next to none of them."""

from __future__ import annotations

from typing import Any

from benchmarks.collector import collecting
from benchmarks.result import Result
from benchmarks.security import PROTOCOLS, Case, in_turns, result

SAMPLES = {'recorded: 0 %': 0.0, 'recorded: 1 %': 0.01, 'recorded: 100 %': 1.0}


def cases(collector: str) -> dict[str, Case]:
    """The settings of each part."""

    def traces(sample: float) -> dict[str, Any]:
        return {'observe': {'traces': {'endpoint': collector, 'sample': sample}}}

    return {'none': Case({})} | {name: Case(traces(sample)) for name, sample in SAMPLES.items()}


async def measure(seconds: float, turns: int) -> list[Result]:
    """Measure each case over each protocol."""
    results = []
    with collecting() as collector:
        for protocol in PROTOCOLS:
            loads = await in_turns(protocol, cases(collector), seconds, turns)
            results += [result('traces', protocol, name, loads) for name in loads]
    return results

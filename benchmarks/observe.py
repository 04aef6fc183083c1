"""What it costs to see everything: the hello Flow with metrics and the dashboard, next to neither."""

from __future__ import annotations

from benchmarks.result import Result
from benchmarks.security import PROTOCOLS, Case, in_turns, result


def case(*, metrics: bool, dashboard: bool) -> Case:
    """The settings of a Flow that has one, both or neither."""
    return Case({'observe': {'metrics': {'enabled': metrics}, 'dashboard': {'enabled': dashboard}}})


CASES = {
    'none': case(metrics=False, dashboard=False),
    'metrics': case(metrics=True, dashboard=False),
    'metrics, dashboard': case(metrics=True, dashboard=True),
}


async def measure(seconds: float, turns: int) -> list[Result]:
    """Measure each case over each protocol."""
    results = []
    for protocol in PROTOCOLS:
        loads = await in_turns(protocol, CASES, seconds, turns)
        results += [result('observe', protocol, name, loads) for name in loads]
    return results

"""What lines about requests cost: the hello Flow with an access log, and with a slow log that is silent."""

from __future__ import annotations

from benchmarks.result import Result
from benchmarks.security import PROTOCOLS, Case, in_turns, result

LOGS = {
    'access: all': {'access': 'all'},
    'access: 1 %': {'access': 'all', 'access_sample': 0.01},
    'access: errors': {'access': 'errors'},
    'slow: none is': {'slow_s': 60.0},
}


async def measure(seconds: float, turns: int) -> list[Result]:
    """Measure each case over each protocol."""
    cases = {'none': Case({})} | {
        name: Case({'observe': {'logs': {'format': 'json', **logs}}}) for name, logs in LOGS.items()
    }
    results = []
    for protocol in PROTOCOLS:
        loads = await in_turns(protocol, cases, seconds, turns)
        results += [result('logs', protocol, name, loads) for name in loads]
    return results

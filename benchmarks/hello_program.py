"""The first program of the README, with a clock: prints one line of JSON with its times and its memory.

It has no `if __name__ == '__main__'`, like the programs of those who begin.
"""

import time

begin = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402

from headrace import DocumentArray, Executor, Flow, requests  # noqa: E402


class MyExec(Executor):
    """Adds a greeting to each text."""

    @requests
    async def foo(self, docs: DocumentArray, **kwargs):
        """Add the greeting."""
        for d in docs:
            d.text += 'hello, world!'


f = Flow().add(uses=MyExec).add(uses=MyExec)

starting = time.perf_counter()
with f:
    started = time.perf_counter()
    r = f.post('/', DocumentArray.empty(2))
    answered = time.perf_counter()
    assert r.texts == ['hello, world!hello, world!'] * 2, r.texts

    from benchmarks.processes import family, pss_mib

    memory = pss_mib(family())
    processes = len(family())
    stopping = time.perf_counter()
stopped = time.perf_counter()

json.dump(
    {
        'import_s': starting - begin,
        'start_s': started - starting,
        'first_answer_s': answered - started,
        'stop_s': stopped - stopping,
        'memory_mib': memory,
        'processes': processes,
    },
    sys.stdout,
)

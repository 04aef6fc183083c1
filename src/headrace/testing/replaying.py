"""A recording in; out, its requests once more, as a test or as load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from headrace.client import ClientSettings
from headrace.documents.codec import columns
from headrace.documents.doclist import list_type
from headrace.errors import HeadraceError
from headrace.executors import Executor
from headrace.recording.file import Recording
from headrace.recording.records import Case, Fault, Side
from headrace.recording.redaction import Redaction
from headrace.testing.comparison import Comparison
from headrace.testing.differing import Unlike, unlike
from headrace.testing.targets import Play, Target, opened, plays_of

Rate = Literal['original', 'max'] | float
SPEEDS = {'original': 1.0, 'max': 0.0}
"""How many times as fast as it was; 0 is without a wait."""


def recorded(path: str | Path, *, only: str = '') -> list[Case]:
    """The requests of a recording, in the order in which they came; those to the endpoint `only`.

    For a test of each: `@pytest.mark.parametrize('case', recorded('traffic.hrec'), ids=repr)`.
    """
    cases = [case for case in Recording(path) if not only or case.endpoint == only]
    return sorted(cases, key=lambda case: case.begun)


def replay(
    what: str | Path | Sequence[Case],
    target: Any,
    *,
    executor: str = '',
    tolerance: float | None = 1e-5,
    rate: Rate = 'max',
    concurrency: int = 1,
    client: ClientSettings | None = None,
) -> Comparison:
    """Send recorded requests once more, and compare the answers with those of then.

    `what` is a file, or some of its cases (see `recorded`). `target` is the address of a gateway, a Flow (one
    that does not run is started for it), or an executor class. With `executor`, and always for a class, the
    recorded inputs of that executor alone go to it, in this process. `rate` is 'max', 'original', or how many
    times as fast as it was; `concurrency` bounds what is under way. Numbers differ if they do by more than
    `tolerance`, relative and absolute; with None nothing is compared. `client` are settings of the client of
    an address.

    Raises HeadraceError if there is nothing to replay, CodecError if the file is no recording.

    >>> def test_new_model():
    ...     comparison = replay('traffic.hrec', Encoder, executor='encoder', tolerance=1e-3)
    ...     assert comparison, comparison
    """
    cases = recorded(what) if isinstance(what, str | Path) else list(what)
    if isinstance(target, type) and issubclass(target, Executor) and not executor:
        executor = _only_executor(cases)
    plays = [play for case in cases for play in plays_of(case, executor)]
    if not plays:
        raise HeadraceError(
            f'there is nothing to replay{f" of executor {executor!r}" if executor else ""}',
            help='does the recording have requests (and stages), and to this endpoint and executor?',
        )
    replaying = Replaying(tolerance, rate, concurrency)

    async def run() -> Comparison:
        async with opened(target, executor, client or ClientSettings()) as opened_target:
            return await replaying.run(plays, opened_target)

    return _on_its_own_loop(run)


class Replaying:
    """Sends requests to a target at a rate, and compares; without a tolerance, it only measures."""

    def __init__(self, tolerance: float | None, rate: Rate, concurrency: int) -> None:
        self._tolerance = tolerance
        self._speed = SPEEDS[rate] if isinstance(rate, str) else rate
        self._room = asyncio.Semaphore(concurrency)
        self._comparison = Comparison(is_compared=tolerance is not None)

    async def run(self, plays: Sequence[Play], target: Target) -> Comparison:
        """All of them, each when it is its time and there is room."""
        begun, first = time.perf_counter(), plays[0].begun
        async with asyncio.TaskGroup() as group:
            for play in plays:
                if play.error is not None and play.error.name == 'Cancelled':
                    self._comparison.passed_over += 1
                    continue
                if self._speed:
                    due = begun + (play.begun - first) / self._speed
                    await asyncio.sleep(due - time.perf_counter())
                await self._room.acquire()
                group.create_task(self._play(play, target))
        self._comparison.seconds = time.perf_counter() - begun
        return self._comparison

    async def _play(self, play: Play, target: Target) -> None:
        try:
            begun = time.perf_counter()
            docs, error = await target.answer(play)
            took_s = time.perf_counter() - begun
        finally:
            self._room.release()
        self._comparison.add(play.took_s, took_s, play.error, error)
        if self._tolerance is None:
            return
        if (play.error and play.error.name) != (error and error.name):
            found = [Unlike('', '', _outcome(play.error), _outcome(error))]
        else:
            was = [doc for side in play.answers for doc in side.docs()]
            found = list(unlike(was, _kept(docs, play.redaction), self._tolerance))
        self._comparison.note(play.request_id, play.endpoint, found)


def _kept(docs: list[Any], redaction: Redaction) -> list[Any]:
    """Documents as a recording has them: what was redacted there cannot be compared."""
    if redaction.is_idle:
        return docs
    lists = [list_type(type(doc))([doc]) for doc in docs]
    sides = [Side(sources=[('', b''.join(columns.encode(each)))]) for each in lists]
    return [doc for side in sides for doc in redaction.side(side).docs()]


def _outcome(error: Fault | None) -> str:
    if error is None:
        return 'an answer'
    return f'{error.name}: {error.message}' if error.message else error.name


def _only_executor(cases: Sequence[Case]) -> str:
    names = sorted({visit.executor for case in cases for visit in case.visits})
    if len(names) != 1:
        raise HeadraceError(
            f'requests of {len(names)} executors are recorded: {", ".join(names)}',
            help='say which one this is: executor=...',
        )
    return names[0]


def _on_its_own_loop(run: Callable[[], Coroutine[Any, Any, Comparison]]) -> Comparison:
    """The result of asynchronous work, also for a caller that is on an event loop itself."""
    with ThreadPoolExecutor(1, thread_name_prefix='headrace-replay') as thread:
        return thread.submit(lambda: asyncio.run(run())).result()

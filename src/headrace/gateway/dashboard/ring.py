"""Requests as they end in; out, the few that are worth a look: the slowest, and the last that went wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappush, heapreplace

from msgspec import Struct

from headrace.gateway.dashboard.records import Ended, Stage
from headrace.gateway.finished import Finished
from headrace.observe.paths import hide_paths
from headrace.pipeline.hops import Hop

KEPT = 100
"""Requests of each sort that are kept."""
OVER_S = 600.0
"""How far back the slow ones go, at most; half of it at least."""
TRIED = 'try-'
"""How the ids of requests begin that are kept however they went: those of the page's own form."""
LONGEST_ERROR = 2000


class Kept(Struct):
    """What one gateway keeps."""

    slow: list[Ended] = []
    failed: list[Ended] = []
    refused: list[Ended] = []
    tried: list[Ended] = []


class Slowest:
    """The slowest requests of a span of time; `floor` is what a further one has to take to be among them."""

    def __init__(self, most: int) -> None:
        self.floor = 0.0
        self._most = most
        self._heap: list[tuple[float, int, Ended]] = []
        self._number = 0

    def add(self, ended: Ended) -> None:
        """Take one in, and let go of the fastest if there are too many."""
        self._number += 1
        item = (ended.took_s, self._number, ended)
        if len(self._heap) < self._most:
            heappush(self._heap, item)
        else:
            heapreplace(self._heap, item)
        if len(self._heap) == self._most:
            self.floor = self._heap[0][0]

    def all(self) -> list[Ended]:
        """Those it has."""
        return [ended for _, _, ended in self._heap]


class Ring:
    """Bounded, whatever comes; most requests pass it with two comparisons.

    `on_kept` is called when one was kept.
    """

    def __init__(
        self, most: int = KEPT, *, over_s: float = OVER_S, on_kept: Callable[[], None] | None = None
    ) -> None:
        self._most = most
        self._span_s = over_s / 2
        self._on_kept = on_kept
        self._until = 0.0
        self._slow, self._slow_before = Slowest(most), Slowest(most)
        self._failed: deque[Ended] = deque(maxlen=most)
        self._refused: deque[Ended] = deque(maxlen=most)
        self._tried: deque[Ended] = deque(maxlen=most)

    def note(self, finished: Finished) -> None:
        """A request has ended; one that was for a page, and not for the Flow, if that went wrong."""
        if not finished.endpoint and finished.status < 500:
            return
        if finished.begun >= self._until:
            self._turn(finished.begun)
        status, is_slow = finished.status, finished.seconds > self._slow.floor
        if not is_slow and status < 400 and not finished.request_id.startswith(TRIED):
            return
        ended = _ended(finished)
        if status >= 500:
            self._failed.append(ended)
        elif status >= 400:
            self._refused.append(ended)
        if is_slow:
            self._slow.add(ended)
        if ended.id.startswith(TRIED):
            self._tried.append(ended)
        if self._on_kept is not None:
            self._on_kept()

    def kept(self) -> Kept:
        """All that is kept now."""
        slow = [*self._slow_before.all(), *self._slow.all()]
        return Kept(slow, list(self._failed), list(self._refused), list(self._tried))

    def _turn(self, now: float) -> None:
        """A new span begins: what was slow in the one before the last is forgotten."""
        was_long_ago = now >= self._until + self._span_s
        self._slow_before = Slowest(self._most) if was_long_ago else self._slow
        self._slow = Slowest(self._most)
        self._until = now + self._span_s

    def __repr__(self) -> str:
        kept = self.kept()
        return f'<Ring of {len(kept.slow)} slow, {len(kept.failed)} failed, {len(kept.refused)} refused>'


def _ended(finished: Finished) -> Ended:
    return Ended(
        id=finished.request_id,
        at=finished.begun,
        protocol=finished.protocol,
        endpoint=finished.endpoint,
        status=finished.status,
        took_s=finished.seconds,
        documents=finished.documents,
        received_bytes=finished.received_bytes,
        sent_bytes=finished.sent_bytes,
        client=finished.client,
        error=hide_paths(finished.error[:LONGEST_ERROR], keep=finished.endpoint),
        trace=finished.trace,
        stages=tuple(_stage(hop, finished.started) for hop in finished.hops or ()),
    )


def _stage(hop: Hop, began: float) -> Stage:
    begun_s, timing = max(0.0, hop.begun - began), hop.timing
    if timing is None:
        return Stage(executor=hop.executor, begun_s=begun_s, took_s=hop.took_s, error=hop.error)
    return Stage(
        executor=hop.executor,
        begun_s=begun_s,
        took_s=hop.took_s,
        is_timed=True,
        queue_s=timing.queue_s,
        batch_s=timing.batch_s,
        handler_s=timing.handler_s,
        documents=timing.documents,
        replica=timing.replica,
        attempts=timing.attempts,
        error=hop.error,
    )

"""Requests as they end in; out, the few that are worth a look: the slowest, and the last that went wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappush, heapreplace

from msgspec import Struct

from headrace.gateway.dashboard.records import Ended, EndedHop
from headrace.gateway.finished import Finished
from headrace.observe.paths import hide_paths
from headrace.pipeline.hops import Hop, divided, outside_s

KEPT = 100
"""Requests of each sort that are kept."""
OVER_S = 600.0
"""How far back the slow ones go, at most; half of it at least."""
TRIED = 'try-'
"""How the ids of requests begin that are kept however they went: those of the page's own form."""


class Kept(Struct):
    """What one gateway keeps."""

    slow: list[Ended] = []
    failed: list[Ended] = []
    refused: list[Ended] = []
    tried: list[Ended] = []


Slow = list[tuple[float, int, Finished]]
"""A heap: the fastest of the slow ones first; numbers tell those apart that took the same time."""


class Ring:
    """Bounded, whatever comes; most requests pass it with a few comparisons, in one function.

    `on_kept` is called when one was kept.
    """

    def __init__(
        self, most: int = KEPT, *, over_s: float = OVER_S, on_kept: Callable[[], None] | None = None
    ) -> None:
        self._most = most
        self._span_s = over_s / 2
        self._on_kept = on_kept
        self._until = 0.0
        self._floor = -1.0  # what a request has to take to be among the slow ones
        self._number = 0
        self._slow: Slow = []
        self._slow_before: Slow = []
        self._failed: deque[Finished] = deque(maxlen=most)
        self._refused: deque[Finished] = deque(maxlen=most)
        self._tried: deque[Finished] = deque(maxlen=most)

    def note(self, finished: Finished) -> None:
        """A request has ended; one that was for a page, and not for the Flow, counts if that failed."""
        status, seconds = finished.status, finished.seconds
        if not finished.endpoint and status < 500:
            return
        if finished.begun >= self._until:
            self._turn(finished.begun)
        is_tried = finished.request_id.startswith(TRIED)
        if seconds <= self._floor and status < 400 and not is_tried:
            return
        if seconds > self._floor:
            slow = self._slow
            self._number += 1
            if len(slow) < self._most:
                heappush(slow, (seconds, self._number, finished))
            else:
                heapreplace(slow, (seconds, self._number, finished))
            if len(slow) == self._most:
                self._floor = slow[0][0]
        if status >= 500:
            self._failed.append(finished)
        elif status >= 400:
            self._refused.append(finished)
        if is_tried:
            self._tried.append(finished)
        if self._on_kept is not None:
            self._on_kept()

    def kept(self) -> Kept:
        """All that is kept now."""
        slow = [finished for _, _, finished in (*self._slow_before, *self._slow)]
        return Kept(*([*map(_ended, some)] for some in (slow, self._failed, self._refused, self._tried)))

    def _turn(self, now: float) -> None:
        """A new span begins: what was slow in the one before the last is forgotten."""
        was_long_ago = now >= self._until + self._span_s
        self._slow_before = [] if was_long_ago else self._slow
        self._slow, self._floor = [], -1.0
        self._until = now + self._span_s

    def __repr__(self) -> str:
        slow = len(self._slow) + len(self._slow_before)
        return f'<Ring of {slow} slow, {len(self._failed)} failed, {len(self._refused)} refused>'


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
        error=hide_paths(finished.error, keep=finished.endpoint),
        trace=finished.trace,
        gateway_s=outside_s(finished.seconds, finished.hops or ()),
        hops=tuple(_hop(hop, finished.started) for hop in finished.hops or ()),
    )


def _hop(hop: Hop, began: float) -> EndedHop:
    begun_s, timing = max(0.0, hop.begun - began), hop.timing
    if timing is None:
        return EndedHop(executor=hop.executor, begun_s=begun_s, took_s=hop.took_s, error=hop.error)
    return EndedHop(
        executor=hop.executor,
        begun_s=begun_s,
        took_s=hop.took_s,
        is_timed=True,
        **divided(hop)._asdict(),
        documents=timing.documents,
        replica=timing.replica,
        attempts=timing.attempts,
        error=hop.error,
    )

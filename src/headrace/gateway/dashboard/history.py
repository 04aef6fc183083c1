"""Snapshots of a Flow's metrics every few seconds in, its last minutes as curves out."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from headrace.gateway.dashboard.figures import answered
from headrace.gateway.dashboard.records import Distribution, History, Point
from headrace.gateway.dashboard.sums import count, distribution
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.reading import Snapshot

EVERY_S = 10.0
POINTS = 60
"""How often, and how many of them are kept: ten minutes."""

Counts = tuple[int, int, Distribution]


class Curve:
    """One curve: counts that only grow in, what happened in between out."""

    def __init__(self, most: int = POINTS) -> None:
        self.points: deque[Point] = deque(maxlen=most)
        self._last: tuple[float, Counts] | None = None

    def add(self, at: float, now: Counts) -> None:
        """So many requests, errors and durations there were until now."""
        if self._last is not None and at > self._last[0]:
            since, (requests, errors, took) = self._last
            span_s, change = at - since, grown(now[2], took)
            self.points.append(
                Point(
                    round(at, 3),
                    round(max(0, now[0] - requests) / span_s, 4),
                    round(max(0, now[1] - errors) / span_s, 4),
                    quantile(change, 0.5),
                    quantile(change, 0.99),
                )
            )
        self._last = at, now


class Curves:
    """Those of the whole Flow and of each executor."""

    def __init__(
        self, executors: Iterable[str], versions: Mapping[str, Collection[str]] | None = None
    ) -> None:
        """`versions` is what those of an executor are called in the Flow, where it has several."""
        self._flow = Curve()
        self._versions = dict(versions or {})
        self._executors = {name: Curve() for name in executors}

    def add(self, at: float, snapshot: Snapshot) -> None:
        """How it is at this moment."""
        requests, _, failed = answered(snapshot)
        self._flow.add(at, (requests, failed, distribution(snapshot, catalogue.REQUEST_SECONDS)))
        for name, curve in self._executors.items():
            names = self._versions.get(name, name)
            took = distribution(snapshot, catalogue.HOP_SECONDS, executor=names)
            errors = count(snapshot, catalogue.HOP_ERRORS, executor=names)
            curve.add(at, (sum(took.counts), errors, took))

    def history(self) -> History:
        """All of them."""
        executors = {name: tuple(curve.points) for name, curve in self._executors.items()}
        return History(every_s=EVERY_S, flow=tuple(self._flow.points), executors=executors)


def grown(now: Distribution, before: Distribution) -> Distribution:
    """What was measured between two readings."""
    if len(before.counts) != len(now.counts):
        return now
    counts = tuple(max(0, late - early) for late, early in zip(now.counts, before.counts, strict=True))
    return Distribution(now.bounds, counts, max(0.0, now.sum - before.sum))


def quantile(measured: Distribution, part: float) -> float:
    """Below what `part` of the values lie, straight within a bucket; -1 if there are none.

    >>> quantile(Distribution((1.0, 2.0), (10, 10, 0)), 0.75)
    1.5
    """
    rank = part * sum(measured.counts)
    if not rank:
        return -1.0
    low = 0.0
    for bound, number in zip(measured.bounds, measured.counts, strict=False):
        if number and rank <= number:
            return round(low + (bound - low) * rank / number, 6)
        rank -= number
        low = bound
    return low

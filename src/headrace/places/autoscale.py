"""What an executor has to do, again and again, in; out, how many replicas it should have. Pure."""

from __future__ import annotations

import math
from collections import deque

from headrace.pipeline.describe import ExecutorInfo

BUSY = 3.0
"""Calls that a replica has well to do with, where it takes each alone: one at work, the next ones here."""

GROW_AFTER_S = 1.0
"""For how long there has to be more than that, all the time, before replicas are added."""

SHRINK_AFTER_S = 30.0
"""For how long fewer replicas must have been enough, all the time, and nothing changed, before one goes."""


class Autoscale:
    """Between `least` and `most` replicas, so that each has about `busy` calls to do at a time.

    It grows by as many as the work asks for, at most to the double at a time, and shrinks by one after the
    other: what was needed a moment ago is soon needed again, and starting costs more than waiting.

    >>> scale = Autoscale(1, 8, busy=3.0)
    >>> [scale.wanted(1, calls=30, now=now) for now in (0.0, 0.5, 1.0)]
    [1, 1, 2]
    """

    def __init__(self, least: int, most: int, *, busy: float = BUSY) -> None:
        self.least = least
        self.most = most
        self.busy = busy
        self._seen: deque[tuple[float, int]] = deque()  # when, and the replicas that would have been enough

    def wanted(self, size: int, *, calls: int, now: float) -> int:
        """How many replicas there should be instead of `size`, with so many `calls` to do `now` (in s)."""
        enough = min(max(math.ceil(calls / self.busy), self.least), self.most)
        self._seen.append((now, enough))
        while len(self._seen) > 1 and self._seen[1][0] <= now - SHRINK_AFTER_S:
            self._seen.popleft()  # the first one left says how it was at the beginning of that time
        if (up := self._least_since(now - GROW_AFTER_S)) > size:
            return self._decided(min(up, 2 * size))
        if self._seen[0][0] <= now - SHRINK_AFTER_S and max(enough for _, enough in self._seen) < size:
            return self._decided(size - 1)
        return min(max(size, self.least), self.most)

    def _least_since(self, begin: float) -> int:
        """The fewest that would have been enough at any time since `begin`; 0 if that is not known."""
        if self._seen[0][0] > begin:
            return 0
        return min(enough for when, enough in self._seen if when >= begin)

    def _decided(self, size: int) -> int:
        """Look afresh: what was seen before says nothing of so many replicas."""
        self._seen.clear()
        return size


def busy_of(info: ExecutorInfo | None) -> float:
    """The calls that one replica has well to do with: where they share batches, two batches full of them."""
    endpoints = () if info is None else info.endpoints
    batchings = [each.batching for each in endpoints if each.batching is not None]
    sizes = [2.0 * each.preferred_batch_size for each in batchings if each.use_dynamic_batching]
    return max([BUSY, *sizes])

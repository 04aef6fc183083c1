"""How fast a queue empties, and so when it is worth coming again. Pure."""

from __future__ import annotations

SPAN_S = 0.25
"""Seconds over which a rate is measured, at least."""

KEPT = 0.5
"""How much of the rate before stays when a new one is measured."""

SOONEST_S = 0.05
LATEST_S = 30.0
UNKNOWN_S = 1.0
"""The bounds of what those who are refused are asked to wait, and what they are if nothing is known."""


def drained_s(ahead: float, per_s: float) -> float:
    """Seconds until so many have left, of which so many leave in a second (0: nobody knows).

    >>> drained_s(50, 100.0), drained_s(50, 0.0), drained_s(50, 1e-9)
    (0.5, 1.0, 30.0)
    """
    return min(max(ahead / per_s, SOONEST_S), LATEST_S) if per_s else UNKNOWN_S


class DrainRate:
    """Counts what ends and tells how long so many more will take; time is handed in.

    `done` is counted up by the owner, who also says when a queue begins: what ended before, when nobody had
    to wait, says nothing of how fast it can go.

    >>> rate = DrainRate()
    >>> rate.begin(0.0)
    >>> rate.done += 100
    >>> rate.seconds(50, now=1.0)
    0.5
    """

    __slots__ = ('_per_s', '_since', 'done')

    def __init__(self) -> None:
        self.done = 0
        self._since = 0.0
        self._per_s = 0.0

    def begin(self, now: float) -> None:
        """From now on somebody waits."""
        if now - self._since > SPAN_S:
            self._since, self.done = now, 0

    def seconds(self, waiting: int, now: float) -> float:
        """Seconds until so many will have ended."""
        span_s = now - self._since
        if span_s >= SPAN_S:
            measured = self.done / span_s
            self._per_s = KEPT * self._per_s + (1 - KEPT) * measured if self._per_s else measured
            self._since, self.done = now, 0
        return drained_s(waiting, self._per_s)

    def __repr__(self) -> str:
        return f'<DrainRate {self._per_s:.1f}/s>'

"""How a process ended in; out, how long to wait before it is started anew, or that it is given up."""

from __future__ import annotations

from typing import NamedTuple

FIRST_S = 0.1
LONGEST_S = 10.0
"""The waits before a process is started again: the first, doubling up to the longest."""

MOST_DOUBLINGS = 30
"""A wait is doubled no more often: some day it would be no number."""

LIMIT = 5
"""After so many ends in a row for which nobody else is to blame, a process is given up."""

STEADY_S = 30.0
"""Who has served for so long is well: what was before is forgotten."""


class End(NamedTuple):
    """How a process ended and what it had done by then.

    `ready_s` is for how long it was ready to serve (None: it never was), `called` whether it was given work,
    `served` whether it finished some, `was_killed` whether SIGKILL or SIGTERM ended it. `was_tried` is False
    if nothing could be started at all, for what would have started it was away.
    """

    how: str
    ready_s: float | None = None
    called: bool = False
    served: bool = False
    was_killed: bool = False
    was_tried: bool = True

    @property
    def is_own_fault(self) -> bool:
        """Whether starting it again will most likely end the same way.

        Not if it was ready and then killed, by whomever, or died over work: other work may do it no harm.
        """
        return self.was_tried and self._has_failed

    @property
    def _has_failed(self) -> bool:
        return self.ready_s is None or not (self.called or self.was_killed)


class Restarts:
    """The ends of one process, one after the other.

    >>> restarts = Restarts()
    >>> [restarts.wait_s(End('exit status 1')) for _ in range(5)]
    [0.1, 0.2, 0.4, 0.8, None]
    """

    def __init__(self) -> None:
        self._ends = 0
        self._faults = 0

    def wait_s(self, end: End) -> float | None:
        """Seconds until it should be started again; None if that makes no sense any more."""
        if end.served or (end.ready_s or 0.0) >= STEADY_S:
            self._ends = self._faults = 0
        self._ends += 1
        self._faults = self._faults + 1 if end.is_own_fault else 0
        if self._faults >= LIMIT:
            return None
        return float(min(LONGEST_S, FIRST_S * 2 ** min(self._ends - 1, MOST_DOUBLINGS)))

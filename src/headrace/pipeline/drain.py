"""How fast answers leave: times of requests in, the rate and the time that a new one would wait out."""

from __future__ import annotations

import math

MEMORY_S = 1.0
"""How much of the past a rate remembers: what is older by this counts for a third, and so on."""

FORGOTTEN = 0.125
"""The part of the past that one answer may outweigh: a slow Flow is judged by several answers, too."""

LEARN = 0.25
"""The weight of one request among those before it."""

CONTENDED, CALM = 2.0, 1.5
"""From how many times their usual time on requests count as waiting for each other, and until when."""

LONGEST = 8.0
"""Beyond so many times its usual time, a request says no more than this."""

KINDS = 256
"""Kinds of requests that are told apart; clients choose their names, so there is a bound."""


class Drain:
    """What was seen of the answers that left, and what follows for those that come next.

    A rate says what is possible only while requests wait for each other. That is known from the requests
    themselves: each kind has its usual time, seen when few were there; when requests take twice as long,
    they queue, and the rate at which they leave is all that there is. Until then nobody has to wait.

    Times are points on a clock of the caller. The busy time is what counts: who lets in a request when there
    was none sets `since`, so that an idle hour is no slow hour.
    """

    __slots__ = ('_busy_s', '_count', '_refused', '_stretch', '_usual_s', 'is_contended', 'since')

    def __init__(self) -> None:
        self.is_contended = False
        self._usual_s: dict[str, float] = {}
        self._stretch = 1.0
        self._count = 0.0
        self._busy_s = 0.0
        self.since = 0.0
        self._refused = -math.inf

    @property
    def rate_per_s(self) -> float:
        """Answers in a second of work; 0 as long as nothing is known."""
        return self._count / self._busy_s if self._busy_s > 0 else 0.0

    def answered(self, kind: str, took_s: float, *, now: float, crowd: int) -> None:
        """A request was answered; `crowd` is how many others there were when it came."""
        self._stretch += LEARN * (self._stretched(kind, took_s, crowd) - self._stretch)
        if self.is_contended:
            self.is_contended = self._stretch > CALM or now - self._refused < MEMORY_S
        elif self._stretch > CONTENDED:
            self.is_contended = True
            self._count = self._busy_s = 0.0  # what was possible before there was more to do says nothing
        passed_s = now - self.since
        kept = math.exp(-min(passed_s / MEMORY_S, FORGOTTEN))
        self._count = self._count * kept + 1
        self._busy_s = self._busy_s * kept + passed_s
        self.since = now

    def wait_s(self, ahead: int) -> float:
        """How long a new request would wait for its answer behind `ahead` others; 0 if nothing says so."""
        return ahead / self.rate_per_s if self.is_contended and self._busy_s > 0 else 0.0

    def refused(self, now: float) -> None:
        """Somebody was sent away since the wait is too long: a short one of others now proves nothing."""
        self._refused = now

    def _stretched(self, kind: str, took_s: float, crowd: int) -> float:
        """How many times its usual time a request took; learns what is usual."""
        kind = kind if kind in self._usual_s or len(self._usual_s) < KINDS else ''
        usual_s = self._usual_s.get(kind)
        if usual_s is None:
            self._usual_s[kind] = took_s
            return 1.0
        if took_s < usual_s or crowd <= 1:
            self._usual_s[kind] = usual_s + LEARN * (took_s - usual_s)
        return min(took_s / usual_s, LONGEST) if usual_s > 0 else 1.0

    def __repr__(self) -> str:
        state = 'contended' if self.is_contended else 'calm'
        return f'<Drain {state}, {self.rate_per_s:.1f} answers/s>'

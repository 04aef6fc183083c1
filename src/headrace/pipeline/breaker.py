"""When to leave a replica alone that fails again and again, and when to try it once more. Pure."""

from __future__ import annotations

LIMIT = 3
"""Failures one after the other that open a breaker."""

SHORTEST_S = 1.0
LONGEST_S = 30.0
"""How long an open breaker stays so: the first time, and at most; each failed attempt doubles it."""


class Breaker:
    """Counts the failures of one replica itself (not those of requests); time is handed in.

    Closed: it is used. Open: it is not, until a pause is over; then one call tries it (half-open), and
    success closes the breaker, while failure doubles the pause.

    >>> breaker = Breaker()
    >>> for _ in range(3):
    ...     breaker.fail(now=10.0)
    >>> breaker.is_open, breaker.may_try(10.5), breaker.may_try(11.0)
    (True, False, True)
    """

    __slots__ = ('_again', 'failures')

    def __init__(self) -> None:
        self.failures = 0
        self._again = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the replica has failed too often since its last success."""
        return self.failures >= LIMIT

    def may_try(self, now: float) -> bool:
        """Whether an open breaker's pause is over."""
        return now >= self._again

    def fail(self, now: float) -> None:
        """The replica has failed (once, however many calls that took along)."""
        self.failures += 1
        if self.is_open:
            self._again = now + min(SHORTEST_S * 2.0 ** min(self.failures - LIMIT, 10), LONGEST_S)

    def succeed(self) -> None:
        """The replica has answered."""
        self.failures = 0

    def __repr__(self) -> str:
        return f'<Breaker {"open" if self.is_open else "closed"}, {self.failures} failures>'

"""What arrivals and finished batches teach: how long it pays to wait for more."""

from __future__ import annotations

from headrace.pipeline.drain_rate import drained_s

KEPT = 0.8
"""How much of what was known stays when something new is learned."""


LATER = 1.5
"""How much longer than usual callers may take to come back before nobody waits for them any more."""

WORTH = 0.75
"""Part of what a batch costs without any document that it may take at most until everybody is back."""

FORGOTTEN = 3
"""How many batches without a document it counts at most when callers stay away."""

LEAD_S = 0.0015
"""How long before a batch ends the next one is made: what an event loop and a thread need to hand it over."""

ALIKE = 1e-4
"""Batches whose weights vary by less than this part of their mean square are taken as alike."""


class Cost:
    """What a batch takes, as a fixed part and a part per unit of weight, learned from those that ran.

    >>> cost = Cost()
    >>> for weight in (1, 64, 10):
    ...     cost.learn(weight, 0.010 + 0.0001 * weight)
    >>> round(cost.seconds(100), 6)
    0.02
    """

    __slots__ = ('_per_unit', '_product', '_seconds', '_square', '_weight')

    def __init__(self) -> None:
        self._weight = self._seconds = self._square = self._product = self._per_unit = 0.0

    @property
    def is_known(self) -> bool:
        """Whether there was one."""
        return self._weight > 0

    def learn(self, weight: float, seconds: float) -> None:
        """A batch of this weight took so many seconds."""
        kept = KEPT if self._seconds else 0.0
        self._weight += (1 - kept) * (weight - self._weight)
        self._seconds += (1 - kept) * (seconds - self._seconds)
        self._square += (1 - kept) * (weight * weight - self._square)
        self._product += (1 - kept) * (weight * seconds - self._product)
        variance = self._square - self._weight**2
        if variance > ALIKE * self._square:  # batches of one weight do not tell what a unit costs
            self._per_unit = (self._product - self._weight * self._seconds) / variance

    def seconds(self, weight: float) -> float:
        """What a batch of this weight is expected to take; 0 as long as nothing is known."""
        if not self._weight:
            return self._seconds
        per_unit = min(max(self._per_unit, 0.0), self._seconds / self._weight)
        return max(0.0, self._seconds + per_unit * (weight - self._weight))


class Pacing:
    """Decides how long a free model waits before it takes what is there. Pure: time is handed in.

    Callers that were here when the last batch ended, and have been answered since, are about to come back. If
    all of them can be back well before a batch without any document would end, one batch for everybody is
    best, and it pays to wait for them. If not, two batches that take turns are better, each made while the
    other runs: then nobody waits. A lone caller never does.
    """

    def __init__(self) -> None:
        self.cost = Cost()
        self._back = Cost()  # what so many callers need to come back
        self._since: float | None = None
        self._answered = self._arrived = self._population = 0
        self._per_request_s = 0.0

    def arrived(self, now: float) -> None:
        """A request has come."""
        self._arrived += 1
        if self._arrived == self._answered:
            self._all_back(now)

    def ended(self, now: float, *, requests: int, population: int, weight: float, seconds: float) -> None:
        """A batch has ended; `population` is everybody who waits for an answer, its own requests included."""
        if self._arrived < self._answered:
            self._all_back(now)  # it takes them that long at least
        self._since = now
        self._answered, self._arrived = requests, 0
        self._population = population
        self.cost.learn(weight, seconds)
        each = seconds / max(1, requests)
        self._per_request_s = KEPT * self._per_request_s + (1 - KEPT) * each if self._per_request_s else each

    def _all_back(self, now: float) -> None:
        """Those who were answered have come again; a night that they were away must not be remembered."""
        if self._since is not None:
            self._back.learn(self._answered, min(now - self._since, FORGOTTEN * self.cost.seconds(0)))

    @property
    def takes_turns(self) -> bool:
        """Whether two batches that take turns are better than one for everybody."""
        return self._back.seconds(self._population) >= WORTH * self.cost.seconds(0)

    def patience_s(self, now: float, *, requests: int) -> float:
        """Seconds to wait for those who are about to come, when so many requests are here; 0: do not."""
        if self._population <= requests or self._since is None or self.takes_turns:
            return 0.0
        longest_s = self.cost.seconds(0)
        if self._back.is_known:
            longest_s = min(longest_s, LATER * self._back.seconds(self._population))
        return max(0.0, self._since + longest_s - now)

    def lead_s(self, weight: float) -> float:
        """Seconds after which the next batch is made, when one of this weight begins: just before its end."""
        expected_s = self.cost.seconds(weight)
        return max(0.9 * expected_s, expected_s - LEAD_S)

    def drained_s(self, requests: int) -> float:
        """Seconds until so many requests will have been answered."""
        return drained_s(requests, 1 / self._per_request_s if self._per_request_s else 0.0)

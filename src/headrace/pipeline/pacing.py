"""What arrivals and finished batches teach: how long it pays to wait for one more request."""

from __future__ import annotations

from math import inf

KEPT = 0.8
"""How much of what was known stays when something new is learned."""


class Cost:
    """What a batch takes, as a fixed part and a part per unit of weight, learned from those that ran.

    >>> cost = Cost()
    >>> for weight in (1, 64, 10):
    ...     cost.learn(weight, 0.010 + 0.0001 * weight)
    >>> round(cost.seconds(100), 6)
    0.02
    """

    __slots__ = ('_product', '_seconds', '_square', '_weight')

    def __init__(self) -> None:
        self._weight = self._seconds = self._square = self._product = 0.0

    def learn(self, weight: float, seconds: float) -> None:
        """A batch of this weight took so many seconds."""
        kept = KEPT if self._seconds else 0.0
        self._weight += (1 - kept) * (weight - self._weight)
        self._seconds += (1 - kept) * (seconds - self._seconds)
        self._square += (1 - kept) * (weight * weight - self._square)
        self._product += (1 - kept) * (weight * seconds - self._product)

    def seconds(self, weight: float) -> float:
        """What a batch of this weight is expected to take; 0 as long as nothing is known."""
        variance = self._square - self._weight**2
        per_unit = 0.0
        if variance > 1e-6 * self._square:
            per_unit = (self._product - self._weight * self._seconds) / variance
            per_unit = min(max(per_unit, 0.0), self._seconds / self._weight)
        return max(0.0, self._seconds + per_unit * (weight - self._weight))


class Pacing:
    """Decides how long a free model waits before it takes what is there. Pure: time is handed in.

    One request more saves that request the whole wait for the next batch, and costs those that are here the
    time until it comes. So it pays to wait for it if it is expected within `seconds(batch) / (requests + 1)`.
    It can only be expected if somebody is about to come: callers that were here when the last batch ended,
    and have been answered since. A lone caller never waits.
    """

    def __init__(self) -> None:
        self.cost = Cost()
        self._gap_s = inf
        self._since: float | None = None
        self._population = 0
        self._per_request_s = 0.0

    def arrived(self, now: float) -> None:
        """A request has come."""
        if self._since is not None:
            longest = max(self.cost.seconds(1), 0.001)  # a night without requests must not be remembered
            gap = min(now - self._since, longest)
            self._gap_s = gap if self._gap_s == inf else KEPT * self._gap_s + (1 - KEPT) * gap
        self._since = now

    def ended(self, now: float, *, requests: int, population: int, weight: float, seconds: float) -> None:
        """A batch has ended; `population` is everybody who waits for an answer, its own requests included."""
        self._since = now
        self._population = population
        self.cost.learn(weight, seconds)
        each = seconds / max(1, requests)
        self._per_request_s = KEPT * self._per_request_s + (1 - KEPT) * each if self._per_request_s else each

    def patience_s(self, now: float, *, requests: int, weight: float) -> float:
        """Seconds to wait for one more request, when so many with this weight are here; 0: do not."""
        if self._population <= requests or self._since is None:
            return 0.0
        limit_s = self.cost.seconds(weight) / (requests + 1)
        return max(0.0, limit_s - (now - self._since)) if self._gap_s <= limit_s else 0.0

    def drained_s(self, requests: int) -> float:
        """Seconds until so many requests will have been answered."""
        return max(0.01, requests * self._per_request_s) if self._per_request_s else 1.0

"""Who asks in; nothing out, or RateLimited with the seconds after which to ask again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct

from headrace.errors import RateLimited

MOST_CLIENTS = 20_000
"""Clients whose requests are counted; beyond, those that were silent longest are forgotten."""

BURST_S = 2.0
_ROUNDING = 1e-6


class Bucket(Struct):
    """What a client may still send, and when that was."""

    tokens: float
    at: float


class Rates:
    """A bucket of tokens for each client: `burst` at most, `per_s` more every second, one for a request.

    What is kept is bounded: a client that was silent for long has a full bucket, and nobody needs to know it.

    >>> rates = Rates(1.0, burst=1, clock=lambda: 0.0)
    >>> rates.take('10.0.0.7')
    >>> rates.take('10.0.0.7')
    Traceback (most recent call last):
    headrace.errors.RateLimited: this client sends more than 1 requests a second
      help: send the next one after 1 s
    """

    __slots__ = ('_buckets', '_clock', '_most', 'burst', 'per_s')

    def __init__(
        self,
        per_s: float,
        burst: int = 0,
        *,
        most_clients: int = MOST_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.per_s = per_s
        self.burst = burst or max(1, round(per_s * BURST_S))
        self._most = most_clients
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, client: str) -> None:
        """One request of a client; RateLimited if it has to wait."""
        now = self._clock()
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = Bucket(float(self.burst), now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(client)
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.at) * self.per_s)
        bucket.at = now
        if bucket.tokens < 1 - _ROUNDING:
            wait_s = (1 - bucket.tokens) / self.per_s
            raise RateLimited(
                f'this client sends more than {self.per_s:g} requests a second',
                retry_after_s=wait_s,
                help=f'send the next one after {wait_s:.2g} s',
            )
        bucket.tokens -= 1

    def __len__(self) -> int:
        return len(self._buckets)

"""Failed attempts of hosts in, how long each has to wait out; in a bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from headrace.wire.hosts import client_of

HOSTS = 10_000


class Brake:
    """Lets a host fail so often per minute, a little more slowly each time it is used up (a leaking bucket).

    Of more than `HOSTS` hosts, those that failed longest ago are forgotten. An IPv6 network of 64 bits is one
    host: nobody gets another address by counting on.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_s = per_minute / 60
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def failed(self, host: str) -> float:
        """Count a failure; seconds to wait if there were too many, else 0."""
        host = client_of(host)
        level = self._level(host)
        if level + 1 > self._most:
            return (level + 1 - self._most) / self._per_s
        self._levels[host] = level + 1, self._clock()
        self._levels.move_to_end(host)
        if len(self._levels) > HOSTS:
            self._levels.popitem(last=False)
        return 0.0

    def wait_s(self, host: str) -> float:
        """Seconds until this host may fail again; 0 if it may now."""
        return max(0.0, self._level(client_of(host)) + 1 - self._most) / self._per_s

    def _level(self, host: str) -> float:
        level, at = self._levels.get(host, (0.0, 0.0))
        return max(0.0, level - (self._clock() - at) * self._per_s)

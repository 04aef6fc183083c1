"""Which shards answered and which failed in; a log line when one begins to fail, and when it is back, out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

QUIET_S = 10.0
"""A shard that comes and goes is not told of more often than this."""

_log = logging.getLogger(__name__)


class Attendance:
    """Tells once that answers lack a shard, and once that it answers again; not for every request."""

    def __init__(self, name: str, count: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._count = count
        self._clock = clock
        self._missing: dict[int, float] = {}
        self._quiet_until: dict[int, float] = {}

    def answered(self, shard: int) -> None:
        """Note that a shard has given an answer."""
        if not self._missing or shard not in self._missing:
            return
        since, now = self._missing.pop(shard), self._clock()
        _log.warning('shard %d of executor %r answers again, after %.1f s', shard, self._name, now - since)
        self._quiet_until[shard] = now + QUIET_S

    def failed(self, shard: int, why: str) -> None:
        """Note that an answer goes out without a shard."""
        now = self._clock()
        if shard in self._missing or now < self._quiet_until.get(shard, 0.0):
            return
        self._missing[shard] = now
        _log.warning(
            'shard %d of %d of executor %r does not answer; replies go out without it: %s',
            *(shard, self._count, self._name, why),
        )

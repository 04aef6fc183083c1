"""What requests note in; out, many notes at once: counting them together costs each of them a fraction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

MOST = 128
"""Notes that are kept: more would hold up for too long whoever has to wait while they are counted."""
SETTLE_S = 0.25
"""How long a note is kept, where other processes want to read what it counts for."""
DUE = (1, MOST)
"""Tell a backlog when it has so many notes."""

T = TypeVar('T')


class Backlog(Generic[T]):
    """Notes that are not counted yet; `count` gets them, in one thread at a time.

    One thread appends to `noted`, and calls `due` when that has become one of `DUE` long: a request does no
    more. With `is_shared` the notes wait for `SETTLE_S` at most, else until somebody reads.

    >>> counted = []
    >>> backlog = Backlog(counted.extend)
    >>> backlog.noted.append('a request')
    >>> backlog.settle()
    >>> counted
    ['a request']
    """

    def __init__(self, count: Callable[[Sequence[T]], None], *, is_shared: bool = False) -> None:
        self.noted: list[T] = []
        self._count = count
        self._is_shared = is_shared
        self._timer: asyncio.TimerHandle | None = None
        self._lock = threading.Lock()

    def due(self) -> None:
        """Count what there is: soon if it is the first, now if there are many."""
        if len(self.noted) >= MOST:
            self.settle()
        elif self._is_shared and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SETTLE_S, self._late)

    def _late(self) -> None:
        self._timer = None
        self.settle()

    def settle(self) -> None:
        """Count what was noted until now; any thread may ask for it."""
        with self._lock:
            noted = self.noted[:]
            del self.noted[: len(noted)]  # and none that came meanwhile
            if noted:
                self._count(noted)

    def __repr__(self) -> str:
        return f'<Backlog of {len(self.noted)}>'

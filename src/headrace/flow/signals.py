"""SIGINT and SIGTERM in; out: a wait that ends, and no harm to what is stopped then."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM)

SAME_S = 1.0
"""Signals within so many seconds are one: who stops a process often signals its whole group as well."""


class StopSignals:
    """The first signal calls `wake`; a later one, from one who has lost patience, raises KeyboardInterrupt.

    A handler runs between any two steps of the main thread, also where that holds the lock of an Event or a
    queue, or in another handler. So `wake` must take no lock that the main thread could hold; and none is
    taken here.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._first_at: float | None = None
        self._before: dict[signal.Signals, Any] = {}

    @property
    def have_come(self) -> bool:
        """Whether there was one."""
        return self._first_at is not None

    def take(self) -> None:
        """Handle them from now on; only the main thread can ask for that, others get nothing."""
        if _is_main():
            self._before = {number: signal.signal(number, self._handle) for number in NUMBERS}

    def give_back(self) -> None:
        """Let them be handled as before."""
        if _is_main():
            before, self._before = self._before, {}
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
            self._wake()
        elif now - self._first_at > SAME_S:
            raise KeyboardInterrupt


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()

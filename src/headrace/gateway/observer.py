"""Every request that ends at a gateway in; out, what wants to know of it: metrics, logs, the dashboard."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import inf
from time import perf_counter

from headrace.gateway.finished import Finished
from headrace.gateway.measuring import Measuring
from headrace.pipeline.spans import ended

Listener = Callable[[Finished], None]
NEVER = 1000
"""No status is as high."""

_log = logging.getLogger(__name__)


class Observer:
    """Is told by every door of every request, once, when it has ended: answered, refused or given up.

    `measuring` is None if nothing is measured. Others `listen`, each only to what it wants to know: this is
    on the way of every request.
    """

    def __init__(self, measuring: Measuring | None = None) -> None:
        self.measuring = measuring
        self.looks: list[Callable[[Measuring], None]] = []
        self.in_flight: dict[str, int] = {}
        self._listeners: list[tuple[Listener, float, int]] = []
        self._over_s = inf
        self._status = NEVER

    def came(self, protocol: str) -> None:
        """A request is under way, until it has `left`; doors that count those themselves need not say so."""
        self.in_flight[protocol] = self.in_flight.get(protocol, 0) + 1

    def left(self, protocol: str) -> None:
        """A request is under way no longer."""
        self.in_flight[protocol] -= 1

    def listen(self, listener: Listener, *, over_s: float = 0.0, status: int = NEVER) -> None:
        """Tell `listener` of requests that took `over_s` or longer, or ended with `status` or more."""
        self._listeners.append((listener, over_s, status))
        self._over_s = min(self._over_s, over_s)
        self._status = min(self._status, status)

    def forget(self, listener: Listener) -> None:
        """Tell `listener` of nothing more."""
        self._listeners = [each for each in self._listeners if each[0] != listener]
        self._over_s = min((over_s for _, over_s, _ in self._listeners), default=inf)
        self._status = min((status for _, _, status in self._listeners), default=NEVER)

    def ended(self, finished: Finished) -> None:
        """A request has ended now; on the way of every one, so it is all in this function."""
        seconds = finished.seconds = perf_counter() - finished.started
        if self.measuring is not None:
            self.measuring.ended(finished)
        if finished.span is not None:
            ended(finished.span, finished)
        if seconds < self._over_s and finished.status < self._status:
            return
        finished.begun = time.time() - seconds
        for listener, over_s, status in self._listeners:
            if seconds >= over_s or finished.status >= status:
                try:
                    listener(finished)
                except Exception:  # who only listens must not keep a request from its answer
                    _log.exception('request %s could not be told', finished.request_id)

    def refused(self, error: BaseException, protocol: str) -> None:
        """A request was refused: for what it is, for who sent it, or for want of room."""
        if self.measuring is not None:
            self.measuring.refused(error, protocol)

    def first_item(self, seconds: float, *, protocol: str, endpoint: str) -> None:
        """The first part of an answer has come, so many seconds after its request."""
        if self.measuring is not None:
            self.measuring.first_item(seconds, protocol=protocol, endpoint=endpoint)

    def look(self) -> None:
        """Measure what is measured by looking at how it is now."""
        if self.measuring is not None:
            for protocol, count in self.in_flight.items():
                self.measuring.in_flight(protocol, count)
            for look in self.looks:
                look(self.measuring)

    def __repr__(self) -> str:
        return f'<Observer with {len(self._listeners)} listeners>'

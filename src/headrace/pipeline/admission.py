"""The room of one gateway: who may come in, how much each may hold, and when to come again."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from msgspec import Struct

from headrace.errors import Overloaded, TooLarge
from headrace.pipeline.drain import Drain
from headrace.pipeline.drain_rate import drained_s

KEPT = 8
"""One part in so many is kept for those who hold less than their share."""

HEADROOM, LEAST_HEADROOM = 2.0, 1.25
"""How many times the expected wait a request needs as time; less for clients that hold less than others."""


class Holding(Struct):
    """What one client holds of the room."""

    requests: int = 0
    size: int = 0


class Admission:
    """Bounds what a gateway holds at once: requests, their bytes, and the part of each client.

    `enter` gives a `Ticket` or raises Overloaded, before anything was read or decoded. Up to half of the room
    is for whoever comes; beyond that a client may hold no more than its share (seven eighths of the room,
    divided by the clients that hold something). A request whose time would be over before it is its turn
    is refused at once; first those of clients that hold more than others. `clock` gives seconds.

    >>> admission = Admission(max_requests=100, max_bytes=10_000)
    >>> with admission.enter('10.0.0.7', 250) as ticket:
    ...     admission
    <Admission 1 of 100 requests, 250 of 10000 bytes, 1 clients>
    """

    def __init__(
        self, max_requests: int, max_bytes: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self.clock = clock
        self.drain = Drain()
        self.requests = 0
        self.size = 0
        self.waiting = 0
        self.clients: dict[str, Holding] = {}

    def enter(self, client: str, size: int = 0, left_s: float | None = None) -> Ticket:
        """Room for a request of `size` bytes (so far) whose time is over in `left_s` seconds.

        Raises Overloaded with the seconds after which to come again, TooLarge for what never has room.
        """
        holding = self.clients.get(client)
        is_easy = self.requests < self.max_requests // 2 and self.size + size <= self.max_bytes // 2
        problem = '' if is_easy else self._problem(holding, 1, size)
        if not problem and left_s is not None and self.drain.is_contended:
            problem = self._lateness(holding, left_s)
        if problem:
            raise self._refused(problem)
        if holding is None:
            holding = self.clients[client] = Holding()
        self.requests += 1
        self.size += size
        holding.requests += 1
        holding.size += size
        return Ticket(self, client, holding, size)

    def retry_after_s(self) -> float:
        """When a refused client had better come again: when half of what is here now will have left."""
        return drained_s(self.requests / 2, self.drain.rate_per_s)

    def check(self, holding: Holding, size: int) -> None:
        """Raise as `enter` does if there is no room for `size` more bytes of a request that is in."""
        problem = self._problem(holding, 0, size)
        if problem:
            raise self._refused(problem)

    def _problem(self, holding: Holding | None, count: int, size: int) -> str:
        """Why there is no room for so many more requests and bytes of a client; '' if there is."""
        if self.size + size > self.max_bytes:
            if size > self.max_bytes:
                raise TooLarge(
                    f'the request has more than the {self.max_bytes} bytes that the gateway holds in all',
                    help='send fewer documents at a time, or raise max_bytes of the gateway',
                )
            return f'the gateway holds {self.size} bytes of requests, and has room for {self.max_bytes}'
        if self.requests + count > self.max_requests:
            return f'the gateway holds {self.requests} requests, as many as it may'
        if holding is None:
            return ''
        crowded = self.requests + count > self.max_requests / 2
        if crowded and holding.requests + count > _share(self.max_requests, len(self.clients)):
            return f'this client holds {holding.requests} requests, its share of a gateway that is busy'
        crowded = self.size + size > self.max_bytes / 2
        if crowded and holding.size and holding.size + size > _share(self.max_bytes, len(self.clients)):
            return f'this client holds {holding.size} bytes, its share of a gateway that is busy'
        return ''

    def _lateness(self, holding: Holding | None, left_s: float) -> str:
        """Why a request would be too late, or takes the time of those who hold less; '' if there is time."""
        part = left_s / max(self.drain.wait_s(self.waiting), 1e-9)
        if part >= HEADROOM:
            return ''
        is_greedy = holding is not None and holding.requests * len(self.clients) >= self.waiting
        if part >= LEAST_HEADROOM and not is_greedy:
            return ''
        self.drain.refused(self.clock())
        return f'{self.waiting} requests are before it, too many for the {left_s:.3g} s it has'

    def _refused(self, problem: str) -> Overloaded:
        retry_after_s = self.retry_after_s()
        return Overloaded(
            problem,
            retry_after_s=retry_after_s,
            help=f'send it again after {retry_after_s:.2g} s, or from fewer clients at once',
        )

    def __repr__(self) -> str:
        return (
            f'<Admission {self.requests} of {self.max_requests} requests, '
            f'{self.size} of {self.max_bytes} bytes, {len(self.clients)} clients>'
        )


class Ticket(Struct, eq=False):
    """The room of one request, from the door to its last written byte; leaving twice is leaving once."""

    admission: Admission
    client: str
    holding: Holding
    size: int
    begun: float | None = None
    crowd: int = 0
    is_over: bool = False

    def grow(self, size: int) -> None:
        """The request turns out to have `size` more bytes; Overloaded or TooLarge if there is no room."""
        if not self.is_over:
            self.admission.check(self.holding, size)
            self.size += size
            self.admission.size += size
            self.holding.size += size

    def begin(self) -> None:
        """The request is complete, and work on it begins."""
        admission = self.admission
        if self.is_over or self.begun is not None:
            return
        self.begun = admission.clock()
        self.crowd = admission.waiting
        if not admission.waiting:
            admission.drain.since = self.begun
        admission.waiting += 1

    def answered(self, kind: str, size: int = 0) -> None:
        """The request, one of `kind`, has an answer of `size` bytes; these take the place of its own.

        They are counted whether there is room or not: the work is done.
        """
        if self.is_over:
            return
        if self.begun is not None:
            now = self.admission.clock()
            self.admission.drain.answered(kind, now - self.begun, now=now, crowd=self.crowd)
            self.admission.waiting -= 1
            self.begun = None
        self.admission.size += size - self.size
        self.holding.size += size - self.size
        self.size = size

    def hold(self, size: int) -> None:
        """A part of the answer has `size` bytes, which take the place of what was held; the work goes on.

        From now on the reader sets the pace: how long the rest takes says nothing of how fast answers leave.
        """
        if not self.is_over:
            if self.begun is not None:
                self.admission.waiting -= 1
                self.begun = None
            self.admission.size += size - self.size
            self.holding.size += size - self.size
            self.size = size

    def leave(self) -> None:
        """Give the room back, however the request ended."""
        if self.is_over:
            return
        self.is_over = True
        admission, holding = self.admission, self.holding
        if self.begun is not None:
            admission.waiting -= 1
        admission.requests -= 1
        admission.size -= self.size
        holding.requests -= 1
        holding.size -= self.size
        if not holding.requests:
            del admission.clients[self.client]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


def _share(room: int, clients: int) -> int:
    """What one of so many clients may hold of a busy room; at least one of its requests is always let in."""
    return max(1, (room - room // KEPT) // clients)

"""The requests on one connection in, whether more is to come of it out; for every door that has many.

A connection ends when its last request has come and all are answered; what belongs to it is over when its
client is gone, too, and the work for it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from headrace.errors import HeadraceError, Unavailable


class Work:
    """The work for one request; `failure` is why it ends without an answer (None: nobody wants one)."""

    __slots__ = ('failure', 'task')

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.task: asyncio.Future[Any] | None = None

    def cancel(self) -> None:
        """Tell everybody who works on it that it is over."""

    def end(self, failure: HeadraceError | None) -> None:
        """Stop the work; its client hears why if there is a reason to tell."""
        self.failure = failure
        self.cancel()
        if self.task is not None:
            self.task.cancel()


W = TypeVar('W', bound=Work)


class Underway(Generic[W]):
    """What is in work on one connection, until `over`; `on_last` is called when there is no more to come."""

    def __init__(self, on_last: Callable[[], None]) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_last = self.is_lost = False
        self._works: dict[W, None] = {}
        self._on_last = on_last

    def __len__(self) -> int:
        return len(self._works)

    def __iter__(self) -> Iterator[W]:
        return iter(list(self._works))

    def begin(self, work: W) -> None:
        """There is one more."""
        self._works[work] = None

    def ended(self, work: W) -> None:
        """There is one less; `settle` says what follows from that."""
        self._works.pop(work, None)

    def last(self) -> None:
        """No more requests will come."""
        self.is_last = True
        self.settle()

    def stop(self) -> None:
        """The server waits no longer: each has an error, and that is the end."""
        for work in self:
            work.end(Unavailable('the server is stopping', help='send the request again'))
        self.last()

    def lost(self) -> None:
        """The client is gone: nobody waits for anything."""
        self.is_lost = True
        for work in self:
            work.end(None)
        self.last()

    def settle(self) -> None:
        """See whether it is the end."""
        if self._works:
            return
        if self.is_last:
            self._on_last()
        if self.is_lost and not self.over.done():
            self.over.set_result(None)

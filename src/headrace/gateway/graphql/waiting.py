"""Somebody waits for an answer, until a deadline: their request in; the work for it ends with either."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from headrace.gateway.graphql.call import Calls
from headrace.gateway.http.awaited import Awaited
from headrace.gateway.http.request import Request


class Waiting(Awaited):
    """Surrounds the work for a request: what is raised when it is cut off says why."""

    def __init__(self, request: Request, timeout_s: float | None, calls: Calls) -> None:
        self.request = request
        self._timeout_s = timeout_s
        self._calls = calls
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self.request.peer.on_left = self.leave
        if self._timeout_s is not None:
            self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self.expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.request.peer.on_left = None
        if self._timer is not None:
            self._timer.cancel()
        if self._ended is not None:
            raise self.cause(asyncio.CancelledError()) from None

    def waits_for(self) -> str:
        """The endpoint that the operation is at."""
        return self._calls.waits_for

    def cancel(self) -> None:
        """Tell the executors that nobody waits any more."""
        self._calls.cancel()

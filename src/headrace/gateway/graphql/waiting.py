"""Somebody waits for an answer, until a deadline: their request in; the work for it ends with either."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from headrace.errors import HeadraceError
from headrace.gateway.graphql.call import Calls
from headrace.gateway.http.ending import why_late, why_left
from headrace.gateway.http.request import Request


class Waiting:
    """Surrounds the work for a request: cuts it off when its client leaves, or its time is over.

    What is raised then says why. `is_complete` is to be set when the request has been read.
    """

    def __init__(self, request: Request, timeout_s: float | None, calls: Calls) -> None:
        self.is_complete = False
        self._request = request
        self._timeout_s = timeout_s
        self._calls = calls
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._ended: HeadraceError | None = None

    def __enter__(self) -> Self:
        self._request.peer.on_left = self._leave
        if self._timeout_s is not None:
            self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self._expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._request.peer.on_left = None
        if self._timer is not None:
            self._timer.cancel()
        if self._ended is None or self._task is None:
            return
        self._task.uncancel()
        raise self._ended from None

    def _leave(self) -> None:
        self._end(why_left(self._request.peer))

    def _expire(self) -> None:
        self._end(why_late(self._calls.waits_for, is_complete=self.is_complete))

    def _end(self, error: HeadraceError) -> None:
        if self._ended is None and self._task is not None:
            self._ended = error
            self._calls.cancel()
            self._task.cancel()

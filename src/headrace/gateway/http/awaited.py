"""Somebody who waits for an answer in; out, why the work for it was cut off."""

from __future__ import annotations

import asyncio

from headrace.errors import HeadraceError
from headrace.gateway.http.ending import why_late, why_left
from headrace.gateway.http.request import Request


class Awaited:
    """The work for one request in one task, which `leave` or `expire` cuts off.

    What is raised then goes through `cause`, which knows better why. `is_complete` says whether the request
    has been read.
    """

    is_complete = False
    request: Request
    _task: asyncio.Task[object] | None
    _ended: HeadraceError | None = None

    def waits_for(self) -> str:
        """The endpoint that the work is at."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Tell everybody who works on the request that it is over."""
        raise NotImplementedError

    def leave(self) -> None:
        """Nobody waits any more."""
        self._end(why_left(self.request.peer))

    def expire(self) -> None:
        """The time is over."""
        self._end(why_late(self.waits_for(), is_complete=self.is_complete))

    def cause(self, error: BaseException) -> BaseException:
        """Why the work ended that ended with `error`."""
        if self._ended is None or self._task is None:
            return error
        if isinstance(error, asyncio.CancelledError):
            self._task.uncancel()
        return self._ended

    def _end(self, error: HeadraceError) -> None:
        if self._ended is not None or self._task is None:
            return
        self._ended = error
        self.cancel()
        self._task.cancel()

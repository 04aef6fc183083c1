"""A plain generator in, its items out, each made by one job on the executor's thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from typing import Generic, TypeVar

from headrace.errors import HeadraceError
from headrace.executors.threads import Lane
from headrace.pipeline.ahead import LOOK_AHEAD
from headrace.pipeline.buffer import Buffer
from headrace.pipeline.context import Context
from headrace.pipeline.guard import Watch

_log = logging.getLogger(__name__)
_END = object()

T = TypeVar('T')


async def stepped(
    lane: Lane, items: Iterator[T], context: Context, *, limit: int = LOOK_AHEAD
) -> AsyncGenerator[T, None]:
    """What a generator yields, step by step on a lane: up to `limit` items before they are taken.

    Each step is a job of its own, so that others have their turns. When the request is cancelled or late,
    what is taken next is the error; the step that runs then cannot be stopped, and none follows. The
    generator is closed on the lane; nobody waits for that.
    """
    steps = Steps(lane, items, limit)
    watch = Watch(context, steps.fail)
    try:
        steps.go_on()
        async for item in steps.made:
            steps.go_on()
            yield item
    finally:
        watch.end()
        steps.leave()


class Steps(Generic[T]):
    """A generator whose steps run on a lane, one at a time, as long as there is room for what it makes."""

    def __init__(self, lane: Lane, items: Iterator[T], limit: int) -> None:
        self.made: Buffer[T] = Buffer(limit)
        self._lane = lane
        self._items = items
        self._step: asyncio.Future[object] | None = None
        self._is_left = self._is_over = False

    def go_on(self) -> None:
        """Let the next step run, unless one does, or enough is made."""
        if self._step is None and not self._is_over and self.made.has_room:
            self._step = self._lane.submit(self._next)
            self._step.add_done_callback(self._stepped)

    def _next(self) -> object:
        """On the lane: the next item, or what says that there is none."""
        return _END if self._is_left else next(self._items, _END)

    def _stepped(self, step: asyncio.Future[object]) -> None:
        self._step = None
        if step.cancelled():  # the event loop ends
            self._is_over = True
            self.made.end()
            return
        error = step.exception()
        self._is_over = error is not None or (step.result() is _END and not self._is_left)
        if self._is_left:
            self._close()
        elif self._is_over:
            self.made.end(error)
        else:
            self.made.put(step.result())  # type: ignore[arg-type]
            self.go_on()

    def fail(self, error: HeadraceError) -> None:
        """Nobody waits any more, for this reason."""
        self.made.fail(error)
        self.leave()

    def leave(self) -> None:
        """Take no more steps, and close the generator behind the one that runs."""
        if not self._is_left:
            self._is_left = True
            if self._step is None:
                self._close()

    def _close(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._lane.submit(self._items.close).add_done_callback(_closed)  # type: ignore[attr-defined]


def _closed(closing: asyncio.Future[object]) -> None:
    if not closing.cancelled() and (error := closing.exception()) is not None:
        _log.error('a generator could not be closed: %s', error)

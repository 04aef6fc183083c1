"""Deadline and cancellation while a handler runs: who waits is answered, what can be stopped is."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from headrace.errors import Cancelled, HeadraceError
from headrace.pipeline.context import Context, too_late


async def until_late(handler: Coroutine[Any, Any, Any], context: Context) -> Any:
    """Await an asynchronous handler; it is cancelled when the request is cancelled or late.

    Raises Cancelled or DeadlineExceeded then, and asyncio.CancelledError if the task itself was cancelled.
    """
    try:
        waits_for = handler.send(None)
    except StopIteration as answer:  # most handlers answer without waiting, and need no timer
        return answer.value
    except asyncio.CancelledError as error:
        raise _stray() from error
    task = asyncio.current_task()
    assert task is not None
    watch = Watch(context, lambda error: task.cancel())
    try:
        result = await _rest(handler, waits_for)
    except asyncio.CancelledError as error:
        if not task.cancelling():
            raise RuntimeError(
                'the handler let asyncio.CancelledError of a task of its own escape'
            ) from error
        if watch.error is None or task.uncancel() > 0:
            raise
        raise watch.error from None
    finally:
        watch.end()
    if watch.error is not None:  # it was told to stop and answered all the same: nobody waits for that
        task.uncancel()
        raise watch.error
    return result


def _stray() -> RuntimeError:
    return RuntimeError('the handler let the asyncio.CancelledError of something it waited for escape')


@types.coroutine
def _rest(handler: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """Go on with a coroutine that has taken its first step and `waits_for` a future since."""
    try:
        yield waits_for
    except BaseException as error:  # what the task was told while it waited is for the handler
        try:
            waits_for = handler.throw(error)
        except StopIteration as answer:
            return answer.value
        return (yield from _rest(handler, waits_for))
    return (yield from handler)


async def answered(future: asyncio.Future[Any], context: Context) -> Any:
    """Await a function that runs on a thread; when the request is cancelled or late, no longer.

    The function cannot be stopped once it runs; one that has not begun never does.
    """

    def answer(error: HeadraceError) -> None:
        if not future.done():
            future.set_exception(error)

    watch = Watch(context, answer)
    try:
        return await future
    finally:
        watch.end()


class Watch:
    """Calls `stop` once, with the error to answer, if the request is cancelled or late before `end`."""

    __slots__ = ('_context', '_is_over', '_stop', '_timer', 'error')

    def __init__(self, context: Context, stop: Callable[[HeadraceError], object]) -> None:
        self.error: HeadraceError | None = None
        self._context = context
        self._stop = stop
        self._is_over = False
        self._timer: asyncio.TimerHandle | None = None
        left_s = context.left_s()
        if left_s is not None:
            self._timer = asyncio.get_running_loop().call_later(left_s, self._late)
        context.on_cancel(self._left)

    def end(self) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()

    def _late(self) -> None:
        self._fire(too_late(self._context.endpoint))

    def _left(self) -> None:
        self._fire(Cancelled(f'request {self._context.request_id} was cancelled by its caller'))

    def _fire(self, error: HeadraceError) -> None:
        if not self._is_over and self.error is None:
            self.error = error
            self._stop(error)

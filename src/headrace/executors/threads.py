"""Threads for synchronous handlers: a plain function in, a future on the event loop out."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


class _Job:
    """One call: where its result goes, and the context variables of its caller."""

    __slots__ = ('function', 'future', 'loop', 'variables')

    def __init__(self, function: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.function: Callable[[], Any] | None = function
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.future.add_done_callback(self._forget)
        self.variables = contextvars.copy_context()

    def _forget(self, _: object) -> None:
        """Let go of what the function holds: behind one that never ends, jobs would pile up with it."""
        self.function = None

    def run(self) -> None:
        """Call the function, unless nobody waits any more, and hand its outcome to the loop."""
        function = self.function
        if function is None or self.future.done():
            return
        result: Any = None
        error: BaseException | None = None
        try:
            result = self.variables.run(function)
        except (StopIteration, asyncio.CancelledError) as raised:  # to a future, these mean something else
            error = RuntimeError(f'the handler raised {type(raised).__name__}')
            error.__cause__ = raised
        except BaseException as raised:
            error = raised
        try:
            self.loop.call_soon_threadsafe(_settle, self.future, result, error)
        except RuntimeError:
            pass  # the loop was closed meanwhile: there is nobody to tell


class Lane:
    """Runs functions on threads of its own: on one, in order and one at a time, unless told to use more.

    A thread starts with the first function that needs it and ends with `stop`, or when the lane is
    forgotten; it never keeps the process alive.
    """

    def __init__(self, name: str, *, threads: int = 1) -> None:
        self.name = name
        self._limit = threads
        self._threads: list[threading.Thread] = []
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._finalizer = weakref.finalize(self, self._jobs.put, None)
        self._finalizer.atexit = False

    def submit(self, function: Callable[[], Any]) -> asyncio.Future[Any]:
        """A future of the running loop with what `function` returns or raises.

        If the future is done before the function has started (cancelled, or answered by somebody else), the
        function is not called at all.
        """
        job = _Job(function, asyncio.get_running_loop())
        if len(self._threads) < self._limit:
            self._start()
        self._jobs.put(job)
        return job.future

    def stop(self, timeout_s: float = 0.0) -> bool:
        """Start nothing new; True if the threads have ended within `timeout_s` seconds."""
        self._finalizer()
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _start(self) -> None:
        name = f'{self.name}-{len(self._threads)}'
        thread = threading.Thread(target=_work, args=(self._jobs,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job.run()
        del job  # what it holds must not live until the next one comes
    jobs.put(None)  # for the other threads


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return  # its caller was answered otherwise: too late, or gone
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)

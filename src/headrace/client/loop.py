"""A thread of its own with an event loop, started when the first coroutine comes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

T = TypeVar('T')
Closing = Callable[[], Coroutine[Any, Any, None]]
MakeLoop = Callable[[], asyncio.AbstractEventLoop]


def fast_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop, which moves bytes with a fifth less work, or where there is none Python's own.

    Once it is closed, what other threads still send to it is dropped: the events of gRPC go through a queue
    that all loops of a process share, so that of a cancelled call may come when its loop is gone.
    """
    is_there = find_spec('uvloop') is not None  # not made for Windows
    kind: Any = import_module('uvloop').Loop if is_there else asyncio.SelectorEventLoop

    class ForgivingLoop(kind):  # type: ignore[misc]
        def call_soon_threadsafe(self, callback: Any, *args: Any, **given: Any) -> asyncio.Handle | None:
            if self.is_closed():
                return None
            handle: asyncio.Handle = super().call_soon_threadsafe(callback, *args, **given)
            return handle

    loop: asyncio.AbstractEventLoop = ForgivingLoop()
    return loop


class LoopThread:
    """Runs coroutines for code that is not asynchronous, also where another loop is running (a notebook).

    The thread starts with the first coroutine. It ends with `close`, after it has run `closing`. `make_loop`
    chooses the kind of loop.
    """

    def __init__(
        self, name: str, closing: Closing | None = None, make_loop: MakeLoop = asyncio.new_event_loop
    ) -> None:
        self._name = name
        self._closing = closing
        self._make_loop = make_loop
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the loop; its result comes in a future that any thread may wait for."""
        loop = self._started()
        future = asyncio.run_coroutine_threadsafe(work, loop)
        if loop.is_closed():  # by another thread, just now: nobody would ever run it
            future.cancel()
        return future

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine; an exception here (Ctrl-C) cancels it there."""
        future = self.submit(work)
        try:
            return future.result()
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancel what still runs, end the loop and its thread. A later coroutine starts them anew."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            if thread is not threading.current_thread():
                thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = self._make_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop, self._closing), name=self._name, daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop, closing: Closing | None) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_end(closing))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _end(closing: Closing | None) -> None:
    """Close what the tasks of the loop use, then cancel every one that this did not end.

    In this order, as a call of gRPC whose task is cancelled forgets that an event of it is still to come; the
    event would reach a loop that is closed by then.
    """
    if closing is not None:
        await closing()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

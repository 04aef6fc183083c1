"""A thread of its own with an event loop, started when the first coroutine comes."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

T = TypeVar('T')
Closing = Callable[[], Coroutine[Any, Any, None]]
MakeLoop = Callable[[], asyncio.AbstractEventLoop]

NOTICE_S = 0.2
"""How long one turn of a wait for another thread is.

Python acts on a signal between two steps of its own. One that comes just before the main thread begins to
wait, or that another thread receives, is only noted: a wait without end would keep Ctrl-C for ever.
"""


def wait_for_one(futures: Collection[Future[Any]]) -> None:
    """Wait until one of `futures` is done, or a signal raises."""
    while not wait(futures, NOTICE_S, FIRST_COMPLETED).done:
        pass


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
        self._ended: Future[None] = Future()
        self._started: set[asyncio.Task[object]] = set()  # those that nobody else holds

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the loop; its result comes in a future that any thread may wait for."""
        loop = self._running()
        future = asyncio.run_coroutine_threadsafe(work, loop)
        if loop.is_closed():  # by another thread, just now: nobody would ever run it
            future.cancel()
        return future

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine; an exception here (Ctrl-C) cancels it there."""
        future = self.submit(work)
        try:
            wait_for_one([future])
            return future.result()
        finally:
            future.cancel()

    def start(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Start a coroutine on the loop, if there is one; the garbage collector may call it."""
        loop = self._loop

        def begin() -> None:
            assert loop is not None
            task = loop.create_task(work())
            self._started.add(task)
            task.add_done_callback(self._started.discard)

        self.tell(begin)

    def tell(self, callback: Callable[[], object]) -> None:
        """Run a function on the loop, soon, if there is one.

        It takes no lock, so that the handler of a signal may use it wherever that has interrupted us.
        """
        if (loop := self._loop) is not None:
            with suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(callback)

    def close(self) -> None:
        """Cancel what still runs, end the loop and its thread. A later coroutine starts them anew.

        What an exception here (Ctrl-C) cuts short, the exit of the interpreter completes.
        """
        atexit.register(self.close)
        with self._lock:
            thread, ended = self._thread, self._ended
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None
        if thread is not None and thread is not threading.current_thread():
            wait_for_one([ended])  # Python 3.11 takes a thread for ended when Ctrl-C ends join()
            thread.join()
        atexit.unregister(self.close)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop, self._ended = self._make_loop(), Future()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop, self._closing, self._ended), name=self._name, daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop, closing: Closing | None, ended: Future[None]) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_end(closing))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        ended.set_result(None)


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

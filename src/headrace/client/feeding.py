"""An iterator that may wait (for a microphone, a file, a question) in, an asynchronous one out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar('T')

_END: Any = object()


async def on_thread(items: Iterator[T], name: str) -> AsyncGenerator[T, None]:
    """What `items` gives, asked for on a thread of its own, each item only when it is wanted.

    The thread ends with this generator, or as soon as the iterator gives way: nobody can interrupt it, and
    the end of the program does not wait for it.
    """
    wanted: SimpleQueue[Future[T] | None] = SimpleQueue()
    threading.Thread(target=_make, args=(items, wanted), name=name, daemon=True).start()
    try:
        while True:
            future: Future[T] = Future()
            wanted.put(future)
            item = await asyncio.wrap_future(future)
            if item is _END:
                return
            yield item
    finally:
        wanted.put(None)


def _make(items: Iterator[T], wanted: SimpleQueue[Future[T] | None]) -> None:
    while (future := wanted.get()) is not None:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(next(items, _END))
            except BaseException as error:
                future.set_exception(error)
    close = getattr(items, 'close', None)
    if close is not None:
        close()

"""Streams that are made a little ahead of whom they are for, and ended with the request that they answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from headrace.errors import HeadraceError
from headrace.pipeline.buffer import Buffer, fill
from headrace.pipeline.context import Context
from headrace.pipeline.guard import Watch

LOOK_AHEAD = 2
"""Items that a generator may have made before anybody takes them."""

SIDE_BY_SIDE = 8
"""Parts of one stream that are worked on at a time, behind what makes them."""

K = TypeVar('K', bound=Hashable)
T = TypeVar('T')
R = TypeVar('R')


async def ahead(
    parts: AsyncGenerator[T, None], context: Context, *, limit: int = LOOK_AHEAD
) -> AsyncGenerator[T, None]:
    """The same parts, made in one task of their own: up to `limit` of them before they are taken.

    When the request is cancelled or late, the generator is closed at once, also while nobody takes anything,
    and what is taken next is Cancelled or DeadlineExceeded. Closing this closes the generator, and waits.
    """
    buffer: Buffer[T] = Buffer(limit)
    task = asyncio.get_running_loop().create_task(fill(buffer, parts))

    def stop(error: HeadraceError) -> None:
        buffer.fail(error)
        task.cancel()

    watch = Watch(context, stop)
    try:
        async for part in buffer:
            yield part
    finally:
        watch.end()
        await ended(task)


async def mapped(
    parts: AsyncGenerator[T, None], work: Callable[[T], Awaitable[R]], *, limit: int = SIDE_BY_SIDE
) -> AsyncGenerator[R, None]:
    """What `work` makes of each part, in the order of the parts; it is done for up to `limit` side by side.

    An error, of the parts or of the work, comes in its turn: after what was made before it.
    """
    buffer: Buffer[asyncio.Future[R]] = Buffer(max(1, limit - 1))  # and the one that is awaited
    under_way: deque[asyncio.Future[R]] = deque()

    async def begun() -> AsyncGenerator[asyncio.Future[R], None]:
        try:
            async for part in parts:
                future = asyncio.ensure_future(work(part))
                under_way.append(future)
                yield future
        finally:
            await parts.aclose()

    task = asyncio.get_running_loop().create_task(fill(buffer, begun()))
    try:
        async for future in buffer:
            result = await future
            under_way.popleft()
            yield result
    finally:
        await ended(task, *under_way)


async def interleaved(
    streams: Mapping[K, AsyncGenerator[T, None]], *, limit: int = LOOK_AHEAD
) -> AsyncGenerator[tuple[K, T | Exception | None], None]:
    """The parts of several streams as they come, each with the key of its own; the order of each is kept.

    What ends a stream comes in its turn, in place of a part: its error, or None when it is complete.
    """
    line: asyncio.Queue[tuple[K, T | Exception | None]] = asyncio.Queue(limit)

    async def feed(key: K, parts: AsyncGenerator[T, None]) -> None:
        outcome: Exception | None = None
        try:
            async with aclosing(parts):
                async for part in parts:
                    await line.put((key, part))
        except Exception as error:
            outcome = error
        await line.put((key, outcome))

    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(feed(key, parts)) for key, parts in streams.items()]
    unfinished = len(tasks)
    try:
        while unfinished:
            key, part = await line.get()
            unfinished -= part is None or isinstance(part, Exception)
            yield key, part
    finally:
        await ended(*tasks)


async def ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel these and wait until they are over; how they end is nobody's concern any more."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()

"""A bounded number of requests in flight: as one of them ends, the next one starts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from headrace.client.loop import wait_for_one

Q = TypeVar('Q')
A = TypeVar('A')
F = TypeVar('F', 'asyncio.Task[Any]', 'Future[Any]')


async def run(
    requests: AsyncIterator[Q], start: Callable[[Q], asyncio.Task[A]], *, limit: int, in_order: bool
) -> AsyncGenerator[A, None]:
    """Requests in, answers out; at most `limit` are under way, counting those that wait for their turn.

    The next request is asked for only when there is room for it, and an answer does not wait for it. Leaving
    the iteration cancels the rest.
    """
    flying: deque[asyncio.Task[A]] = deque()
    coming: asyncio.Task[Q] | None = None
    has_more = True
    try:
        while has_more or flying:
            if has_more and coming is None and len(flying) < limit:
                coming = asyncio.create_task(_next(requests))
            awaited = [flying[0]] if in_order and flying else list(flying)
            await asyncio.wait([*awaited, coming] if coming else awaited, return_when=asyncio.FIRST_COMPLETED)
            if coming is not None and coming.done():
                try:
                    flying.append(start(coming.result()))
                except StopAsyncIteration:
                    has_more = False
                coming = None
            while (ready := _ready(flying, in_order=in_order)) is not None:
                flying.remove(ready)
                yield ready.result()
    finally:
        under_way: list[asyncio.Task[Any]] = [*flying, coming] if coming else [*flying]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _next(requests: AsyncIterator[Q]) -> Q:
    return await anext(requests)


def _ready(flying: deque[F], *, in_order: bool) -> F | None:
    """The next answer that may be given out."""
    for task in flying:
        if task.done():
            return task
        if in_order:
            break
    return None


def run_blocking(
    requests: Iterator[Q], start: Callable[[Q], Future[A]], *, limit: int, in_order: bool
) -> Generator[A, None, None]:
    """The same as `run` for a thread that waits: `start` hands the work to an event loop elsewhere."""
    flying: deque[Future[A]] = deque()
    has_more = True
    try:
        while has_more or flying:
            while has_more and len(flying) < limit and _ready(flying, in_order=in_order) is None:
                try:
                    flying.append(start(next(requests)))
                except StopIteration:
                    has_more = False
            if flying:
                wait_for_one([flying[0]] if in_order else flying)
            while (ready := _ready(flying, in_order=in_order)) is not None:
                flying.remove(ready)
                yield ready.result()
    finally:
        for future in flying:
            future.cancel()

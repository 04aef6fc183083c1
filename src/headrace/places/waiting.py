"""How to wait for work that others do: for several at once, and for what must not be cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar('T')


async def to_its_end(work: Awaitable[T]) -> T:
    """The result of a work that must not stay half done: who is cancelled waits for its end first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def all_of(works: Iterable[Awaitable[T]]) -> list[T]:
    """The results of all; the first that fails ends the others and is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""Several works in, all their results out, or the first error and no work left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar('T')


async def all_of(works: Iterable[Awaitable[T]]) -> list[T]:
    """The results of all; the first that fails ends the others and is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

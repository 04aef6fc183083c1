"""Files in; a function is called whenever they have changed and come to rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headrace.worker.sources import Stamps, stamps

LOOK_EVERY_S = 0.25
"""How often files are looked at; a change counts when they are the same at two looks."""


async def follow(files: Callable[[], Stamps], on_change: Callable[[list[str]], Awaitable[None]]) -> None:
    """Call `on_change` with the names of the files that have changed, again and again.

    `files` says which they are, and how they were when they were loaded.
    """
    known: Stamps = {}
    while True:
        known = {**files(), **known}
        now = await asyncio.to_thread(stamps, known)
        await asyncio.sleep(LOOK_EVERY_S)
        changed = [file for file, stamp in now.items() if stamp != known[file]]
        if changed and now == await asyncio.to_thread(stamps, known):
            known = now
            await on_change(changed)

"""Work that would hold up everybody in; the same work in steps out, with room for others between them."""

from __future__ import annotations

import asyncio

STEP_DOCS = 256
"""Documents that are decoded, checked or encoded in one step: one to three milliseconds."""

STEP_BYTES = 64 * 1024
"""Bytes of them in one step: it ends with the document that goes beyond."""

SMALL = 16 * 1024
"""Bytes of a request that is read in one go: a thousand documents at most, as they take some bytes each."""


class Turns:
    """Turns of one event loop for long work: whoever has a long way to go asks before each step.

    One step is taken at a time, whoever's it is, and all else that waits comes before the next. So a request
    with 100 000 documents takes as long as before, and others hardly notice.
    """

    __slots__ = ('_lock',)

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def next(self) -> None:
        """Wait until it is time for another step."""
        async with self._lock:
            await asyncio.sleep(0)

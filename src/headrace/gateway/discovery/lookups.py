"""A question that may be answered late or never in; out, its next answer: it is asked again meanwhile.

The system's resolver waits up to a minute for a server of names that says nothing, and nothing can stop it.
So each question has a thread of its own, and who is asked later may answer sooner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

MOST_ASKED = 16
"""Questions at a time. Every three seconds one: that is longer than the system goes on asking for one."""

HUNG_S = 3.0
"""After so long without an answer it is asked once more beside."""

Ask = Callable[[], list[str]]


class Lookups:
    """Asks again and again, until it is closed. An answer to what was asked before another counts no more."""

    def __init__(self, ask: Ask, hung_s: float = HUNG_S) -> None:
        self._ask = ask
        self._hung_s = hung_s
        self._threads = ThreadPoolExecutor(MOST_ASKED, 'headrace-dns')  # its own: it holds up nobody else
        self._open: list[asyncio.Future[list[str]]] = []  # in the order in which they were asked
        self._outdated: set[asyncio.Future[list[str]]] = set()

    async def answer(self) -> list[str]:
        """The next answer, however late; OSError or UnicodeError if it is none."""
        while True:
            if len(self._open) + len(self._outdated) < MOST_ASKED:
                self._open.append(asyncio.get_running_loop().run_in_executor(self._threads, self._ask))
            await asyncio.wait(
                [*self._open, *self._outdated], timeout=self._hung_s, return_when=asyncio.FIRST_COMPLETED
            )
            self._forget_outdated()
            answered = [place for place, asked in enumerate(self._open) if asked.done()]
            if answered:
                last = answered[-1]
                newest = self._open[last]
                self._outdated.update(self._open[:last])
                self._open = self._open[last + 1 :]
                self._forget_outdated()
                return newest.result()

    def _forget_outdated(self) -> None:
        for asked in [each for each in self._outdated if each.done()]:
            self._outdated.discard(asked)
            asked.exception()  # nobody else looks at it

    def close(self) -> None:
        """Ask no more; what is under way ends by itself."""
        for asked in (*self._open, *self._outdated):
            asked.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

"""Waiting for what has no event: it is looked at again and again, and a test whose wait is in vain fails.

How long a wait may take says nothing of the code: it is enough for a machine on which much else runs.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar('T')

WITHIN_S = 60.0
LOOK_EVERY_S = 0.01
AT_ONCE = 200
STILL_EVERY_S = 0.1
STILL_LOOKS = 4


def wait_until(condition: Callable[[], T], within_s: float = WITHIN_S, what: object = '') -> T:
    """What `condition` gives as soon as that is true; `what` (or its result) is said when it never is."""
    late = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < late, _in_vain(within_s, what)
        time.sleep(LOOK_EVERY_S)
    return found


async def until(condition: Callable[[], Any], within_s: float = WITHIN_S, what: object = '') -> Any:
    """The same for a test, and a condition, that may be a coroutine; the first looks are a turn apart."""
    late = time.monotonic() + within_s
    looks = 0
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < late, _in_vain(within_s, what)
        await asyncio.sleep(0 if looks < AT_ONCE else LOOK_EVERY_S)
        looks += 1


async def turns(count: int = 20) -> None:
    """Let everybody else on this loop go on for so many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


def wait_until_still(number: Callable[[], int], within_s: float = WITHIN_S) -> int:
    """A number that grows, as soon as it has not grown for a while."""
    seen = [number()]

    def rests() -> bool:
        time.sleep(STILL_EVERY_S)  # to see that nothing happens takes time
        seen.append(number())
        return _rest(seen)

    wait_until(rests, within_s, seen)
    return seen[-1]


async def until_still(number: Callable[[], int], within_s: float = WITHIN_S) -> int:
    """The same for a test that is a coroutine."""
    seen = [number()]

    async def rests() -> bool:
        await asyncio.sleep(STILL_EVERY_S)
        seen.append(number())
        return _rest(seen)

    await until(rests, within_s, seen)
    return seen[-1]


def _rest(seen: list[int]) -> bool:
    return len(seen) >= STILL_LOOKS and len({*seen[-STILL_LOOKS:]}) == 1


def _in_vain(within_s: float, what: object) -> str:
    return f'it did not come true within {within_s:g} s: {what() if callable(what) else what}'

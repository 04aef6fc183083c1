"""Waits of tests end as soon as what they wait for is so, and fail when it never is."""

from __future__ import annotations

import asyncio
import threading

import pytest
from waiting import until, until_still, wait_until, wait_until_still


def test_a_wait_gives_what_was_found():
    seen: list[int] = []
    threading.Thread(target=seen.append, args=(7,)).start()
    assert wait_until(lambda: seen) == [7]


def test_a_wait_in_vain_fails_and_says_what_for():
    with pytest.raises(AssertionError, match=r'within 0\.05 s: a 7'):
        wait_until(lambda: False, 0.05, 'a 7')
    with pytest.raises(AssertionError, match=r'within 0\.05 s: \[1\]'):
        wait_until(lambda: False, 0.05, lambda: [1])


async def test_conditions_of_coroutines_may_be_coroutines():
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    assert await until(event.is_set)

    async def later() -> str:
        return 'found'

    assert await until(later) == 'found'
    with pytest.raises(AssertionError, match='a letter'):
        await until(lambda: False, 0.05, 'a letter')


async def test_what_grows_is_waited_for_until_it_rests(monkeypatch):
    monkeypatch.setattr('waiting.STILL_EVERY_S', 0)
    numbers = iter([1, 2, 2, 2, 3, 3, 3, 3, 4])
    assert wait_until_still(lambda: next(numbers)) == 3
    numbers = iter([2, 2, 2, 2])
    assert await until_still(lambda: next(numbers)) == 2

"""What a client keeps of an answer in parts that nobody takes."""

from __future__ import annotations

import asyncio

import pytest
from waiting import turns

from headrace.client.parts import MOST_AHEAD, Buffer


async def filled(buffer: Buffer[int], size: int) -> tuple[int, asyncio.Task[None]]:
    """Put items of one size until there is no room: how many went in, and who waits with the next."""

    async def put() -> None:
        await buffer.put(0, size)

    count = 0
    while True:
        more = asyncio.create_task(put())
        await turns(3)
        if not more.done():
            return count, more
        count += 1


@pytest.mark.parametrize(('size', 'most'), [(1, MOST_AHEAD), (400, 2), (5000, 1)])
async def test_a_buffer_is_bounded_by_bytes_and_by_items(size: int, most: int) -> None:
    buffer = Buffer[int](1000)
    count, more = await filled(buffer, size)
    assert count == most
    await buffer.get()
    await asyncio.wait_for(more, 5)


async def test_who_puts_does_not_wait_when_nobody_takes_any_more() -> None:
    buffer = Buffer[int](1000)
    _, more = await filled(buffer, 1)
    buffer.let_all_pass()
    await asyncio.wait_for(more, 5)
    for _ in range(MOST_AHEAD):
        await asyncio.wait_for(buffer.put(0, 400), 5)

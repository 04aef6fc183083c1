"""One message to a client, which has to take it in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headrace.gateway.unread import UNREAD_TIMEOUT_S

Write = Callable[[bytes], Awaitable[None]]


class Unread(Exception):
    """A client does not take its replies: the one in its way keeps any other word, also a status, from it."""


async def deliver(write: Write, reply: bytes) -> None:
    """Write a reply as soon as the client takes it; Unread if it has taken nothing for a while."""
    limit = asyncio.timeout(UNREAD_TIMEOUT_S)
    try:
        async with limit:
            await write(reply)
    except TimeoutError:
        if not limit.expired():
            raise
        raise Unread(f'it has not read its replies for {UNREAD_TIMEOUT_S} seconds') from None

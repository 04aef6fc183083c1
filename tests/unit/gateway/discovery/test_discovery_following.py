"""What a gateway follows: however many replicas are named, and whoever they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping

import pytest
from waiting import until

from headrace.gateway.discovery.following import MOST_REPLICAS, Following
from headrace.gateway.orders import Target
from headrace.wire.stream import FIRST_BYTES, FrameStream


class Told:
    """A source that says what it is told to."""

    trouble = ''

    def __init__(self) -> None:
        self.news: asyncio.Queue[list[str]] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[Mapping[str, str]]:
        while True:
            yield {key: key for key in await self.news.get()}


async def test_thousands_of_addresses_are_more_than_there_is_room_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, 'headrace')
    target, source = Target('a'), Told()
    following = Following({target: source})
    try:
        source.news.put_nowait(['z:1', 'z:2'])
        await until(lambda: len(following.found.get(target, ())) == 2)
        source.news.put_nowait([f'a:{port}' for port in range(5000)] + ['z:1'])
        await until(lambda: len(following.found[target]) == MOST_REPLICAS)
        assert 'z:1' in following.found[target]  # who is in use stays so
        assert 'z:2' not in following.found[target]
    finally:
        await following.close()
    assert 'a has 5001 replicas; 1000 of them are used' in caplog.text
    assert max(len(record.getMessage()) for record in caplog.records) < 1000


def test_who_is_called_in_vain_takes_no_memory() -> None:
    """Of thousands of addresses at which nobody is, each is called again and again."""
    stream = FrameStream(lambda frame: None, lambda error: None)
    assert len(stream._scratch) == 0
    assert len(stream.get_buffer(-1)) == FIRST_BYTES
    stream.connection_lost(None)
    assert len(stream._scratch) == 0

"""What gRPC logs of messages that it refuses is heard, and the log is as it was."""

from __future__ import annotations

import asyncio
import logging

import grpc
import pytest

from headrace.errors import TooLarge
from headrace.gateway.grpc.receiving import one_message
from headrace.gateway.grpc.withheld import LINE, LOG, is_withheld, listen


@pytest.mark.parametrize('level', [logging.WARNING, logging.DEBUG])
def test_the_line_is_heard(caplog: pytest.LogCaptureFixture, level: int) -> None:
    listen()
    listen()

    async def read(line: str) -> bool:
        LOG.debug(line, 'why')
        return is_withheld()

    async def both() -> list[bool]:
        lines = f'{LINE}: %s', 'RPC cancelled for %s'
        return [await asyncio.create_task(read(line)) for line in lines]

    with caplog.at_level(level, LOG.name):
        assert asyncio.run(both()) == [True, False]  # each task hears of its own
    assert not is_withheld()
    logged = [record.message for record in caplog.records if record.name == LOG.name]
    heard = [f'{LINE}: why', 'RPC cancelled for why']
    assert logged == (heard if level == logging.DEBUG else [])


class Call:
    """A call whose method gRPC cancels before the reading of its message ends, with that line or another."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._read = asyncio.Event()
        self.begun = asyncio.Event()

    async def read(self) -> object:
        self.begun.set()
        await self._read.wait()
        LOG.debug(self._line)
        return grpc.aio.EOF

    async def cancelled(self) -> bytes:
        method = asyncio.ensure_future(one_message(self, 20, 100))  # type: ignore[arg-type]
        await self.begun.wait()
        method.cancel()
        asyncio.get_running_loop().call_soon(self._read.set)
        return await method


async def test_a_message_that_is_kept_back_is_told_though_the_method_was_cancelled_first() -> None:
    listen()
    with pytest.raises(TooLarge, match='more than the 100 bytes'):
        await Call(LINE).cancelled()


async def test_a_client_that_leaves_is_no_refusal() -> None:
    listen()
    with pytest.raises(asyncio.CancelledError):
        await Call('RPC cancelled').cancelled()

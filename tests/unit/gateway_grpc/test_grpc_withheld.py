"""What gRPC logs of messages that it refuses is heard, and the log is as it was."""

from __future__ import annotations

import asyncio
import logging

import pytest

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

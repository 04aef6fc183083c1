"""What gRPC logs of messages that it refuses is heard, and goes nowhere else."""

from __future__ import annotations

import asyncio
import logging

import pytest

from headrace.gateway.grpc.withheld import LINE, LOG, is_withheld, listen


def test_the_line_is_heard_and_not_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    listen()
    listen()
    filters = [each for each in LOG.filters if type(each).__name__ == '_Listener']

    async def read(line: str) -> bool:
        LOG.debug(line, 'why')
        return is_withheld()

    async def both() -> list[bool]:
        lines = f'{LINE}: %s', 'RPC cancelled for %s'
        return [await asyncio.create_task(read(line)) for line in lines]

    with caplog.at_level(logging.DEBUG):
        assert asyncio.run(both()) == [True, False]  # each task hears of its own
        LOG.error('what is meant for people')
    assert len(filters) == 1
    assert not is_withheld()
    assert [record.message for record in caplog.records if record.name == LOG.name] == [
        'what is meant for people'
    ]

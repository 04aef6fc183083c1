"""A worker's supervisor is told of its first call and of the end of that, whichever kind it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from headrace import DocumentArray
from headrace.errors import RequestError
from headrace.pipeline import Batch, Context
from headrace.wire import Server
from headrace.worker.process import Telling


class Line:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def report(self, message: Any) -> None:
        self.told.append(message)


class Talker:
    async def __call__(self, batch: Batch, context: Context) -> Batch:
        return batch

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        if context.endpoint == '/bad':
            raise RequestError('no')
        for _ in range(batch.parameters['n']):
            yield batch


def telling() -> tuple[Server, Line, Talker]:
    line, talker = Line(), Talker()
    server = Server(talker)
    server.handler = Telling(line, server)  # type: ignore[arg-type]
    return server, line, talker


def batch(n: int) -> Batch:
    return Batch(DocumentArray.empty(1), {'n': n})


async def test_a_call() -> None:
    server, line, talker = telling()
    await server.handler(batch(0), Context())
    assert line.told == [{'called': True}, {'served': True}]
    assert server.handler is talker  # from now on nothing stands between


@pytest.mark.parametrize('n', [0, 1, 5])
async def test_an_answer_in_parts_serves_with_its_first(n: int) -> None:
    server, line, talker = telling()
    parts = server.handler.stream(batch(n), Context())  # type: ignore[attr-defined]
    seen = []
    async for part in parts:
        assert line.told == [{'called': True}, {'served': True}]
        seen.append(part)
    assert len(seen) == n
    assert line.told == [{'called': True}, {'served': True}]
    assert server.handler is talker


async def test_what_fails_has_been_called_all_the_same() -> None:
    server, line, _ = telling()
    with pytest.raises(RequestError):
        await anext(server.handler.stream(batch(1), Context('/bad')))  # type: ignore[attr-defined]
    assert line.told == [{'called': True}, {'served': True}]


async def test_several_at_once_are_told_of_once() -> None:
    server, line, _ = telling()
    handler = server.handler
    await asyncio.gather(*(handler(batch(0), Context()) for _ in range(5)))
    assert line.told == [{'called': True}, {'served': True}]

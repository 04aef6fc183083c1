"""The main function of a worker process under a supervisor, who gives the orders and hears how it goes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, NoReturn

import msgspec

from headrace.observe import log
from headrace.pipeline import Batch, Context
from headrace.pipeline.handler import streamed
from headrace.wire.faults import to_data
from headrace.wire.lifeline import Lifeline, leave
from headrace.wire.server import Server
from headrace.worker.orders import WorkerOrder
from headrace.worker.serving import built, loaded, run, speak
from headrace.worker.sources import sources


def main() -> NoReturn:
    """Do what the first order says, under the supervisor that has started this process."""
    line = Lifeline.from_parent()
    carry_out(msgspec.convert(line.receive(), WorkerOrder), line)


def carry_out(order: WorkerOrder, line: Lifeline) -> NoReturn:
    """Load what an order names, describe it, construct it when told to, and serve until the end."""
    if order.sys_path:
        sys.path[:] = order.sys_path
    shard = f'shard-{order.shard}/' if order.spec.shards > 1 else ''
    speak(order, replica=f'{shard}rep-{order.replica}')
    try:
        blueprint = loaded(order)
        files = sources(order.base, blueprint.cls.__module__) if order.spec.reload else {}
        line.report({'described': msgspec.to_builtins(blueprint.describe()), 'files': files})
        line.receive()  # the types fit on every edge of the Flow: go on
        made = built(order, blueprint)
    except BaseException as error:
        line.report({'failed': to_data(error)})
        leave(1)
    leave(run(made, Supervised(line)))


class Supervised:
    """What a worker tells its supervisor, and does when that says so."""

    def __init__(self, line: Lifeline) -> None:
        self._line = line

    def serving(self, server: Server) -> None:
        server.handler = Telling(self._line, server)

    def ready(self, server: Server, stop: asyncio.Event) -> None:
        self._line.watch(_obey, stop.set)
        self._line.report({'ready': server.address})

    def stopping(self) -> None:
        """It knows: it has said so, or sees the end."""

    def failed(self, error: Exception) -> None:
        self._line.report({'failed': to_data(error)})


class Telling:
    """The server's handler up to its first answer: the supervisor is told of the call, and of its end."""

    def __init__(self, line: Lifeline, server: Server) -> None:
        self._line = line
        self._server = server
        self._handler = server.handler
        self._is_called = False

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        with self._told():
            return await self._handler(batch, context)

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The same in parts; the first of them says that the worker serves."""
        async with aclosing(streamed(self._handler)(batch, context)) as parts:
            with self._told():
                first = await anext(parts, None)
            if first is not None:
                yield first
            async for part in parts:
                yield part

    @contextmanager
    def _told(self) -> Iterator[None]:
        if not self._is_called:
            self._is_called = True
            self._line.report({'called': True})
        try:
            yield
        finally:
            if self._server.handler is self:
                self._server.handler = self._handler
                self._line.report({'served': True})


def _obey(order: Any) -> None:
    """Carry out an order while it serves; one that it does not know is of a newer supervisor."""
    if isinstance(order, dict) and 'log_level' in order:
        log.set_level(order['log_level'])

"""The main function of a worker process."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import signal
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import msgspec
import uvloop

from headrace.documents.media.access import EVERYTHING, restrict
from headrace.executors import Executor, close, serve
from headrace.executors.blueprint import Blueprint
from headrace.observe import log
from headrace.pipeline import Batch, Context
from headrace.pipeline.handler import streamed
from headrace.spec import environment
from headrace.spec.paths import anchored_path
from headrace.wire.faults import to_data
from headrace.wire.lifeline import Lifeline, leave
from headrace.wire.server import Server
from headrace.wire.tls import worker_contexts
from headrace.worker.loading import blueprint_of
from headrace.worker.orders import WorkerOrder
from headrace.worker.sources import sources

DRAIN_S = 5.0

SWITCH_S = 0.0005
"""How long a handler that comes back from its model waits for the interpreter while the event loop has it."""

_log = logging.getLogger(__name__)


def main() -> None:
    """Load what the first order names, describe it, construct it when told to, and serve until the end."""
    sys.setswitchinterval(SWITCH_S)
    line = Lifeline.from_parent()
    order = msgspec.convert(line.receive(), WorkerOrder)
    sys.path[:] = order.sys_path
    log.to_terminal(order.name, environment.read().log_level)
    try:
        blueprint = _load(order)
        files = sources(order.base, blueprint.cls.__module__) if order.spec.reload else {}
        line.report({'described': msgspec.to_builtins(blueprint.describe()), 'files': files})
        line.receive()  # the types fit on every edge of the Flow: go on
        executor = blueprint.build()
        _restrict(order)  # not before: what the constructor opens is named by who wrote it
        gc.freeze()  # modules and models stay: to look through them again takes tens of milliseconds
    except BaseException as error:
        line.report({'failed': to_data(error)})
        leave(1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(_serve(line, order, executor, blueprint))
    leave(status)


def _load(order: WorkerOrder) -> Blueprint:
    spec = order.spec
    if order.pickled:
        uses, uses_with = pickle.loads(order.pickled)  # from our parent, who could as well run any code
        spec = msgspec.structs.replace(spec, uses=uses, uses_with=uses_with)
    return blueprint_of(
        spec, workspace=order.workspace, base=order.base, shard=order.shard, replica=order.replica
    )


def _restrict(order: WorkerOrder) -> None:
    """From now on open only what documents may name."""
    named = (*order.spec.allow_uris, *environment.read().allow_uris.split())
    anchored = (uri if '://' in uri or uri == EVERYTHING else anchored_path(uri, order.base) for uri in named)
    restrict(anchored, max_pixels=order.image_pixels)


async def _serve(line: Lifeline, order: WorkerOrder, executor: Executor, blueprint: Blueprint) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    status = 0
    try:
        server = Server(serve(executor), blueprint.describe())
        server.handler = Telling(line, server)
        await server.listen(order.address, worker_contexts(order.tls) if order.tls else None)
    except Exception as error:
        line.report({'failed': to_data(error)})
        status = 1
    else:
        line.watch(_ignore, stop.set)
        line.report({'ready': server.address})
        await stop.wait()
        await server.close(DRAIN_S)
    try:
        await close(executor)
    except Exception:
        _log.exception('executor %r could not be closed', order.name)
        status = 1
    return status


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


def _ignore(order: Any) -> None:
    """A worker knows no orders beyond those of its start; a newer supervisor may send some."""

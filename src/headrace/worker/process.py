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
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop

from headrace.documents.media.access import EVERYTHING, restrict
from headrace.executors import Executor, close, serve
from headrace.executors.blueprint import Blueprint
from headrace.observe import log
from headrace.observe.metrics.store import store_in
from headrace.observe.tracing import Settings, begun
from headrace.pipeline import Batch, Context
from headrace.pipeline.handler import streamed
from headrace.pipeline.spans import FLUSH_S, answering
from headrace.spec import environment
from headrace.spec.paths import anchored_path
from headrace.spec.tracing import tracing_settings
from headrace.wire.faults import to_data
from headrace.wire.lifeline import Lifeline, leave
from headrace.wire.server import Server
from headrace.wire.tls import worker_contexts
from headrace.worker.loading import blueprint_of
from headrace.worker.orders import WorkerOrder
from headrace.worker.sources import sources

if TYPE_CHECKING:
    from headrace.observe.tracing.tracing import Tracing

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
    _speak(order)
    try:
        blueprint = _load(order)
        files = sources(order.base, blueprint.cls.__module__) if order.spec.reload else {}
        line.report({'described': msgspec.to_builtins(blueprint.describe()), 'files': files})
        line.receive()  # the types fit on every edge of the Flow: go on
        store = store_in(order.directory, order.name) if order.observe.metrics.enabled else None
        tracing = begun(_traces(order), is_own_process=True, store=store)
        executor = blueprint.build(tracing, store)
        _restrict(order)  # not before: what the constructor opens is named by who wrote it
        gc.freeze()  # modules and models stay: to look through them again takes tens of milliseconds
    except BaseException as error:
        line.report({'failed': to_data(error)})
        leave(1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(_serve(line, order, executor, blueprint, tracing))
    leave(status)


def _speak(order: WorkerOrder) -> None:
    """From now on all that this process writes goes to its supervisor, as lines that say whose they are."""
    shard = f'shard-{order.shard}/' if order.spec.shards > 1 else ''
    flow = '' if order.flow == log.DEFAULT_FLOW else order.flow
    replica = f'{shard}rep-{order.replica}'
    voice = log.Voice(order.name, flow=flow, executor=order.spec.name, replica=replica)
    level = order.spec.log_level or order.observe.logs.level or environment.read().log_level
    log.to_supervisor(voice, level)


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


def _traces(order: WorkerOrder) -> Settings | None:
    traces = order.observe.traces
    return tracing_settings(traces, flow=order.flow, service=order.spec.name, process=order.name)


async def _serve(
    line: Lifeline,
    order: WorkerOrder,
    executor: Executor,
    blueprint: Blueprint,
    tracing: Tracing | None,
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    status = 0
    try:
        server = Server(answering(serve(executor), tracing, order.name), blueprint.describe())
        server.handler = Telling(line, server)
        await server.listen(order.address, worker_contexts(order.tls) if order.tls else None)
    except Exception as error:
        line.report({'failed': to_data(error)})
        status = 1
    else:
        line.watch(_obey, stop.set)
        line.report({'ready': server.address})
        await stop.wait()
        await server.close(DRAIN_S)
    try:
        await close(executor)
    except Exception:
        _log.exception('executor %r could not be closed', order.name)
        status = 1
    if tracing is not None:
        await asyncio.to_thread(tracing.close, FLUSH_S)
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


def _obey(order: Any) -> None:
    """Carry out an order while it serves; one that it does not know is of a newer supervisor."""
    if isinstance(order, dict) and 'log_level' in order:
        log.set_level(order['log_level'])

"""An order in; out, the executor that it names: loaded, constructed, served until it is time to end.

Who gives the order is another's business: a supervisor (`process`), or nobody but a command line (`alone`).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
import uvloop

from headrace.documents.media.access import EVERYTHING, restrict
from headrace.executors import Executor, close, serve
from headrace.executors.blueprint import Blueprint
from headrace.observe import log
from headrace.observe.metrics.store import Store, store_in
from headrace.observe.tracing import Settings, begun
from headrace.pipeline.spans import FLUSH_S, answering
from headrace.spec import environment
from headrace.spec.paths import anchored_path
from headrace.spec.tracing import tracing_settings
from headrace.wire.server import Server
from headrace.wire.tls import worker_contexts
from headrace.worker.loading import blueprint_of
from headrace.worker.orders import WorkerOrder

if TYPE_CHECKING:
    from headrace.observe.tracing.tracing import Tracing

SWITCH_S = 0.0005
"""How long a handler that comes back from its model waits for the interpreter while the event loop has it."""

_log = logging.getLogger(__name__)


class Built(NamedTuple):
    """An executor that is constructed, and what it tells of itself."""

    order: WorkerOrder
    blueprint: Blueprint
    executor: Executor
    store: Store | None
    tracing: Tracing | None


class Superior(Protocol):
    """Whom a worker tells how it goes."""

    def serving(self, server: Server) -> None:
        """It is about to listen: no call has come yet."""

    def ready(self, server: Server, stop: asyncio.Event) -> None:
        """It can be called at `server.address`; it ends when `stop` is set."""

    def stopping(self) -> None:
        """It takes no more calls."""

    def failed(self, error: Exception) -> None:
        """It cannot be called, for this reason."""


def loaded(order: WorkerOrder) -> Blueprint:
    """The class that an order names, with its arguments; nothing is constructed."""
    sys.setswitchinterval(SWITCH_S)
    spec = order.spec
    if order.pickled:
        uses, uses_with = pickle.loads(order.pickled)  # from our parent, who could as well run any code
        spec = msgspec.structs.replace(spec, uses=uses, uses_with=uses_with)
    return blueprint_of(
        spec, workspace=order.workspace, base=order.base, shard=order.shard, replica=order.replica
    )


def built(order: WorkerOrder, blueprint: Blueprint) -> Built:
    """Construct the executor; raises what its constructor raises."""
    store = store_in(order.directory, order.name, pid=order.pid) if order.observe.metrics.enabled else None
    tracing = begun(_traces(order), is_own_process=True, store=store)
    executor = blueprint.build(tracing, store)
    _restrict(order)  # not before: what the constructor opens is named by who wrote it
    gc.freeze()  # modules and models stay: to look through them again takes tens of milliseconds
    return Built(order, blueprint, executor, store, tracing)


def run(made: Built, superior: Superior) -> int:
    """Serve what was built until SIGTERM, SIGINT or its superior ends it; the status of the process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(_serve(made, superior))
    if made.store is not None:
        made.store.settle()
    return status


def speak(order: WorkerOrder, *, replica: str = '', look: log.Look | None = None) -> None:
    """From now on all that this process writes is lines that say whose they are.

    They go to its supervisor, or with a `look` to its standard output.
    """
    flow = log.named(order.flow)
    voice = log.Voice(order.name, flow=flow, executor=order.spec.name, replica=replica, look=look)
    log.speak(voice, order.spec.log_level or order.observe.logs.level or environment.read().log_level)


def _restrict(order: WorkerOrder) -> None:
    """From now on open only what documents may name."""
    named = (*order.spec.allow_uris, *environment.read().allow_uris.split())
    anchored = (uri if '://' in uri or uri == EVERYTHING else anchored_path(uri, order.base) for uri in named)
    restrict(anchored, max_pixels=order.image_pixels)


def _traces(order: WorkerOrder) -> Settings | None:
    traces = order.observe.traces
    return tracing_settings(traces, flow=order.flow, service=order.spec.name, process=order.name)


async def _serve(made: Built, superior: Superior) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    order, status = made.order, 0
    try:
        handler = answering(serve(made.executor), made.tracing, order.name)
        server = Server(handler, made.blueprint.describe(), target=order.target, flow=log.named(order.flow))
        superior.serving(server)
        await server.listen(order.address, worker_contexts(order.tls) if order.tls else None)
    except Exception as error:
        superior.failed(error)
        status = 1
    else:
        superior.ready(server, stop)
        await stop.wait()
        superior.stopping()
        await server.close(order.drain_s)
    try:
        await close(made.executor)
    except Exception:
        _log.exception('executor %r could not be closed', order.name)
        status = 1
    if made.tracing is not None:
        await asyncio.to_thread(made.tracing.close, FLUSH_S)
    return status

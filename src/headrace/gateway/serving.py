"""An order to open in; out, a gateway that serves to its end, and meanwhile does what it is told.

Who gives the orders is another's business: a supervisor (`process`), or where replicas are found (`alone`).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from headrace.documents.media.access import restrict
from headrace.errors import HeadraceError
from headrace.gateway.measuring_replicas import MeasuringReplicas
from headrace.gateway.openfiles import make_room
from headrace.gateway.orders import (
    Leave,
    Log,
    Open,
    Processes,
    Profile,
    Record,
    Recorded,
    Route,
    Start,
    Tell,
    Weigh,
)
from headrace.gateway.orphaned import tidy_up
from headrace.gateway.security.doorway import towards_workers
from headrace.gateway.server import DOORS, METRICS, GatewayServer, serve
from headrace.gateway.setting import Setting
from headrace.gateway.switchboard import Switchboard
from headrace.observe import log
from headrace.observe.metrics.store import Store, store_in
from headrace.observe.tracing import Settings, begun
from headrace.recording.recorder import Recorder
from headrace.spec import environment
from headrace.spec.observe import RecordSpec
from headrace.spec.tracing import tracing_settings
from headrace.wire.faults import to_data
from headrace.wire.lifeline import GRACE_S
from headrace.wire.tls import Contexts

if TYPE_CHECKING:
    from headrace.observe.tracing.tracing import Tracing

_log = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """What a gateway needs before it knows its executors."""

    start: Start
    tls: Contexts | None
    store: Store | None
    tracing: Tracing | None


class Superior(Protocol):
    """Whom a gateway tells how it goes, and who gives it orders."""

    def watch(self, on_order: Callable[[Any], None], on_cut: Callable[[], None]) -> None:
        """From now on pass orders, and the loss of who gives them, to the running event loop."""

    def report(self, message: Any) -> None:
        """Be told this: `ready`, `failed`, `routed` and so on."""

    def offer(self, message: Any) -> None:
        """Be told this, if there is room for it."""


def loaded(start: Start) -> Loaded:
    """Import what the doors need, and begin to measure and to trace."""
    for door in start.spec.doors:
        import_module(DOORS[door])  # while the workers start
    if start.observe.dashboard.is_apart:
        import_module(DOORS['http'])
    import_module(METRICS)  # likewise
    make_room(start.spec)
    restrict(environment.read().allow_uris.split(), max_pixels=start.spec.limits.image_pixels)
    tls = towards_workers(start.spec.security.workers)
    store = store_in(start.directory, start.name) if start.observe.metrics.enabled else None
    return Loaded(start, tls, store, begun(_traces(start), is_own_process=True, store=store))


def speak(start: Start, *, replica: str = '', look: log.Look | None = None) -> None:
    """From now on all that this process writes is lines that say whose they are.

    They go to its supervisor, or with a `look` to its standard output.
    """
    flow = log.named(start.flow)
    voice = log.Voice(start.name, flow=flow, replica=replica, look=look)
    log.speak(voice, start.observe.logs.level or environment.read().log_level)


async def served(superior: Superior, parts: Loaded, order: Open) -> int:
    """Serve until it is time to end; the status of the process."""
    limit_s = parts.start.spec.timeout_s
    board = Switchboard(
        order, superior.report, floating_timeout_s=limit_s, tls=parts.tls, tracing=parts.tracing
    )
    return await Serving(superior, parts.start, order, store=parts.store, board=board).run()


def _traces(start: Start) -> Settings | None:
    traces = start.observe.traces
    return tracing_settings(traces, flow=start.flow, service='gateway', process=start.name)


class Serving:
    """A gateway from its second order to its end; what it is told meanwhile, it does."""

    def __init__(
        self, superior: Superior, start: Start, order: Open, *, store: Store | None, board: Switchboard
    ) -> None:
        self._superior = superior
        self._start = start
        self._order = order
        self._store = store
        self._board = board
        self._news = News(superior, board)
        self._recorder = Recorder(board.graph, order.info, start.name)
        self._works: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._server: GatewayServer | None = None
        self._pids = order.pids
        self._linger_s = 0.0
        self._is_orphaned = False

    async def run(self) -> int:
        """Open the doors, serve until it is time to end, end in good order; the status of the process."""
        loop, order = asyncio.get_running_loop(), self._order
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._superior.watch(self._on_order, self._on_cut)
        try:
            within_s = None if order.is_patient else order.wait_s
            await self._board.connected(within_s, anyway=order.anyway, unless=self._stop)
            if not self._stop.is_set():
                self._server = await self._opened()
                self._record()
                self._superior.report({'ready': self._server.ports})
                gc.freeze()  # what is here stays: to look through it again would hold up requests
                self._news.every(order.load_every_s)
        except Exception as error:
            self._superior.report({'failed': to_data(error)})
            return 1
        await self._stop.wait()
        self._superior.report({'stopping': True})
        self._news.every(0)
        await self._linger(self._start.linger_s)
        try:
            await self._close()
        finally:
            if self._is_orphaned:
                tidy_up(self._pids, order.directory)
        return 0

    @property
    def metrics(self) -> Any:
        """What tells what is measured here; None if nothing is, or nothing yet."""
        return None if self._server is None else self._server.metrics

    async def _opened(self) -> GatewayServer:
        start, order, board = self._start, self._order, self._board
        store, look = self._store, None
        if store is not None:
            look = MeasuringReplicas(store, board.targets, board.externals).look
        return await serve(
            board.handler,
            order.info,
            start.spec,
            ready=board.ready,
            states=board.states,
            owner=start.owner,
            shared=start.is_shared,
            setting=Setting(order.directory, start.observe, store, order.executors, look, board.weights),
        )

    async def _linger(self, seconds: float) -> None:
        """Say that it is about to end, and serve on until others have heard it, or it is told once more."""
        if self._server is None or self._is_orphaned or not seconds:
            return
        self._server.drain()
        self._stop.clear()
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            pass

    async def _close(self) -> None:
        timeout_s = self._order.timeout_stop_s
        grace_s = min(timeout_s, GRACE_S / 4) if self._is_orphaned else timeout_s
        stopping = time.monotonic()
        if self._server is not None:
            await self._server.stop(grace_s, 0.0 if self._is_orphaned else self._linger_s)
        await self._recorder.end()
        await self._board.close(max(0.0, grace_s - (time.monotonic() - stopping)))

    def _record(self) -> None:
        spec = self._start.observe.record
        try:
            if spec.path:
                self._recorder.begin(spec)
        except HeadraceError as error:
            if not self._order.anyway:
                raise
            _log.error('%s', error.message)  # the others record; one that is started again is needed first

    async def _recorded(self, spec: RecordSpec | None) -> None:
        try:
            if spec is None:
                recorded = Recorded(await self._recorder.end())
            else:
                self._recorder.begin(spec)
                recorded = Recorded()
        except Exception as error:
            recorded = Recorded(failed=to_data(error))
        self._superior.report({'recorded': msgspec.to_builtins(recorded)})

    def _on_cut(self) -> None:
        self._is_orphaned = True
        self._stop.set()

    def _on_order(self, message: Any) -> None:
        later = msgspec.convert(message, Route | Processes | Tell | Leave | Log | Profile | Record | Weigh)
        if isinstance(later, Route):
            self._board.follow(later)
        elif isinstance(later, Tell):
            self._news.every(later.load_every_s)
        elif isinstance(later, Weigh):
            self._board.weigh(later.executor, later.weights)
            self._superior.report({'weighed': later.executor})
        elif isinstance(later, Log):
            log.set_level(later.level)
        elif isinstance(later, Profile):
            kept = [] if self._server is None else self._server.profiler.keep(later.most)
            self._superior.report({'profiled': msgspec.to_builtins(kept)})
        elif isinstance(later, Record):
            work = asyncio.ensure_future(self._recorded(later.spec))
            self._works.add(work)
            work.add_done_callback(self._works.discard)
        elif isinstance(later, Leave):
            self._linger_s = later.linger_s
            self._stop.set()
        else:
            self._pids = later.pids


class News:
    """Reports again and again what the executors have to do."""

    def __init__(self, superior: Superior, board: Switchboard) -> None:
        self._superior = superior
        self._board = board
        self._timer: asyncio.TimerHandle | None = None

    def every(self, seconds: float) -> None:
        """From now on, so often; 0 is not any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._tell, seconds) if seconds else None

    def _tell(self, seconds: float) -> None:
        self._superior.offer({'load': msgspec.to_builtins(self._board.load())})
        self.every(seconds)

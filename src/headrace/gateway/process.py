"""The main function of a gateway process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import signal
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop

from headrace.documents.media.access import restrict
from headrace.errors import HeadraceError
from headrace.gateway.measuring_replicas import MeasuringReplicas
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
)
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
from headrace.wire.lifeline import GRACE_S, Lifeline, leave
from headrace.wire.tls import Contexts

if TYPE_CHECKING:
    from headrace.observe.tracing.tracing import Tracing

_log = logging.getLogger(__name__)


def main() -> None:
    """Load the protocols of the first order, then open the doors that the second one describes."""
    line = Lifeline.from_parent(lambda first: _remove(first['directory'] if first else ''))
    try:
        start = msgspec.convert(line.receive(), Start)
        spec = start.spec
        flow = '' if start.flow == log.DEFAULT_FLOW else start.flow
        level = start.observe.logs.level or environment.read().log_level
        log.to_supervisor(log.Voice(start.name, flow=flow), level)
        for door in spec.doors:
            import_module(DOORS[door])  # while the workers start
        import_module(METRICS)  # likewise
        restrict(environment.read().allow_uris.split(), max_pixels=spec.limits.image_pixels)
        tls = towards_workers(spec.security.workers)
        store = store_in(start.directory, start.name) if start.observe.metrics.enabled else None
        tracing = begun(_traces(start), is_own_process=True, store=store)
        order = msgspec.convert(line.receive(), Open)
    except BaseException as error:
        line.report({'failed': to_data(error)})
        leave(1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(_serve(line, start, order, tls, store, tracing))
        leave(status)  # inside the runner: the teardown of the loop and of gRPC takes longer than the stop


async def _serve(
    line: Lifeline,
    start: Start,
    order: Open,
    tls: Contexts | None,
    store: Store | None,
    tracing: Tracing | None,
) -> int:
    limit_s = start.spec.timeout_s
    board = Switchboard(order, line.report, floating_timeout_s=limit_s, tls=tls, tracing=tracing)
    return await Serving(line, start, order, store=store, board=board).run()


def _traces(start: Start) -> Settings | None:
    traces = start.observe.traces
    return tracing_settings(traces, flow=start.flow, service='gateway', process=start.name)


class Serving:
    """A gateway from its second order to its end; what it is told meanwhile, it does."""

    def __init__(
        self, line: Lifeline, start: Start, order: Open, *, store: Store | None, board: Switchboard
    ) -> None:
        self._line = line
        self._start = start
        self._order = order
        self._store = store
        self._board = board
        self._news = News(line, board)
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
        self._line.watch(self._on_order, self._on_cut)
        try:
            await self._board.connected(order.wait_s, anyway=order.anyway, unless=self._stop)
            if not self._stop.is_set():
                self._server = await self._opened()
                self._record()
                self._line.report({'ready': self._server.ports})
                gc.freeze()  # what is here stays: to look through it again would hold up requests
                self._news.every(order.load_every_s)
        except Exception as error:
            self._line.report({'failed': to_data(error)})
            return 1
        await self._stop.wait()
        self._news.every(0)
        try:
            await self._close()
        finally:
            if self._is_orphaned:
                _tidy_up(self._pids, order.directory)
        return 0

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
            shared=True,
            setting=Setting(order.directory, start.observe, store, order.executors, look),
        )

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
        self._line.report({'recorded': msgspec.to_builtins(recorded)})

    def _on_cut(self) -> None:
        self._is_orphaned = True
        self._stop.set()

    def _on_order(self, message: Any) -> None:
        later = msgspec.convert(message, Route | Processes | Tell | Leave | Log | Profile | Record)
        if isinstance(later, Route):
            self._board.follow(later)
        elif isinstance(later, Tell):
            self._news.every(later.load_every_s)
        elif isinstance(later, Log):
            log.set_level(later.level)
        elif isinstance(later, Profile):
            kept = [] if self._server is None else self._server.profiler.keep(later.most)
            self._line.report({'profiled': msgspec.to_builtins(kept)})
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

    def __init__(self, line: Lifeline, board: Switchboard) -> None:
        self._line = line
        self._board = board
        self._timer: asyncio.TimerHandle | None = None

    def every(self, seconds: float) -> None:
        """From now on, so often; 0 is not any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._tell, seconds) if seconds else None

    def _tell(self, seconds: float) -> None:
        self._line.offer({'load': msgspec.to_builtins(self._board.load())})
        self.every(seconds)


def _tidy_up(pids: tuple[int, ...], directory: str) -> None:
    """Do what the dead parent cannot: end workers that native code holds up, remove the sockets.

    It has half of the grace; the stop before had a quarter, and the rest is in reserve.
    """
    deadline = time.monotonic() + GRACE_S / 2
    while any(map(_is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)  # each has a session of its own, with all that it started
        except (ProcessLookupError, PermissionError):
            pass
    _remove(directory)


def _remove(directory: str) -> None:
    if directory:
        shutil.rmtree(directory, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True

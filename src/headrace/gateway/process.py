"""The main function of a gateway process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop

from headrace.documents.media.access import restrict
from headrace.gateway.orders import Leave, Log, Open, Processes, Profile, Route, Start, Tell
from headrace.gateway.security.doorway import towards_workers
from headrace.gateway.server import DOORS, METRICS, GatewayServer, serve
from headrace.gateway.setting import Setting
from headrace.gateway.switchboard import Switchboard
from headrace.observe import log
from headrace.observe.metrics.store import Store, store_in
from headrace.observe.tracing import Settings, begun
from headrace.spec import environment
from headrace.spec.tracing import tracing_settings
from headrace.wire.faults import to_data
from headrace.wire.lifeline import GRACE_S, Lifeline, leave
from headrace.wire.tls import Contexts

if TYPE_CHECKING:
    from headrace.observe.tracing import Tracing


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
        tracing = begun(_traces(start))
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
    stop = asyncio.Event()
    orphaned = False
    linger_s = 0.0
    pids = order.pids

    server: GatewayServer | None = None

    def on_cut() -> None:
        nonlocal orphaned
        orphaned = True
        stop.set()

    def on_order(message: Any) -> None:
        nonlocal pids, linger_s
        later = msgspec.convert(message, Route | Processes | Tell | Leave | Log | Profile)
        if isinstance(later, Route):
            board.follow(later)
        elif isinstance(later, Tell):
            news.every(later.load_every_s)
        elif isinstance(later, Log):
            log.set_level(later.level)
        elif isinstance(later, Profile):
            kept = [] if server is None else server.profiler.keep(later.most)
            line.offer({'profiled': msgspec.to_builtins(kept)})
        elif isinstance(later, Leave):
            linger_s = later.linger_s
            stop.set()
        else:
            pids = later.pids

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    limit_s = start.spec.timeout_s
    board = Switchboard(order, line.report, floating_timeout_s=limit_s, tls=tls, tracing=tracing)
    news = News(line, board)
    line.watch(on_order, on_cut)
    try:
        await board.connected(order.wait_s, anyway=order.anyway, unless=stop)
        if not stop.is_set():
            server = await _opened(board, start, order, store)
            line.report({'ready': server.ports})
            news.every(order.load_every_s)
    except Exception as error:
        line.report({'failed': to_data(error)})
        return 1
    await stop.wait()
    news.every(0)
    grace_s = min(order.timeout_stop_s, GRACE_S / 4) if orphaned else order.timeout_stop_s
    stopping = time.monotonic()
    try:
        if server is not None:
            await server.stop(grace_s, 0.0 if orphaned else linger_s)
        await board.close(max(0.0, grace_s - (time.monotonic() - stopping)))
    finally:
        if orphaned:
            _tidy_up(pids, order.directory)
    return 0


def _traces(start: Start) -> Settings | None:
    traces = start.observe.traces
    return tracing_settings(traces, flow=start.flow, service='gateway', process=start.name)


async def _opened(board: Switchboard, start: Start, order: Open, store: Store | None) -> GatewayServer:
    return await serve(
        board.handler,
        order.info,
        start.spec,
        ready=board.ready,
        states=board.states,
        owner=start.owner,
        shared=True,
        setting=Setting(order.directory, start.observe, store, order.executors),
    )


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

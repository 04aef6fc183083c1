"""The main function of a gateway process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from importlib import import_module
from typing import Any

import msgspec
import uvloop

from headrace.gateway.orders import Open, Start
from headrace.gateway.server import DOORS, GatewayServer, serve
from headrace.observe import log
from headrace.pipeline import Graph, Node
from headrace.spec import GatewaySpec, environment
from headrace.wire import Connection, connect
from headrace.wire.faults import to_data
from headrace.wire.lifeline import GRACE_S, Lifeline, leave

PING_S = 1.0
"""How long a worker may take to say that it is there."""


def main() -> None:
    """Load the protocols of the first order, then open the doors that the second one describes."""
    line = Lifeline.from_parent()
    try:
        log.to_terminal('gateway', environment.read().log_level)
        start = msgspec.convert(line.receive(), Start)
        line.tidy_up = lambda: _remove(start.directory)
        spec = start.spec
        for protocol in spec.protocols:
            import_module(DOORS[protocol])  # while the workers start
        order = msgspec.convert(line.receive(), Open)
    except BaseException as error:
        line.report({'failed': to_data(error)})
        leave(1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(_serve(line, spec, order))
        leave(status)  # inside the runner: the teardown of the loop and of gRPC takes longer than the stop


async def _serve(line: Lifeline, spec: GatewaySpec, order: Open) -> int:
    stop = asyncio.Event()
    orphaned = False

    def on_cut() -> None:
        nonlocal orphaned
        orphaned = True
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    line.watch(_ignore, on_cut)
    try:
        connections = await _connect(order)
        server = await _open(spec, order, connections)
    except Exception as error:
        line.report({'failed': to_data(error)})
        return 1
    line.report({'ready': server.ports})
    await stop.wait()
    try:
        await server.stop(min(order.timeout_stop_s, GRACE_S / 4) if orphaned else order.timeout_stop_s)
        for connection in connections.values():
            await connection.close()
    finally:
        if orphaned:
            _tidy_up(order)
    return 0


async def _connect(order: Open) -> dict[str, Connection]:
    upstreams = [upstream for upstream in order.upstreams if upstream.address]
    made = await asyncio.gather(
        *(connect(each.address, timeout_s=order.timeout_ready_s) for each in upstreams)
    )
    return {upstream.name: connection for upstream, connection in zip(upstreams, made, strict=True)}


async def _open(spec: GatewaySpec, order: Open, connections: dict[str, Connection]) -> GatewayServer:
    infos = {info.name: info for info in order.info.executors}
    nodes = [
        Node(each.name, connections.get(each.name), each.needs, infos.get(each.name))
        for each in order.upstreams
    ]

    async def ready() -> dict[str, bool]:
        answers = await asyncio.gather(*(connection.ping(PING_S) for connection in connections.values()))
        return dict(zip(connections, answers, strict=True))

    return await serve(Graph(nodes), order.info, spec, ready=ready)


def _tidy_up(order: Open) -> None:
    """Do what the dead parent cannot: end workers that native code holds up, remove the sockets.

    It has half of the grace; the stop before had a quarter, and the rest is in reserve.
    """
    pids = [upstream.pid for upstream in order.upstreams if upstream.pid]
    deadline = time.monotonic() + GRACE_S / 2
    while any(map(_is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)  # each has a session of its own, with all that it started
        except (ProcessLookupError, PermissionError):
            pass
    _remove(order.directory)


def _remove(directory: str) -> None:
    if directory:
        shutil.rmtree(directory, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _ignore(order: Any) -> None:
    """A gateway knows no orders beyond those of its start; a newer supervisor may send some."""

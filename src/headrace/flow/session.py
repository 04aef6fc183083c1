"""A started Flow: what runs, the thread that looks after it, and the client that talks to it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from headrace.client.address import Tls
from headrace.client.loop import NOTICE_S, LoopThread
from headrace.client.transport import TRANSPORTS
from headrace.errors import SpecError, Unavailable
from headrace.flow.signals import StopSignals
from headrace.flow.transport import HandlerTransport
from headrace.observe import log
from headrace.observe.logcontext import FLOW
from headrace.places import InProcess, Local, Running
from headrace.spec import FlowSpec
from headrace.spec.environment import colours
from headrace.spec.exposure import reaches_itself
from headrace.spec.paths import anchored_path

T = TypeVar('T')

PLACES: dict[str, Any] = {'local': Local, 'in-process': InProcess}
"""What carries out a Flow, by the name of its place."""


class Session:
    """One start of a Flow, from its first process to its last.

    For synchronous callers everything asynchronous runs on one thread of the session's own; for asynchronous
    ones on their loop.
    """

    def __init__(self) -> None:
        self._running: Running | None = None
        self._loop: LoopThread | None = None
        self._client: Any = None
        self._signals: StopSignals | None = None

    @classmethod
    def start(cls, spec: FlowSpec) -> Session:
        """Start `spec` from synchronous code."""
        session = cls()
        session._loop = loop = LoopThread('headrace-flow', session._stop)
        try:
            loop.run(session._begin(spec))
        except BaseException:
            loop.close()
            raise
        return session

    @classmethod
    async def begin(cls, spec: FlowSpec) -> Session:
        """Start `spec` on the caller's event loop."""
        session = cls()
        await session._begin(spec)
        return session

    # These two run on the loop. The loop's end stops what runs: Ctrl-C may come at any step of the caller's.

    async def _begin(self, spec: FlowSpec) -> None:
        log.to_someone(log.look(spec.observe.logs.format, sys.stderr, colours=colours()))
        start: Any = PLACES[spec.place].start
        named = FLOW.set(spec.name)  # so say those who look after it, as tasks that begin here
        try:
            self._running = await start(spec)
        finally:
            FLOW.reset(named)

    async def _stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.stop()

    @property
    def ports(self) -> Mapping[str, int]:
        """The port of each protocol."""
        return self.running.ports

    @property
    def running(self) -> Running:
        """What the place made of the Flow."""
        assert self._running is not None
        return self._running

    def client(self, is_async: bool) -> Any:
        """The client of this session, made when it is first asked for."""
        if self._client is None:
            from headrace.client import Client  # its libraries load when the Flow already runs

            self._client = Client(asyncio=is_async, **reach(self.running))
        return self._client

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Let something be done with what runs, from synchronous code."""
        assert self._loop is not None
        return self._loop.run(work)

    def block(self, stop_event: threading.Event | None) -> None:
        """Wait for a signal or `stop_event`; raise Unavailable if a process of the Flow ends before."""
        assert self._loop is not None
        stop = stop_event or threading.Event()
        gone = self._loop.submit(self.running.watch())
        gone.add_done_callback(lambda _: stop.set())
        self._wait(stop)
        if gone.done() and not gone.cancelled():
            raise Unavailable(gone.result(), help='if its process printed why, that is above')
        gone.cancel()

    def _wait(self, stop: threading.Event) -> None:
        """Wait for `stop` or a signal; after a signal, those that follow harm nothing until all has ended."""
        loop = self._loop
        assert loop is not None
        self._give_back_signals()
        signals = self._signals = StopSignals(lambda: loop.tell(stop.set))
        signals.take()
        try:
            while not (stop.wait(NOTICE_S) or signals.have_come):
                pass
        finally:
            if not signals.have_come:
                signals.give_back()

    def _give_back_signals(self) -> None:
        if self._signals is not None:
            self._signals.give_back()

    def close(self) -> None:
        """Stop everything, from synchronous code."""
        try:
            if self._client is not None:
                self._client.close()
        finally:
            try:
                self._end_all()
            finally:
                self._give_back_signals()

    def _end_all(self) -> None:
        assert self._loop is not None
        try:
            self._loop.run(self._stop())
        finally:
            self._loop.close()

    async def end(self) -> None:
        """Stop everything, on the caller's event loop."""
        try:
            if self._client is not None:
                await self._client.close()
        finally:
            await self._stop()


def reach(running: Running) -> dict[str, Any]:
    """How a client reaches the Flow: by the first of its doors, or by its handler if it has none."""
    if running.handler is not None:
        return {'transport': HandlerTransport(running.handler, running.home, running.info)}
    protocol, port = next(((p, port) for p, port in running.ports.items() if p in TRANSPORTS), ('', 0))
    if not protocol:
        raise SpecError(
            f'the client of a Flow does not speak {", ".join(running.ports)}',
            help='add http, grpc or websocket to its protocols',
        )
    return {
        'host': running.host,
        'port': port,
        'protocol': protocol,
        'api_key': running.key or None,
        'tls': _trust(running.spec),
    }


def _trust(flow: FlowSpec) -> bool | Tls:
    """How the doors of a Flow are known to be its own: by the authority that it names, or the system's."""
    tls = flow.gateway.security.tls
    if tls is None:
        return False
    return Tls(
        authority=anchored_path(tls.authority, flow.base) if tls.authority else None,
        server_name='localhost' if reaches_itself(flow.gateway.host) else None,
    )

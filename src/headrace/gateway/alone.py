"""A gateway with no supervisor: a Flow and where its executors are in; out, its doors, open until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, NoReturn, Protocol

import uvloop

from headrace.gateway.deserted import Deserted
from headrace.gateway.discovery.described import Described
from headrace.gateway.discovery.following import Following
from headrace.gateway.discovery.places import sources_for
from headrace.gateway.discovery.weighing import Weighing
from headrace.gateway.orders import Leave, Open, Route, Start, Target, nameless
from headrace.gateway.outdated import until_outdated
from headrace.gateway.problems import passed_over
from headrace.gateway.serving import Loaded, Serving, loaded, speak
from headrace.gateway.switchboard import Switchboard
from headrace.observe import log
from headrace.observe.health import Health
from headrace.pipeline.describe import FlowInfo
from headrace.spec import FlowSpec, environment, order
from headrace.spec.exposure import OF_GATEWAY, check_files, check_security
from headrace.spec.paths import anchored, anchored_observe
from headrace.wire.faults import from_data
from headrace.wire.lifeline import leave

_log = logging.getLogger('headrace.gateway')


class Notices(Protocol):
    """Where others on this machine can read that the gateway runs."""

    def post(self, ports: Mapping[str, int]) -> None:
        """It runs, and these are its doors."""

    def close(self) -> None:
        """It does not any more."""


def main(
    flow: FlowSpec,
    at: Iterable[tuple[str, str]],
    *,
    host: str,
    health: str = '',
    linger_s: float = 0.0,
    notices: Notices | None = None,
    weights: str = '',
    tell: Callable[[BaseException], None],
) -> NoReturn:
    """Serve `flow`, whose executors are where `at` says (target, place), until it is told to end.

    `health` is where probes are answered, `host` what this process is called, `weights` a file with the
    shares of versions. `tell` hears why it cannot start.
    """
    start = Start(
        anchored(flow.gateway, flow.base),
        flow=flow.name,
        observe=anchored_observe(flow),
        name=f'gateway/{host}',
        is_shared=False,
        linger_s=linger_s,
    )
    look = log.look(flow.observe.logs.format, sys.stdout, colours=environment.colours())
    speak(start, replica=host, look=look)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave(0))  # process 1 of a container is not ended without
    alone = Alone(flow, start, Health('it loads its protocols'), notices, tell)
    try:
        if weights:
            alone.weigh_by(weights)
        if health:
            alone.health.open(health)
        check_security(start.spec)
        check_files(start.spec.security, files=OF_GATEWAY)
        parts = loaded(start)
    except BaseException as error:
        alone.fail(error)
        leave(1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(alone.run(parts, at))
        if notices is not None:
            notices.close()
        leave(status)  # inside the runner: the teardown of the loop and of gRPC takes longer than the stop


class Alone:
    """A gateway that nobody but its own search for replicas gives orders; it tells its health and its log."""

    def __init__(
        self,
        flow: FlowSpec,
        start: Start,
        health: Health,
        notices: Notices | None,
        tell: Callable[[BaseException], None],
    ) -> None:
        self.health = health
        self._flow = flow
        self._start = start
        self._notices = notices
        self._tell = tell
        self._on_order: Callable[[Any], None] | None = None
        self._stop = asyncio.Event()
        self._sent: dict[Target, Mapping[str, str]] = {}
        self._number = 0
        self._following: Following | None = None
        self._board: Switchboard | None = None
        self._status = 0
        self._weighing: Weighing | None = None
        self._described: Described | None = None
        self._weights: dict[str, Mapping[str, float]] = {}
        self._works: set[asyncio.Task[None]] = set()

    def weigh_by(self, path: str) -> None:
        """Divide requests among versions as this file says, now and whenever it changes."""
        self._weighing = Weighing(path, self._flow)
        self._flow = self._weighing.look() or self._flow

    async def run(self, parts: Loaded, at: Iterable[tuple[str, str]]) -> int:
        """Find the executors, open the doors, serve until it is time to end; the status of the process."""
        self.health.watch()
        try:
            self._following = Following(sources_for(self._flow, at))
            self._described = Described(self._flow, self._following, parts.tls, self._wait)
            if self._weighing is not None:
                self._begin(self._weighing.follow(self._weigh))
            info = await self._unless_stopped(self._described.flow())
            if info is None:
                return self._status
            serving = self._serving(parts, info, self._described)
        except Exception as error:
            self.fail(error)
            return 1
        try:
            return await serving.run() or self._status
        finally:
            for work in self._works:
                work.cancel()
            await self._following.close()

    async def _unless_stopped(self, work: Coroutine[Any, Any, FlowInfo]) -> FlowInfo | None:
        """What comes of this; None if the process has to end before."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            stopped.cancel()
            task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this for as long as the gateway runs, which ends if it fails: nobody else would notice."""
        task = asyncio.ensure_future(work)
        self._works.add(task)
        task.add_done_callback(self._over)

    def _over(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled():
            error = work.exception()
            if error is not None:
                _log.error('the gateway ends, since a part of it has failed', exc_info=error)
            self._leave()

    def _leave(self) -> None:
        """End, for whoever starts it anew."""
        self._status = 1
        self._stop.set()
        if self._on_order is not None:
            self._on_order(Leave(0.0))

    def _weigh(self, executor: str, weights: Mapping[str, float]) -> None:
        assert self._described is not None
        self._weights[executor] = weights
        self._described.weigh(executor, weights)
        if self._board is not None:
            self._board.weigh(executor, weights)

    def _wait(self, reason: str) -> None:
        self.health.reason = reason

    def _serving(self, parts: Loaded, info: FlowInfo, described: Described) -> Serving:
        """What serves, from now on with the replicas that are known at this moment."""
        assert self._following is not None
        self._sent = {target: self._following.found.get(target, {}) for target in self._following.sources}
        order = self._order(info)
        self._board = board = Switchboard(
            order,
            self.report,
            floating_timeout_s=self._start.spec.timeout_s,
            tls=parts.tls,
            tracing=parts.tracing,
            accepts=described.misfit,
        )
        serving = Serving(self, self._start, order, store=parts.store, board=board)
        for executor, weights in self._weights.items():
            board.weigh(executor, weights)
        described.on_join = board.learn
        deserted = Deserted(board, self._following.sources, described.left_out)
        self._begin(deserted.watch())
        self._begin(until_outdated(board, described))
        self.health.reason = 'no replica of an executor answers yet'

        async def ready() -> str:
            answers = await board.ready()
            without = passed_over(answers, board.states())
            self.health.note = '; '.join(f'(without {name}: {why})' for name, why in without.items())
            return '; '.join(deserted.why(name) for name, is_well in answers.items() if not is_well)

        def metrics(accept: str) -> tuple[bytes, str]:
            return serving.metrics.text_now(accept) if serving.metrics is not None else (b'', 'text/plain')

        self.health.ready, self.health.metrics = ready, metrics
        return serving

    def _order(self, info: FlowInfo) -> Open:
        flow = self._flow
        return Open(
            info=info,
            executors=tuple(nameless(executor, flow.base) for executor in order(flow)),
            routes=tuple(self._route(target, replicas) for target, replicas in self._sent.items()),
            pids=(),
            wait_s=0.0,
            timeout_stop_s=flow.timeout_stop_s,
            is_patient=True,
        )

    def _route(self, target: Target, replicas: Mapping[str, str]) -> Route:
        self._number += 1
        named = {f'{target}@{key.partition(":")[2]}': address for key, address in replicas.items()}
        return Route(number=self._number, target=target, replicas=named)

    # What a superior does

    def watch(self, on_order: Callable[[Any], None], on_cut: Callable[[], None]) -> None:
        """From now on replicas that come and go are orders."""
        assert self._following is not None
        self._on_order = on_order
        self._following.on_change = self._changed
        for target in self._sent:
            self._changed(target)

    def _changed(self, target: Target) -> None:
        assert self._following is not None
        replicas = self._following.found.get(target, {})
        if self._on_order is not None and replicas != self._sent[target]:
            self._sent[target] = replicas
            self._on_order(self._route(target, replicas))

    def report(self, message: Any) -> None:
        """What a supervisor would be told is for probes, and for who reads the log."""
        if 'ready' in message:
            self._opened(message['ready'])
        elif 'stopping' in message:
            self.health.reason = 'draining'
            self._on_order = None
            _log.info('the gateway is about to end')
        elif 'failed' in message:
            self.fail(from_data(message['failed']))

    def offer(self, message: Any) -> None:
        """Nobody scales anything by it: the metrics tell the same."""

    def _opened(self, ports: Mapping[str, int]) -> None:
        self.health.reason = ''
        host = self._start.spec.host
        where = ', '.join(f'{protocol} {host}:{port}' for protocol, port in ports.items())
        facts = {'ports': dict(ports), 'health': self.health.address}
        _log.info('the gateway is ready: %s', where, extra=facts)
        if self._notices is not None:
            self._notices.post(ports)

    def fail(self, error: BaseException) -> None:
        """It has not started, and never will."""
        self.health.reason = 'failed'
        self._status = 1
        self._tell(error)

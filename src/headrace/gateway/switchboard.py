"""Orders in; out, the handler of a whole Flow, whose calls go where the orders say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from headrace.errors import Unavailable
from headrace.gateway import elsewhere
from headrace.gateway.elsewhere import Elsewhere
from headrace.gateway.orders import ROUTED_S, Load, Open, Route, Target
from headrace.gateway.problems import DESERTED, GIVEN_UP
from headrace.gateway.upstream import Accepts, Upstream
from headrace.pipeline import Graph, Handler, Node
from headrace.pipeline.assembly import assembled
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.replicas import Replicas
from headrace.pipeline.spans import FLUSH_S, requested, visit
from headrace.pipeline.versions import Version, Versions
from headrace.spec import ExecutorSpec
from headrace.spec.versions import MAIN, split, versions_of
from headrace.wire import Connection
from headrace.wire.tls import Contexts

if TYPE_CHECKING:
    from headrace.observe.tracing.tracing import Tracing

REACHED_S = 1.0
"""How long an external executor may take to be connected, for who asks whether it is."""

LOOK_EVERY_S = 0.005

MOST_REASONS = 3
"""Of many replicas that cannot be reached, so many different reasons are told."""

_log = logging.getLogger(__name__)


class Line:
    """The replicas of one target, as one handler, and the connections to them."""

    def __init__(
        self, replicas: Replicas, tls: Contexts | None = None, accepts: Accepts | None = None
    ) -> None:
        self.replicas = replicas
        self._tls = tls
        self._accepts = accepts
        self.upstreams: dict[str, Upstream] = {}
        self.failed = self.deserted = ''
        self._was_there = False

    @property
    def is_there(self) -> bool:
        """Whether at least one replica is connected; one that has been silent for a moment may be busy."""
        return any(upstream.state in ('healthy', 'suspect') for upstream in self.upstreams.values())

    @property
    def may_be_back(self) -> bool:
        """Whether a replica has been there, and may be again before anybody gives it up."""
        was_there = self._was_there or any(upstream.was_there for upstream in self.upstreams.values())
        return was_there and not self.deserted and not self.failed

    @property
    def is_complete(self) -> bool:
        """Whether all replicas are there and well."""
        states = [upstream.state for upstream in self.upstreams.values()]
        return bool(states) and all(state == 'healthy' for state in states)

    def begin(self, route: Route) -> tuple[list[Upstream], list[Upstream]]:
        """Begin to connect to those that are new; they and those that shall go are returned."""
        new = []
        for key, address in route.replicas.items():
            if key not in self.upstreams:
                upstream = Upstream(address, self.replicas, key, self._tls, accepts=self._accepts)
                self.upstreams[key] = upstream
                upstream.start()
                new.append(upstream)
        old = [self.upstreams.pop(key) for key in list(self.upstreams) if key not in route.replicas]
        self._was_there = self._was_there or any(upstream.was_there for upstream in old)
        self.failed = route.failed
        if route.failed:
            self.replicas.fail(route.failed)
        else:
            self.replicas.recover()
        return new, old


class Switchboard:
    """The executors of a Flow as one `handler`; `report` is told when an order has been carried out.

    What they do is recorded with `tracing`, if anything is; that ends with `close`. `accepts` says what is
    wrong with a worker that answers for a target; without it, who answers is who was meant.
    """

    def __init__(
        self,
        order: Open,
        report: Callable[[object], None],
        *,
        floating_timeout_s: float | None = None,
        tls: Contexts | None = None,
        tracing: Tracing | None = None,
        accepts: Callable[[Target, Connection], str] | None = None,
    ) -> None:
        self._report = report
        self._tracing = tracing
        self._stop_s = order.timeout_stop_s
        self._is_patient = order.is_patient
        self._executors = {executor.name: executor for executor in order.executors}
        self._lines: dict[Target, Line] = {}
        self._works: set[asyncio.Task[None]] = set()
        infos = {info.name: info for info in order.info.executors}
        own = {name: each for info in infos.values() for name, each in info.by_version.items()}
        for route in order.routes:
            replicas = _replicas(route.target, order.executors, own)
            fits = None if accepts is None else partial(accepts, route.target)
            self._lines[route.target] = Line(replicas, tls, fits)
        self._externals = {
            executor.name: elsewhere.called(executor, infos.get(executor.name))
            for executor in order.executors
            if executor.external
        }
        self._versions: dict[str, Versions] = {}
        nodes = [self._node(executor, infos.get(executor.name)) for executor in order.executors]
        self.graph = Graph(nodes, floating_timeout_s=floating_timeout_s)
        self.handler: Handler = requested(self.graph, tracing)
        for route in order.routes:
            self._lines[route.target].begin(route)

    def _node(self, executor: ExecutorSpec, info: ExecutorInfo | None) -> Node:
        if executor.join or executor.external:
            external = visit(self._externals.get(executor.name), self._tracing, executor.name)
            return Node.of(executor, external, info)
        infos = {} if info is None else info.by_version
        versions = {
            name: self._version(version, infos.get(version.name))
            for name, version in versions_of(executor).items()
        }
        if len(versions) == 1:
            return Node.of(executor, versions[MAIN].handler, info)
        self._versions[executor.name] = handler = Versions.of(executor, versions, info)
        return Node.of(executor, handler, info)

    def _version(self, executor: ExecutorSpec, info: ExecutorInfo | None) -> Version:
        """An executor, or one version of it."""
        lines = {target: line for target, line in self._lines.items() if target.executor == executor.name}
        parts: dict[str, Handler] = {target.part: line.replicas for target, line in lines.items()}
        shards = [line.replicas for target, line in sorted(lines.items()) if not target.part]
        handler = assembled(executor, info, shards, parts.get('before'), parts.get('after'))
        recorded = visit(handler, self._tracing, executor.name)
        return Version(executor.name, recorded, [line.replicas for line in lines.values()])

    def weigh(self, executor: str, weights: Mapping[str, float]) -> None:
        """From now on these are the shares of the versions of an executor."""
        self._versions[executor].weigh(weights)

    def weights(self) -> dict[str, dict[str, float]]:
        """The shares of the versions of each executor that has several."""
        return {name: handler.weights for name, handler in self._versions.items()}

    def learn(self, name: str, info: ExecutorInfo) -> None:
        """A version of an executor offers this, which was not known when the Flow began."""
        for target, line in self._lines.items():
            if target.executor == name and not target.part:
                line.replicas.retrial.learn(info)
        executor, version = split(name)
        own = versions_of(self._executors[executor])[version]
        self._versions[executor].put(version, self._version(own, info))

    async def connected(self, within_s: float | None, *, anyway: bool, unless: asyncio.Event) -> None:
        """Wait until all replicas answer; if one has none by then, Unavailable (not with `anyway`).

        No longer than until `unless` is set. If there is no end to it (None), until there is one for each.
        """
        try:
            async with asyncio.timeout(within_s):
                while not (unless.is_set() or self._is_complete or (within_s is None and not self.missing)):  # noqa: ASYNC110 (short)
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            if self.missing and not anyway:
                raise Unavailable(
                    f'no replica of {", ".join(self.missing)} answered within {within_s:g} s',
                    help='look at what they printed last',
                ) from None

    @property
    def missing(self) -> list[str]:
        """Who has no replica that is well, and nobody who stands in for it."""
        ready = self.at_work
        return [
            str(target)
            for target, line in self._lines.items()
            if not line.is_there and not ready[split(target.executor)[0]]
        ]

    @property
    def at_work(self) -> dict[str, bool]:
        """Whether each executor that runs here has the replicas that it needs, at this moment."""
        return self._ready(lambda line: line.is_there)

    @property
    def able(self) -> dict[str, bool]:
        """Whether each executor that runs here can work.

        One that nobody starts again is given the time in which it may be back, if somebody watches over that
        (see `desert`).
        """
        return self._ready(lambda line: line.is_there or (self._is_patient and line.may_be_back))

    def _ready(self, is_well: Callable[[Line], bool]) -> dict[str, bool]:
        """Whether each executor has a version that gets requests, and of which every shard is well."""
        whole: dict[str, bool] = {}
        for target, line in self._lines.items():
            whole[target.executor] = whole.get(target.executor, True) and is_well(line)
        ready: dict[str, bool] = {}
        for name, is_whole in whole.items():
            executor, version = split(name)
            versions = self._versions.get(executor)
            is_used = versions is None or versions.weights[version] > 0
            ready[executor] = ready.get(executor, False) or (is_whole and is_used)
        return ready

    @property
    def refused(self) -> dict[Target, str]:
        """Who has nobody but workers that are not accepted, and why."""
        found = {}
        for target, line in self._lines.items():
            reasons = [upstream.misfit for upstream in line.upstreams.values()]
            if reasons and all(reasons):
                found[target] = reasons[-1]
        return found

    def desert(self, target: Target, reason: str, message: str, help: str) -> None:
        """Refuse calls to a target, as long as it has no replica: `reason` is its state."""
        self._lines[target].deserted = reason
        self._lines[target].replicas.fail(message, help=help)

    def trust(self, target: Target) -> None:
        """Let calls wait for a target again, should it lose its last replica."""
        self._lines[target].deserted = ''
        self._lines[target].replicas.recover()

    def refusals(self, target: Target) -> list[str]:
        """Why replicas of a target are not used or cannot be reached, each reason once."""
        upstreams = self._lines[target].upstreams.values()
        told = [upstream.misfit or upstream.refusal or 'it does not answer' for upstream in upstreams]
        return list(dict.fromkeys(told))[:MOST_REASONS]

    @property
    def _is_complete(self) -> bool:
        return all(line.is_complete for line in self._lines.values())

    def follow(self, route: Route) -> None:
        """Begin to carry out an order; it is reported when that is done."""
        line = self._lines.get(route.target)
        if line is None:
            _log.error('there is no %s in this Flow', route.target)
            self._report({'routed': route.number})
            return
        new, old = line.begin(route)
        work = asyncio.ensure_future(self._carry_out(route.number, new, old))
        self._works.add(work)
        work.add_done_callback(self._works.discard)

    async def _carry_out(self, number: int, new: list[Upstream], old: list[Upstream]) -> None:
        if new:
            try:
                await asyncio.gather(*(upstream.open(timeout_s=ROUTED_S) for upstream in new))
            except Unavailable as error:  # it goes on trying; who waits must not wait for ever
                _log.warning('%s', error.message)
        closed = await asyncio.gather(*(upstream.close(self._stop_s) for upstream in old))
        if not all(closed):
            _log.warning('a replica was taken out with calls that did not end within %g s', self._stop_s)
        self._report({'routed': number})

    async def close(self, grace_s: float) -> None:
        """Let floating work finish, disconnect, then send what was recorded."""
        await self.graph.close(grace_s)
        for work in self._works:
            work.cancel()
        await asyncio.gather(
            *(upstream.close() for line in self._lines.values() for upstream in line.upstreams.values()),
            *(external.close() for external in self._externals.values()),
        )
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close, FLUSH_S)

    @property
    def targets(self) -> dict[Target, Replicas]:
        """The replicas that are called, by what they do."""
        return {target: line.replicas for target, line in self._lines.items()}

    @property
    def externals(self) -> Mapping[str, Elsewhere]:
        """The executors that run elsewhere, by name."""
        return self._externals

    async def ready(self) -> dict[str, bool]:
        """Whether each executor can work."""
        ready = self.able
        for name, external in self._externals.items():
            ready[name] = await external.is_ready(REACHED_S)
        return ready

    def states(self) -> dict[str, dict[str, str]]:
        """The state of every replica, by executor and name; also of what has none any more."""
        states: dict[str, dict[str, str]] = {}
        for target, line in self._lines.items():
            of_it = states.setdefault(split(target.executor)[0], {})
            of_it |= {key: upstream.state for key, upstream in line.upstreams.items()}
            if line.failed and not line.is_there:
                of_it[str(target)] = f'{GIVEN_UP}{line.failed}'
            elif line.deserted and not line.is_there:
                of_it[str(target)] = f'{DESERTED}{line.deserted}'
        return states

    def load(self) -> Mapping[str, Load]:
        """What each executor has to do; of one with shards, what the busiest shard has."""
        loads: dict[str, Load] = {}
        for target, line in self._lines.items():
            load = Load(line.replicas.outstanding, line.replicas.waiting)
            known = loads.get(target.executor)
            if not target.part and (known is None or load.total > known.total):
                loads[target.executor] = load
        return loads


def _replicas(
    target: Target, executors: tuple[ExecutorSpec, ...], infos: Mapping[str, ExecutorInfo]
) -> Replicas:
    spec = next(executor for executor in executors if executor.name == split(target.executor)[0])
    info = None if target.part else infos.get(target.executor)
    return Replicas(
        str(target), info=info, retries=spec.retries, max_queue=spec.max_queue, sticky=spec.sticky
    )

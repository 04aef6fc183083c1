"""All processes of one executor: the replicas of each of its shards, and what comes before and after them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from headrace.gateway.orders import Target
from headrace.pipeline.assembly import described
from headrace.pipeline.describe import ExecutorInfo
from headrace.places.replica import Replica
from headrace.places.routing import Routes
from headrace.places.starting import Starter
from headrace.places.waiting import all_of, to_its_end
from headrace.spec import ExecutorSpec, FlowSpec, ProcessPlan
from headrace.spec.plan import process, processes
from headrace.worker.sources import Stamps

KILL_AFTER_S = 1.0
"""What a process gets on top of its own grace before it is killed."""


class Crew:
    """The processes of one executor. They are kept alive; their number and their code can change.

    `routes` are told which of them serve; `on_failure` is told when one of them is given up.
    """

    def __init__(
        self, flow: FlowSpec, name: str, starter: Starter, *, directory: str, on_failure: Callable[[], None]
    ) -> None:
        self.flow = flow
        self.name = name
        self.info: ExecutorInfo | None = None
        self.routes: list[Routes] = []
        self._starter = starter
        self._directory = directory
        self._on_failure = on_failure
        self._replicas: dict[Target, list[Replica]] = {}
        for plan in processes(flow, self.spec, directory=directory):
            self._replicas.setdefault(_target(plan), []).append(self._made(plan))

    @property
    def spec(self) -> ExecutorSpec:
        """What the executor is to be."""
        return self.flow[self.name]

    @property
    def size(self) -> int:
        """Replicas of each shard."""
        return max(len(replicas) for target, replicas in self._replicas.items() if not target.part)

    @property
    def files(self) -> Stamps:
        """The files that its code was loaded from, as they were then; only with `reload`."""
        return {path: stamp for each in self if each.worker for path, stamp in each.worker.files.items()}

    @property
    def failed(self) -> str:
        """Why the executor cannot work any more: all replicas of a part of it are given up; '' if it can."""
        reasons = ([each.failed for each in replicas] for replicas in self._replicas.values())
        return next((failed[-1] for failed in reasons if failed and all(failed)), '')

    def __iter__(self) -> Iterator[Replica]:
        for replicas in self._replicas.values():
            yield from replicas

    def _made(self, plan: ProcessPlan) -> Replica:
        target = _target(plan)
        return Replica(self._starter, self.flow, plan, lambda: self._changed(target))

    # Its start, its end

    async def spawn(self) -> None:
        """Start every process; they load the executor."""
        for replica in self:
            await replica.spawn()

    async def describe(self) -> ExecutorInfo:
        """What the executor offers, as all its processes say that have been spawned."""
        infos = await all_of(replica.describe() for replica in self)
        parts = {replica.plan.part: info for replica, info in zip(self, infos, strict=True)}
        self.info = described(self.spec, parts[''], parts.get('before'), parts.get('after'))
        return self.info

    async def construct(self) -> None:
        """Let every process construct its executor, and keep all of them alive from then on."""
        await all_of(replica.construct() for replica in self)
        for replica in self:
            replica.keep()

    async def described_as(self, flow: FlowSpec) -> ExecutorInfo:
        """What the executor would offer as it is in `flow`; nothing changes."""
        spec = flow[self.name]
        one_of_each = replace(spec, replicas=1, shards=1)
        plans = list(processes(flow, one_of_each, directory=self._directory))
        infos = await all_of(self._starter.described(flow, plan) for plan in plans)
        parts = {plan.part: info for plan, info in zip(plans, infos, strict=True)}
        return described(spec, parts[''], parts.get('before'), parts.get('after'))

    async def start(self) -> None:
        """Start every process, and keep them alive; if one cannot be started, none is."""
        try:
            await all_of(replica.start() for replica in self)
        except BaseException:
            await self.stop(0)
            raise
        for replica in self:
            replica.keep()

    async def stop(self, grace_s: float) -> None:
        """End every process."""
        await asyncio.gather(*(replica.stop(grace_s) for replica in self))

    async def release(self) -> None:
        """Start nothing again from now on."""
        await asyncio.gather(*(replica.release() for replica in self))

    # Its routes

    def _changed(self, target: Target) -> None:
        self.publish(target)
        if self.failed:
            self._on_failure()

    def attach(self, routes: Routes) -> None:
        """Tell `routes` too where calls go, now and whenever that changes."""
        self.routes.append(routes)
        for target in self._replicas:
            routes.send(target, *self._route(target))

    def detach(self, routes: Routes) -> None:
        """Do not tell `routes` any more, if they were told."""
        if routes in self.routes:
            self.routes.remove(routes)

    def publish(self, target: Target, *others: Replica) -> asyncio.Future[Any]:
        """Let calls go to those replicas that serve, and to `others`; done when every gateway does so."""
        route = self._route(target, *others)
        return asyncio.gather(*(routes.send(target, *route) for routes in self.routes))

    def _route(self, target: Target, *others: Replica) -> tuple[dict[str, str], str]:
        """The addresses of those that serve, and if that can be nobody any more, why."""
        replicas = [*self._replicas[target], *others]
        serving = {
            replica.worker.key: replica.worker.address
            for replica in replicas
            if replica.is_serving and replica.worker is not None
        }
        reasons = [replica.failed for replica in replicas]
        return serving, reasons[-1] if reasons and all(reasons) else ''

    # Its number

    async def scale(self, flow: FlowSpec, count: int) -> None:
        """Have `count` replicas of every shard, as they are in `flow`."""
        self.flow = flow
        targets = [target for target in self._replicas if not target.part]
        await self._grow({target: self._missing(target, count) for target in targets})
        await all_of(self._shrink(target, count) for target in targets)

    def _missing(self, target: Target, count: int) -> list[Replica]:
        taken = {replica.plan.replica for replica in self._replicas[target]}
        free = [number for number in range(count + len(taken)) if number not in taken]
        return [self._made(self._plan(target, number)) for number in free[: max(0, count - len(taken))]]

    def _plan(self, target: Target, replica: int) -> ProcessPlan:
        _, part, shard = target
        return process(
            self.flow, self.spec, part=part, shard=shard, replica=replica, directory=self._directory
        )

    async def _grow(self, fresh: dict[Target, list[Replica]]) -> None:
        made = [replica for replicas in fresh.values() for replica in replicas]
        try:
            await all_of(replica.start() for replica in made)
        except BaseException:
            await asyncio.gather(*(replica.stop(0) for replica in made))
            raise
        for target, replicas in fresh.items():
            self._replicas[target] += replicas
        for replica in made:
            replica.keep()
        await all_of(self.publish(target) for target in fresh)

    async def _shrink(self, target: Target, count: int) -> None:
        """Take out those that do not serve, then those with the highest numbers."""
        replicas = self._replicas[target]
        ranked = sorted(replicas, key=lambda each: (not each.is_serving, each.plan.replica))
        await to_its_end(asyncio.gather(*(self._retire(target, each) for each in ranked[count:])))

    async def _retire(self, target: Target, replica: Replica) -> None:
        """Give a replica no more calls, wait for those that it has, end it."""
        await replica.release()
        if replica in self._replicas[target]:
            self._replicas[target].remove(replica)
        await self.publish(target)
        await replica.stop(self.flow.timeout_stop_s + KILL_AFTER_S)

    # Its level of logging

    def log_level(self, flow: FlowSpec) -> None:
        """Have every process log as it is in `flow`, also those that are started again."""
        self.flow = flow
        for replica in self:
            replica.log_as(flow)

    # Its code and arguments

    async def roll(self, flow: FlowSpec) -> None:
        """Replace every process by one as `flow` wants it, one after the other, while calls go on.

        If one cannot be started, those before it are replaced back, and its error is raised.
        """
        before, self.flow = self.flow, flow
        try:
            for old in list(self):
                await self._swap(old)
        except BaseException:
            self.flow = before
            for fresh in reversed([each for each in self if each.flow is flow]):
                await self._swap(fresh)
            raise

    async def _swap(self, old: Replica) -> None:
        """Start another replica in the place of `old`; only when calls go there, `old` gets no more."""
        target = _target(old.plan)
        fresh = self._made(self._plan(target, old.plan.replica))
        try:
            await fresh.start()
            await self.publish(target, fresh)
        except BaseException:
            self.publish(target)
            await fresh.stop(0)
            raise
        replicas = self._replicas[target]
        replicas[replicas.index(old)] = fresh
        fresh.keep()
        await to_its_end(self._retire(target, old))

    def __repr__(self) -> str:
        return f'<Crew of {self.name}: {list(self)}>'


def _target(plan: ProcessPlan) -> Target:
    return Target(plan.executor, plan.part, plan.shard)

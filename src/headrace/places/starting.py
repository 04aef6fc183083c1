"""What a process shall be in, a worker that is ready to serve out; it knows every worker that lives."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import msgspec

from headrace.errors import StartError
from headrace.pipeline.describe import ExecutorInfo
from headrace.places.accounts import Accounts
from headrace.places.child import Child
from headrace.places.containers import Containers
from headrace.places.outputs import Outputs
from headrace.places.restarts import End
from headrace.places.shipping import worker_order
from headrace.spec import FlowSpec, ProcessPlan
from headrace.spec.container import image_of
from headrace.spec.devices import Devices, replica_env
from headrace.spec.environment import variables
from headrace.spec.parts import part_of
from headrace.spec.plan import environment_of
from headrace.wire.address import parse
from headrace.worker.sources import Stamps

DONE = frozenset(['called', 'served'])
"""What a worker reports while it serves."""

MAIN = 'headrace.worker.process:main'


class Worker:
    """One process that runs one replica of an executor, from its spawn to its end.

    `key` is what gateways call it: no two processes of a Flow have the same, not even one after the other.
    """

    def __init__(self, plan: ProcessPlan, key: str, address: str, child: Child) -> None:
        self.plan = plan
        self.key = key
        self.address = address
        self.child = child
        self.files: Stamps = {}
        self._ready_at: float | None = None
        self._done: set[str] = set()

    async def described(self) -> ExecutorInfo:
        """What the executor offers; nothing is constructed yet."""
        message = await reported(self.child, self.plan)
        try:
            self.files = msgspec.convert(message.get('files', {}), Stamps)
            return msgspec.convert(message['described'], ExecutorInfo)
        except (KeyError, msgspec.ValidationError) as error:
            raise StartError(
                f'{self.child.name} does not describe what it offers: {error}',
                help='let it run a worker of this headrace',
            ) from None

    async def construct(self) -> None:
        """Go on, and wait until it serves."""
        self.child.order('construct')
        message = await reported(self.child, self.plan)
        if not isinstance(message.get('ready'), str):
            raise StartError(
                f'{self.child.name} does not say where it can be called',
                help='let it run a worker of this headrace',
            )
        self.address = message['ready']
        self._ready_at = time.monotonic()
        self.child.follow(lambda report: self._done.update(report.keys() & DONE))

    async def ended(self) -> End:
        """Wait for its end."""
        how = await self.child.ended()
        return End(
            how,
            ready_s=None if self._ready_at is None else time.monotonic() - self._ready_at,
            called='called' in self._done,
            served='served' in self._done,
            was_killed=self.child.status in (-SIGKILL, -SIGTERM),
        )

    def __repr__(self) -> str:
        return f'<Worker {self.key} {self.child}>'


class Starter:
    """Starts the workers of one Flow, up to its end; `on_change` is told when one comes or goes.

    Each start of a replica listens at an address of its own, so that no call for one that has ended, or that
    is on its way out, reaches the next.
    """

    def __init__(
        self,
        devices: Devices,
        on_change: Callable[[], None],
        directory: str = '',
        outputs: Outputs | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self.accounts = accounts or Accounts()
        self.workers: set[Worker] = set()
        self.is_closed = False
        self._devices = devices
        self._on_change = on_change
        self._directory = directory
        self._outputs = outputs
        self._starts: Counter[str] = Counter()
        self._containers = Containers(directory)

    @property
    def pids(self) -> tuple[int, ...]:
        """The numbers of all processes that run executors."""
        return tuple(worker.child.pid for worker in self.workers)

    async def spawn(self, flow: FlowSpec, plan: ProcessPlan) -> Worker:
        """A new process that loads the executor and then describes it."""
        if self.is_closed:
            raise StartError(f'executor {plan.name!r} is not started: the Flow ends')
        self._starts[plan.name] += 1
        number = self._starts[plan.name]
        key, address = plan.name, plan.address
        if number > 1:
            key = f'{key}#{number}'
            if address.endswith('.sock'):  # on TCP each takes a free port
                address = f'{address.removesuffix(".sock")}.{number}.sock'
        tap = self._outputs.tap(plan.name, plan.executor) if self._outputs else None
        env = self._env(flow, plan)
        if image_of(part_of(flow[plan.executor], plan.part).uses):
            child: Child = await self._containers.start(flow, plan, env, key=key, tap=tap)
        else:
            order = worker_order(flow, plan, address=address, directory=self._directory)
            child = await Child.spawn(f'executor {plan.name!r}', MAIN, env, tap)
            child.order(msgspec.to_builtins(order))
        worker = Worker(plan, key, address, child)
        self.workers.add(worker)
        self._on_change()
        return worker

    async def start(self, flow: FlowSpec, plan: ProcessPlan) -> Worker:
        """A new process that serves; raises what went wrong, and then it is gone."""
        worker = await self.spawn(flow, plan)
        try:
            await worker.described()
            await worker.construct()
        except BaseException:
            self.end(worker)
            raise
        return worker

    async def described(self, flow: FlowSpec, plan: ProcessPlan) -> ExecutorInfo:
        """What a process would offer: one that is ended before anything is constructed."""
        worker = await self.spawn(flow, plan)
        try:
            return await worker.described()
        finally:
            self.end(worker)

    async def stop(self, worker: Worker, grace_s: float) -> None:
        """Ask a worker to finish; after `grace_s` it is killed."""
        try:
            await worker.child.stop(grace_s)
        finally:
            self.end(worker)

    def end(self, worker: Worker) -> None:
        """End a worker for certain; its socket goes with it, as each start has another."""
        worker.child.kill()
        family, path, _ = parse(worker.address)
        if family == 'unix':
            Path(path).unlink(missing_ok=True)
        if worker in self.workers:
            self.workers.discard(worker)
            self._on_change()

    def abort(self) -> None:
        """End every worker, now, and start none any more."""
        self.is_closed = True
        for worker in self.workers:
            worker.child.kill()
        self.workers.clear()

    async def close(self) -> None:
        """Wait until nothing is left of those that were ended."""
        await self._containers.close()

    def _env(self, flow: FlowSpec, plan: ProcessPlan) -> dict[str, str]:
        env = environment_of(flow, plan)
        if flow[plan.executor].reload:
            env['PYTHONDONTWRITEBYTECODE'] = '1'  # it knows changes within a second by their size only
        if not plan.part:
            around = {**variables(), **env}
            env |= replica_env(flow[plan.executor], plan.shard, plan.replica, self._devices, around)
        return env


async def reported(child: Child, plan: ProcessPlan) -> Any:
    """The next report of a process that starts, within the time that it has for that."""
    try:
        async with asyncio.timeout(plan.timeout_ready_s):
            return await child.message()
    except TimeoutError:
        raise StartError(
            f'{child.name} was not ready after {plan.timeout_ready_s:g} s',
            help='if it only needs longer to load, raise timeout_ready_s of the Flow or the executor',
        ) from None

"""Local: one process for the gateway and one per executor, all on this machine."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from headrace.errors import StartError
from headrace.gateway.orders import Open, Start, Upstream
from headrace.pipeline import Handler
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.places.blueprints import check_types
from headrace.places.child import Child
from headrace.places.shipping import worker_order
from headrace.spec import FlowSpec, PhysicalPlan, ProcessPlan, order, plan
from headrace.spec.environment import read, variables
from headrace.spec.paths import anchored

KILL_AFTER_S = 1.0
"""What a process gets on top of its own grace before it is killed."""


class Local:
    """A Flow that runs as processes of this machine; they end with this process, however it ends."""

    def __init__(self, spec: FlowSpec) -> None:
        self.info = FlowInfo(spec.name, (), ())
        self.host = spec.gateway.host
        self.ports: Mapping[str, int] = {}
        self.handler: Handler | None = None
        self.home = asyncio.get_running_loop()
        self._spec = spec
        self._directory = ''
        self._children: dict[str, Child] = {}

    @classmethod
    async def start(cls, spec: FlowSpec) -> Local:
        """Start every process in parallel and wait until the gateway's doors are open.

        Raises the first error that a process reports, or StartError when `timeout_ready_s` is over; nothing
        keeps running then.
        """
        flow = cls(spec)
        flow._directory = tempfile.mkdtemp(prefix='headrace-', dir=read().runtime_root())
        try:
            await flow._start(plan(spec, directory=flow._directory))
        except BaseException:
            flow._abort()
            raise
        return flow

    async def _start(self, physical: PhysicalPlan) -> None:
        workers = {process.executor: process for process in physical.workers}
        gateway = next(process for process in physical.processes if process.role == 'gateway')
        await self._spawn(gateway, workers.values())
        self._children['gateway'].order(
            msgspec.to_builtins(Start(anchored(self._spec.gateway, self._spec.base), self._directory))
        )
        for worker in workers.values():
            self._children[worker.name].order(msgspec.to_builtins(self._order_for(worker)))
        infos: dict[str, ExecutorInfo] = {
            name: msgspec.convert(data, ExecutorInfo)
            for name, data in (await self._reports(workers.values(), 'described')).items()
        }
        self.info = check_types(self._spec, infos)
        for worker in workers.values():
            self._children[worker.name].order('construct')
        addresses = await self._reports(workers.values(), 'ready')
        upstreams = tuple(
            Upstream(each.name, each.needs, addresses[each.name], self._children[each.name].pid)
            if each.name in addresses
            else Upstream(each.name, each.needs)
            for each in order(self._spec)
        )
        self._children['gateway'].order(
            msgspec.to_builtins(
                Open(
                    self.info, upstreams, gateway.timeout_ready_s, self._spec.timeout_stop_s, self._directory
                )
            )
        )
        self.ports = (await self._reports([gateway], 'ready'))['gateway']

    async def _spawn(self, gateway: ProcessPlan, workers: Iterable[ProcessPlan]) -> None:
        # The gateway first: it has the most to import.
        # gRPC's C core prints what we report ourselves, such as a port that is taken.
        quiet = {'GRPC_VERBOSITY': 'NONE', **variables(), **gateway.env}
        self._children['gateway'] = await Child.spawn('the gateway', 'headrace.gateway.process:main', quiet)
        for worker in workers:
            self._children[worker.name] = await Child.spawn(
                f'executor {worker.name!r}', 'headrace.worker.process:main', worker.env
            )

    def _order_for(self, worker: ProcessPlan) -> Any:
        return worker_order(self._spec, worker, address=worker.address)

    async def _reports(self, processes: Iterable[ProcessPlan], key: str) -> dict[str, Any]:
        """The next report of each process; the first that fails ends the wait for all."""

        async def report(process: ProcessPlan) -> Any:
            child = self._children[process.name]
            try:
                async with asyncio.timeout(process.timeout_ready_s):
                    return await child.report(key)
            except TimeoutError:
                raise StartError(
                    f'{child.name} was not ready after {process.timeout_ready_s:g} s',
                    help='if it only needs longer to load, raise timeout_ready_s of the Flow or the executor',
                ) from None

        processes = list(processes)
        tasks = [asyncio.ensure_future(report(process)) for process in processes]
        try:
            results = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return {process.name: result for process, result in zip(processes, results, strict=True)}

    async def stop(self) -> None:
        """Close the doors, let accepted requests finish, then end every process."""
        grace_s = self._spec.timeout_stop_s + KILL_AFTER_S
        try:
            await self._children['gateway'].stop(grace_s)
            workers = [child for name, child in self._children.items() if name != 'gateway']
            await asyncio.gather(*(child.stop(grace_s) for child in workers))
        finally:
            self._abort()

    def _abort(self) -> None:
        for child in self._children.values():
            child.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    async def watch(self) -> str:
        """Wait until one of the processes is gone and say which, and how."""
        waits = [asyncio.ensure_future(self._gone(child)) for child in self._children.values()]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for wait in waits:
                wait.cancel()

    @staticmethod
    async def _gone(child: Child) -> str:
        return f'{child.name} ended ({await child.ended()})'

    def __repr__(self) -> str:
        return f'<Local {list(self._children.values())}>'

"""Local: a Flow as processes of this machine, one per replica, started again when they end."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping

from headrace.gateway.orders import Load
from headrace.pipeline import Handler
from headrace.pipeline.describe import FlowInfo
from headrace.places.blueprints import check_types
from headrace.places.crew import KILL_AFTER_S, Crew
from headrace.places.devices import devices_for
from headrace.places.front import Front, Ports
from headrace.places.starting import Starter
from headrace.places.waiting import all_of
from headrace.spec import FlowSpec, order, plan
from headrace.spec.devices import Devices
from headrace.spec.environment import read


class Local:
    """A Flow that runs as processes of this machine; they end with this process, however it ends."""

    def __init__(self, spec: FlowSpec, directory: str, devices: Devices) -> None:
        self.info = FlowInfo(spec.name, (), ())
        self.host = spec.gateway.host
        self.handler: Handler | None = None
        self.home = asyncio.get_running_loop()
        self.spec = spec
        self._directory = directory
        self._failure = asyncio.Event()
        self._starter = Starter(devices, self._tell)
        self._crews: dict[str, Crew] = {}
        self._ports: Ports | None = None
        self._front: Front | None = None

    @classmethod
    async def start(cls, spec: FlowSpec) -> Local:
        """Start every process in parallel and wait until the gateway's doors are open.

        Raises the first error that a process reports, or StartError when `timeout_ready_s` is over; nothing
        keeps running then.
        """
        plan(spec)  # a wrong Flow shall start nothing
        devices = await devices_for(spec)
        flow = cls(spec, tempfile.mkdtemp(prefix='headrace-', dir=read().runtime_root()), devices)
        try:
            await flow._start()
        except BaseException:
            await flow._abort()
            raise
        return flow

    async def _start(self) -> None:
        self._ports = Ports(self.spec)
        self._front = self._new_front(self.spec)
        # The gateway first: it has the most to import.
        await self._front.spawn(self.spec)
        for executor in order(self.spec):
            if not (executor.join or executor.external):
                self._crews[executor.name] = crew = self._new_crew(self.spec, executor.name)
                crew.attach(self._front.routes)
        for crew in self._crews.values():
            for replica in crew:
                await replica.spawn()
        infos = await all_of(crew.describe() for crew in self._crews.values())
        self.info = check_types(self.spec, {info.name: info for info in infos})
        await all_of(crew.construct() for crew in self._crews.values())
        await self._front.open(self.spec, self.info)

    def _new_front(self, spec: FlowSpec) -> Front:
        assert self._ports is not None
        return Front(
            plan(spec),
            self._ports,
            directory=self._directory,
            pids=lambda: self._starter.pids,
            on_failure=self._failure.set,
            on_load=self._on_load,
        )

    def _new_crew(self, spec: FlowSpec, name: str) -> Crew:
        return Crew(spec, name, self._starter, directory=self._directory, on_failure=self._failure.set)

    @property
    def ports(self) -> Mapping[str, int]:
        """The port of each protocol."""
        return self._front.ports if self._front is not None else {}

    def _tell(self) -> None:
        if self._front is not None:
            self._front.routes.tell(self._starter.pids)

    def _on_load(self, gateway: str, load: Mapping[str, Load]) -> None:
        """What a gateway says that its executors have to do."""

    async def stop(self) -> None:
        """Close the doors, let accepted requests finish, then end every process."""
        grace_s = self.spec.timeout_stop_s + KILL_AFTER_S
        self._starter.is_closed = True
        try:
            await asyncio.gather(*(crew.release() for crew in self._crews.values()))
            if self._front is not None:
                await self._front.stop(grace_s)
            await asyncio.gather(*(crew.stop(grace_s) for crew in self._crews.values()))
        finally:
            await self._abort()

    async def _abort(self) -> None:
        """End everything, now."""
        self._starter.abort()
        if self._front is not None:
            self._front.abort()
        if self._ports is not None:
            self._ports.close()
        shutil.rmtree(self._directory, ignore_errors=True)
        await asyncio.gather(*(crew.release() for crew in self._crews.values()))
        if self._front is not None:
            await self._front.release()

    async def watch(self) -> str:
        """Wait until an executor or every gateway is given up, and say why."""
        while True:
            await self._failure.wait()
            reasons = [crew.failed for crew in self._crews.values()]
            if self._front is not None:
                reasons.append(self._front.failed)
            if any(reasons):
                return next(filter(None, reasons))
            self._failure.clear()

    def __repr__(self) -> str:
        return f'<Local {self._front} {list(self._crews.values())}>'

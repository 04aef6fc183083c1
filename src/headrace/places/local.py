"""Local: a Flow as processes of this machine, one per replica, started again when they end."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence

from headrace.gateway.orders import Processes, nameless
from headrace.gateway.profiling import Profiled
from headrace.gateway.security.keys import new_key
from headrace.observe import log
from headrace.observe.metrics.store import Store
from headrace.pipeline import Handler
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.pipeline.offer import check_types
from headrace.places.accounts import Accounts
from headrace.places.care import Care
from headrace.places.control import Control, Record, SetLevel, SetWeights
from headrace.places.crew import KILL_AFTER_S, Crew
from headrace.places.devices import devices_for
from headrace.places.elsewhere import described_elsewhere
from headrace.places.front import Front, Ports
from headrace.places.levels import with_level
from headrace.places.loads import Loads
from headrace.places.noticeboard import PREFIX, Board, Notice, Process
from headrace.places.outputs import Outputs
from headrace.places.running import Change
from headrace.places.starting import Starter
from headrace.places.waiting import all_of, to_its_end
from headrace.recording.writing import Written
from headrace.spec import ExecutorSpec, FlowSpec, order, plan
from headrace.spec.devices import Devices
from headrace.spec.environment import colours, read
from headrace.spec.exposure import check_dashboard, check_files, check_security
from headrace.spec.observe import LogLevel, RecordSpec
from headrace.spec.paths import anchored
from headrace.spec.records import GATEWAY
from headrace.spec.secrets import check_secrets
from headrace.spec.versions import each_version, shares, split, versioned, weighed, with_version


class Local:
    """A Flow that runs as processes of this machine; they end with this process, however it ends."""

    def __init__(self, spec: FlowSpec, directory: str, devices: Devices) -> None:
        self.info = FlowInfo(spec.name, (), ())
        self.host = spec.gateway.host
        self.handler: Handler | None = None
        self.home = asyncio.get_running_loop()
        self.spec = spec
        self.ports: Mapping[str, int] = {}
        self.crews: dict[str, Crew] = {}  # one for each version of an executor
        self._infos: dict[str, ExecutorInfo] = {}
        self.loads = Loads()
        self._directory = directory
        self._board = Board(directory)
        self._failure = asyncio.Event()
        logs = spec.observe.logs
        self._outputs = Outputs(
            directory,
            log.look(logs.format, sys.stderr, colours=colours()),
            flow='' if spec.name == log.DEFAULT_FLOW else spec.name,
            keep_bytes=logs.keep_bytes,
        )
        self._accounts = Accounts(directory if spec.observe.metrics.enabled else '')
        self._starter = Starter(devices, self._tell, directory, self._outputs, self._accounts)
        self._control = Control(directory, self._ordered)
        self._reserved = Ports()
        self.key, self._owner = '', None  # what opens all doors to the process that has made them
        if spec.gateway.security.authenticates:
            self.key, self._owner = new_key('owner')
        self._fronts: list[Front] = []  # the present one last; before it, one that it takes over from
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._care = Care(self)

    # Its start

    @classmethod
    async def start(cls, spec: FlowSpec) -> Local:
        """Start every process in parallel and wait until the gateway's doors are open.

        Raises the first error that a process reports, or StartError when `timeout_ready_s` is over; nothing
        keeps running then.
        """
        plan(spec)  # a wrong Flow shall start nothing
        check_security(spec.gateway)
        check_dashboard(spec.observe.dashboard, spec.gateway)
        check_files(anchored(spec.gateway, spec.base).security)
        check_secrets(spec)
        devices = await devices_for(spec)
        flow = cls(spec, tempfile.mkdtemp(prefix=PREFIX, dir=read().runtime_root()), devices)
        try:
            await flow._start()
        except BaseException:
            await flow._abort()
            raise
        return flow

    async def _start(self) -> None:
        self._reserved.take(self.spec)
        self.ports = self._reserved.numbers
        front = await self._new_front(self.spec)  # first: it has the most to import
        for executor in each_version(order(self.spec)):
            if not (executor.join or executor.external):
                self.crews[executor.name] = crew = self._new_crew(self.spec, executor.name)
                crew.attach(front.routes)
        for crew in self.crews.values():
            await crew.spawn()
        infos = await all_of(crew.describe() for crew in self.crews.values())
        elsewhere = await described_elsewhere(self.spec)
        self._infos = {**{info.name: info for info in infos}, **elsewhere}
        self.info = check_types(self.spec, self._infos)
        await all_of(crew.construct() for crew in self.crews.values())
        await front.open(self.spec, self.info)
        self._post()
        self._care.look_after(self.spec)
        await self._control.open()

    async def _ordered(self, order: SetLevel | Record) -> object:
        if isinstance(order, SetLevel):
            await self.log_level(order.name, order.level)
            return None
        if isinstance(order, SetWeights):
            return await self._weighed(order)
        await self.record(order.spec)
        try:
            await asyncio.sleep(order.seconds)
        finally:
            written = await self.record(None)
        return written

    async def _new_front(self, spec: FlowSpec) -> Front:
        front = Front(
            plan(spec),
            self._reserved,
            directory=self._directory,
            owner=self._owner,
            pids=lambda: self._starter.pids,
            on_change=self._changed,
            on_load=self.loads.put,
            outputs=self._outputs,
        )
        front.accounts = self._accounts
        self._fronts.append(front)
        await front.spawn(spec)
        return front

    def _new_crew(self, spec: FlowSpec, name: str) -> Crew:
        return Crew(spec, name, self._starter, directory=self._directory, on_failure=self._failure.set)

    def _tell(self) -> None:
        for front in self._fronts:
            front.routes.tell(Processes(self._starter.pids))
        self._post()

    def _changed(self) -> None:
        self._failure.set()
        self._post()

    def _post(self) -> None:
        """Let others on this machine know which processes there are."""
        running = [process for front in self._fronts for process in front.processes]
        for worker in self._starter.workers:
            running.append(Process(worker.plan.name, worker.plan.executor, worker.child.pid))
        processes = tuple(sorted(running, key=lambda process: process.name))
        self._accounts.running(process.pid for process in processes)
        self._board.post(
            Notice(
                flow=self.spec.name,
                pid=os.getpid(),
                host=self.host,
                ports=self.ports,
                processes=processes,
                dashboard_host=self.spec.observe.dashboard.host,
            )
        )

    @property
    def stores(self) -> tuple[Store, ...]:
        """What this process counts in, beside the others."""
        return () if self._accounts.store is None else (self._accounts.store,)

    async def profile(self, most: int) -> list[Profiled]:
        """Keep where the time of requests goes, of so many at most; what was kept until now."""
        return await self._fronts[-1].profile(most)

    async def record(self, spec: RecordSpec | None) -> Written:
        """Have every gateway record requests as `spec` says, or (None) no more; what became of them."""
        async with self._locks['']:  # no gateway is replaced meanwhile
            return await self._fronts[-1].record(spec)

    # What changes while it runs

    async def scale(self, name: str, change: Change) -> None:
        """Have as many replicas as `change` says; if they are two numbers, as many as there are between."""
        async with self._lock(name):
            await self._resize(change(self.spec), self.crews[name].size)

    async def resize(self, name: str, size: int) -> None:
        """Have `size` replicas, of those that the executor may have."""
        async with self._lock(name):
            await self._resize(self.spec[name], size)

    def _lock(self, name: str) -> asyncio.Lock:
        """Of an executor with all its versions: only one at a time of these changes."""
        return self._locks[split(name)[0]]

    async def _resize(self, executor: ExecutorSpec, size: int) -> None:
        size = min(max(size, executor.least), executor.most)
        await self.crews[executor.name].scale(with_version(self.spec, executor), size)
        self._adopt(executor, self.info)

    async def update(self, name: str, change: Change) -> None:
        """Replace every process of an executor by one as `change` describes it, while requests go on.

        Everything is checked before anything changes: what it offers has to fit the rest of the Flow. If it
        is not the same as before, or a setting changes that gateways act upon, they are replaced too.
        """
        async with self._lock(name):
            executor, crew = change(self.spec), self.crews[name]
            info = await crew.described_as(with_version(self.spec, executor))
            is_known = self._offer(executor, info) == self.info
            if is_known and nameless(executor) == nameless(self.spec[name]):
                await crew.roll(with_version(self.spec, executor))
                await self._resize(executor, crew.size)
            else:
                async with self._locks['']:
                    await self._replace(executor, info)
            self._infos[name] = info

    def _offer(self, executor: ExecutorSpec, info: ExecutorInfo) -> FlowInfo:
        """What the Flow offers with another executor in the place of one; SpecError if it does not fit."""
        return check_types(with_version(self.spec, executor), {**self._infos, executor.name: info})

    async def weigh(self, name: str, change: Change) -> None:
        """Divide the requests among the versions of an executor as `change` says, from now on."""
        async with self._lock(name), self._locks['']:  # no gateway is replaced meanwhile
            executor = change(self.spec)
            self._adopt(executor, self.info)
            await asyncio.gather(*(front.weigh(name, shares(executor)) for front in self._fronts))

    async def _weighed(self, order: SetWeights) -> dict[str, float]:
        """The shares of the versions of an executor, after they were set if there are any in the order."""
        if order.weights:
            await self.weigh(order.name, lambda spec: weighed(spec, order.name, order.weights))
        return shares(versioned(self.spec, order.name))

    async def log_level(self, name: str, level: LogLevel) -> None:
        """Log from `level` on: every process of an executor, or those of the gateway."""
        async with self._locks[''] if name == GATEWAY else self._lock(name):
            if name == GATEWAY:
                for front in self._fronts:
                    front.log_level(level)
            else:
                executor = with_level(self.spec, name, level)
                self.crews[name].log_level(with_version(self.spec, executor))
                self._adopt(executor, self.info)

    async def _replace(self, executor: ExecutorSpec, info: ExecutorInfo) -> None:
        """Start an executor anew, and gateways that know it, beside those that there are; then end these."""
        spec, offer = with_version(self.spec, executor), self._offer(executor, info)
        crew = self._new_crew(spec, executor.name)
        others = [each for each in self.crews.values() if each.name != executor.name]
        try:
            await crew.start()
            front = await self._new_front(spec)
            for each in (crew, *others):
                each.attach(front.routes)
            await front.open(spec, offer)
        except BaseException:
            for front in self._fronts[1:]:
                for each in others:
                    each.detach(front.routes)
                await front.stop(0)
            del self._fronts[1:]
            await crew.stop(0)
            raise
        before, self.crews[executor.name] = self.crews[executor.name], crew
        self._adopt(executor, offer)
        await to_its_end(self._retire(self._fronts[0], before, others))

    async def _retire(self, front: Front, crew: Crew, others: Sequence[Crew]) -> None:
        """End gateways whose ports others have by now, and then those that only they call."""
        grace_s = self.spec.timeout_stop_s + KILL_AFTER_S
        await front.leave(grace_s)
        for each in others:
            each.detach(front.routes)
        self._fronts.remove(front)
        await crew.stop(grace_s)

    def _adopt(self, executor: ExecutorSpec, info: FlowInfo) -> None:
        self.spec = with_version(self.spec, executor)
        self.info = info
        self._fronts[-1].offer(self.spec, info)
        self._care.look_after(self.spec)

    # Its end

    async def stop(self) -> None:
        """Close the doors, let accepted requests finish, then end every process."""
        grace_s = self.spec.timeout_stop_s + KILL_AFTER_S
        self._starter.is_closed = True
        self._accounts.close()
        try:
            await self._care.close()
            await asyncio.gather(*(crew.release() for crew in self.crews.values()))
            await asyncio.gather(*(front.stop(grace_s) for front in self._fronts))
            await asyncio.gather(*(crew.stop(grace_s) for crew in self.crews.values()))
        finally:
            await self._abort()

    async def _abort(self) -> None:
        """End everything, now."""
        self._accounts.close()
        self._starter.abort()
        for front in self._fronts:
            front.abort()
        self._reserved.close()
        self._control.close()
        shutil.rmtree(self._directory, ignore_errors=True)
        self._board.close()
        await self._care.close()
        await asyncio.gather(*(crew.release() for crew in self.crews.values()))
        await asyncio.gather(*(front.release() for front in self._fronts))
        await self._starter.close()
        await asyncio.to_thread(self._outputs.close)

    async def watch(self) -> str:
        """Wait until an executor, or every gateway, is given up, and say why."""
        while True:
            await self._failure.wait()
            failed = [crew.failed for crew in self.crews.values()]
            reason = next(filter(None, [*failed, *(front.failed for front in self._fronts)]), '')
            if reason:
                return reason
            self._failure.clear()

    def __repr__(self) -> str:
        return f'<Local {self._fronts} {list(self.crews.values())}>'

"""What a gateway knows of its Flow in, what the dashboard tells out; nothing is done while nobody looks.

But for two small things: the slowest and the failed requests are kept (`ring`), and every ten seconds one
point of each curve (`history`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Protocol

from headrace._version import __version__
from headrace.gateway.dashboard import figures, sums
from headrace.gateway.dashboard.graph import drawn
from headrace.gateway.dashboard.history import EVERY_S, Curves
from headrace.gateway.dashboard.records import Logs, Plan, Requests, State
from headrace.gateway.dashboard.shared import Shared
from headrace.gateway.entrance import Entrance, States
from headrace.gateway.setting import Setting, Weights
from headrace.observe import logfiles
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.reading import Snapshot
from headrace.pipeline.describe import FlowInfo
from headrace.spec import ExecutorSpec, GatewaySpec
from headrace.spec.observe import DashboardSpec
from headrace.spec.versions import names_of

_log = logging.getLogger(__name__)

FRESH_S = 0.5
"""A reading is used again for so long: many who look cost no more than one."""
MOST_LINES = 2000
AS_EVER = DashboardSpec()
DEFAULT_LINES = 200


class Readable(Protocol):
    """What gives all metrics of a Flow."""

    def snapshot(self) -> Snapshot:
        """All metrics as they are; files may be read."""


class Watch:
    """What is told of one Flow by one of its gateways; figures are those of all its processes."""

    def __init__(
        self,
        info: FlowInfo,
        gateway: GatewaySpec,
        executors: tuple[ExecutorSpec, ...] = (),
        *,
        metrics: Readable | None = None,
        states: States | None = None,
        weights: Weights | None = None,
        directory: str = '',
        dashboard: DashboardSpec = AS_EVER,
    ) -> None:
        self.path = dashboard.path
        self._is_apart = dashboard.is_apart
        self._info = info
        self._gateway = gateway
        self._executors = executors or tuple(ExecutorSpec(name=each.name) for each in info.executors)
        self._metrics = metrics
        self._states = states
        self._directory = directory
        self.requests = Shared(directory)
        self._worked = tuple(each.name for each in self._executors if not each.join)
        self._weights = weights
        self._curves = Curves(self._worked, {each.name: names_of(each) for each in self._executors})
        self._fresh: tuple[float, Snapshot] | None = None
        self._reading = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Keep the curves from now on."""
        if self._metrics is not None:
            self._keeping = asyncio.get_running_loop().create_task(self._keep(), name='dashboard history')

    def close(self) -> None:
        """Do nothing more."""
        if self._keeping is not None:
            self._keeping.cancel()
        self.requests.close()

    async def _keep(self) -> None:
        while True:
            try:
                self._curves.add(time.time(), await self._snapshot())
            except Exception:  # a point is missing: that is no reason for all others to be
                _log.exception("a point of the dashboard's curves could not be made")
            await asyncio.sleep(EVERY_S)

    async def _snapshot(self) -> Snapshot:
        async with self._reading:
            now = time.monotonic()
            if self._fresh is None or now - self._fresh[0] > FRESH_S:
                metrics = self._metrics
                snapshot = Snapshot({}) if metrics is None else await asyncio.to_thread(metrics.snapshot)
                self._fresh = time.monotonic(), snapshot
            return self._fresh[1]

    def plan(self) -> Plan:
        """What does not change while the Flow runs."""
        info = self._info
        return Plan(
            name=info.name,
            title=self._title,
            description=info.description,
            wide=drawn(info.name, self._executors, self._gateway),
            tall=drawn(info.name, self._executors, self._gateway, tall=True),
            tries='http' in self._gateway.protocols and not self._is_apart,
            measures=self._metrics is not None,
            endpoints=tuple(endpoint.name for endpoint in info.endpoints),
        )

    @property
    def _title(self) -> str:
        return self._gateway.title or self._info.title or self._info.name

    async def state(
        self,
        status: str,
        ready: Mapping[str, bool],
        problems: Mapping[str, str],
        *,
        uptime_s: float,
        with_history: bool = False,
    ) -> State:
        """How the Flow is now; `ready` says of each executor whether it can work, if that is known."""
        snapshot, states = await self._snapshot(), self._replicas()
        weights = self._weights() if self._weights is not None else {}
        requests, refused, failed = figures.answered(snapshot)
        executors = tuple(
            figures.executor(
                snapshot,
                name,
                states.get(name, {}),
                is_ready=ready.get(name, True),
                weights=weights.get(name),
            )
            for name in self._worked
        )
        return State(
            at=time.time(),
            name=self._info.name,
            title=self._title,
            headrace=__version__,
            uptime_s=round(uptime_s, 3),
            status=status,
            problems=dict(problems),
            requests=requests,
            refused=refused,
            failed=failed,
            in_flight=sums.count(snapshot, catalogue.IN_FLIGHT),
            documents=round(sums.distribution(snapshot, catalogue.REQUEST_DOCUMENTS).sum),
            took=sums.distribution(snapshot, catalogue.REQUEST_SECONDS),
            doors=figures.doors(snapshot, self._gateway.protocols),
            endpoints=figures.endpoints(snapshot, (each.name for each in self._info.endpoints)),
            executors=executors,
            history=self._curves.history() if with_history else None,
        )

    async def ended(self, named: str = '') -> Requests:
        """The slowest requests, and those that went wrong."""
        return await asyncio.to_thread(self.requests.read, time.time(), named)

    async def lines(
        self, process: str = '', level: str = '', request: str = '', limit: int = DEFAULT_LINES
    ) -> Logs:
        """The last lines of the logs; those of a Flow without a folder are not kept."""
        processes = await self._processes()
        if not self._directory:
            return Logs(processes=processes)
        found = await asyncio.to_thread(
            logfiles.tail,
            self._directory,
            process or None,
            level=level or None,
            request_id=request or None,
            limit=max(1, min(limit, MOST_LINES)),
        )
        return Logs(lines=tuple(found), processes=processes)

    async def _processes(self) -> tuple[str, ...]:
        """The names of all processes that may have written lines."""
        known = {name for name, _ in (await self._snapshot()).processes}
        known |= {key.partition('#')[0] for each in self._replicas().values() for key in each}
        return tuple(sorted(known - {''}))

    def _replicas(self) -> Mapping[str, Mapping[str, str]]:
        return self._states() if self._states is not None else {}


def watch_of(entrance: Entrance, setting: Setting) -> Watch:
    """The watch of the gateway that has this entrance."""
    return Watch(
        entrance.info,
        entrance.spec,
        setting.executors,
        metrics=entrance.metrics,
        states=entrance.states,
        weights=setting.weights,
        directory=setting.directory,
        dashboard=setting.observe.dashboard,
    )

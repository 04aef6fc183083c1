"""The front door of a Flow: its gateway processes, which share its ports."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from headrace.gateway.orders import Load, Open, Start, Tell, nameless
from headrace.gateway.ports import DASHBOARD, reserved
from headrace.gateway.profiling import Profiled
from headrace.gateway.security.keys import Key
from headrace.pipeline.describe import FlowInfo
from headrace.places.accounts import Accounts
from headrace.places.gateway import Gateway
from headrace.places.noticeboard import Process
from headrace.places.outputs import Outputs
from headrace.places.routing import Routes
from headrace.places.waiting import all_of
from headrace.recording.writing import Written
from headrace.spec import GATEWAY, FlowSpec, PhysicalPlan, order
from headrace.spec.gateway import door_of
from headrace.spec.observe import LogLevel, RecordSpec
from headrace.spec.paths import anchored, anchored_observe
from headrace.spec.plan import environment_of
from headrace.spec.versions import each_version

LOAD_EVERY_S = 0.5
"""How often gateways report what the executors have to do, if one of them grows and shrinks with it."""

REOPEN_S = 2.0
"""How long a gateway that comes back waits for executors before it opens its doors without them."""


LINGER_S = 2.0
"""How long clients of gateways that are replaced have to connect to the new ones."""


class Ports:
    """The ports of a Flow, kept for it as long as it runs, whether or not a gateway listens."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}
        self._protocols: tuple[str, ...] = ()
        self._dashboard: socket.socket | None = None

    def take(self, spec: FlowSpec) -> None:
        """Reserve those that the Flow wants, or free ones; StartError if one cannot be had."""
        self._protocols = spec.gateway.protocols
        for door, port in spec.gateway.doors.items():
            self._sockets[door] = reserved(spec.gateway.host, port, protocol=door)
        dashboard = spec.observe.dashboard
        if dashboard.is_apart:
            self._dashboard = reserved(dashboard.host, dashboard.port or 0, protocol=DASHBOARD)

    @property
    def of_doors(self) -> tuple[int, ...]:
        """The port of each door."""
        return tuple(each.getsockname()[1] for each in self._sockets.values())

    @property
    def of_dashboard(self) -> int | None:
        """The port of the dashboard, if it has one of its own."""
        return None if self._dashboard is None else self._dashboard.getsockname()[1]

    @property
    def numbers(self) -> dict[str, int]:
        """The port of each protocol, and that of the dashboard if it has one of its own."""
        by_door = dict(zip(self._sockets, self.of_doors, strict=True))
        numbers = {protocol: by_door[door_of(protocol)] for protocol in self._protocols}
        return numbers if self.of_dashboard is None else {**numbers, DASHBOARD: self.of_dashboard}

    def close(self) -> None:
        """Give them back."""
        for each in (*self._sockets.values(), self._dashboard):
            if each is not None:
                each.close()


def load_every_s(flow: FlowSpec) -> float:
    """How often gateways should report the load of the executors; 0: nobody wants to know."""
    return LOAD_EVERY_S if any(each.most > each.least for each in each_version(flow.executors)) else 0.0


class Front:
    """The gateways of a Flow, all alike; `routes` says where the calls go that come in here.

    `on_change` is told when a gateway is given up or comes anew, `on_load` what its executors have to do;
    `accounts` of each that is started again.
    """

    def __init__(
        self,
        physical: PhysicalPlan,
        ports: Ports,
        *,
        directory: str,
        owner: Key | None,
        pids: Callable[[], tuple[int, ...]],
        on_change: Callable[[], None],
        on_load: Callable[[object, Mapping[str, Load]], None],
        outputs: Outputs | None = None,
    ) -> None:
        self.routes = Routes()
        self.accounts: Accounts | None = None
        self._ports = ports
        self._directory = directory
        self._owner = owner
        self._pids = pids
        self._flow = FlowSpec()
        self._info = FlowInfo('', (), ())
        self._plans = physical.gateways
        self._on_change = on_change
        self._on_load = on_load
        self._outputs = outputs
        self._gateways: list[Gateway] = []

    @property
    def failed(self) -> str:
        """Why nobody can call the Flow any more: every gateway is given up; '' if one is not."""
        reasons = [gateway.failed for gateway in self._gateways]
        return reasons[-1] if reasons and all(reasons) else ''

    @property
    def processes(self) -> tuple[Process, ...]:
        """The gateways that run now."""
        running = ((each.plan.name, each.child) for each in self._gateways)
        return tuple(Process(name, GATEWAY, child.pid) for name, child in running if child is not None)

    async def spawn(self, spec: FlowSpec) -> None:
        """Start the processes; they load what the doors need."""
        doors = anchored(spec.gateway, spec.base)
        doors = replace(doors, ports=self._ports.of_doors)
        observe = anchored_observe(spec)
        if observe.dashboard.is_apart:
            dashboard = replace(observe.dashboard, port=self._ports.of_dashboard)
            observe = replace(observe, dashboard=dashboard)
        for plan in self._plans:
            first = Start(doors, self._directory, spec.name, self._owner, observe, plan.name)
            gateway = Gateway(
                plan,
                first,
                self._order,
                env=environment_of(spec, plan),
                on_change=self._on_change,
                on_load=self._on_load,
                outputs=self._outputs,
                accounts=self.accounts,
            )
            self._gateways.append(gateway)
            await gateway.spawn()
        self.routes.listeners.extend(self._gateways)

    async def open(self, flow: FlowSpec, info: FlowInfo) -> None:
        """Open the doors, when every executor can work, and keep the processes alive."""
        self.offer(flow, info)
        await all_of(gateway.open() for gateway in self._gateways)
        for gateway in self._gateways:
            gateway.keep()

    async def profile(self, most: int) -> list[Profiled]:
        """Have every gateway keep where the time of requests goes, of so many at most; what they kept."""
        kept = await asyncio.gather(*(gateway.profile(most) for gateway in self._gateways))
        return [request for requests in kept for request in requests]

    async def weigh(self, executor: str, weights: Mapping[str, float]) -> None:
        """Have every gateway divide the requests of an executor among its versions like this."""
        await asyncio.gather(*(gateway.weigh(executor, weights) for gateway in self._gateways))

    async def record(self, spec: RecordSpec | None) -> Written:
        """Have every gateway record requests, or (None) none of them; what became of the requests.

        Raises what one of them raises, and then none of those begins to record.
        """
        results = await asyncio.gather(
            *(gateway.record(spec) for gateway in self._gateways), return_exceptions=True
        )
        failed = [each for each in results if isinstance(each, BaseException)]
        if failed and spec is not None:
            begun = [g for g, each in zip(self._gateways, results, strict=True) if isinstance(each, Written)]
            await asyncio.gather(*(gateway.record(None) for gateway in begun))
        if failed:
            raise failed[0]
        return sum((each for each in results if isinstance(each, Written)), Written())

    def offer(self, flow: FlowSpec, info: FlowInfo) -> None:
        """What gateways that start from now on are to serve; those that run are told what to report."""
        self._flow, self._info = flow, info
        self.routes.tell(Tell(load_every_s(flow)))

    def log_level(self, level: LogLevel) -> None:
        """Have every gateway log from this level on, also those that are started again."""
        for gateway in self._gateways:
            gateway.log_level(level)

    def _order(self, is_first: bool) -> Open:
        flow = self._flow
        return Open(
            info=self._info,
            executors=tuple(nameless(executor, flow.base) for executor in order(flow)),
            routes=tuple(self.routes.current.values()),
            pids=self._pids(),
            wait_s=flow.timeout_ready_s if is_first else REOPEN_S,
            timeout_stop_s=flow.timeout_stop_s,
            anyway=not is_first,
            load_every_s=load_every_s(flow),
            directory=self._directory,
        )

    async def release(self) -> None:
        """Start none of them again."""
        await asyncio.gather(*(gateway.release() for gateway in self._gateways))

    async def stop(self, grace_s: float) -> None:
        """Close the doors; what was accepted may finish for `grace_s`."""
        await asyncio.gather(*(gateway.stop(grace_s) for gateway in self._gateways))

    async def leave(self, grace_s: float) -> None:
        """Let the next front take over, and end."""
        await asyncio.gather(*(gateway.leave(grace_s, LINGER_S) for gateway in self._gateways))

    def abort(self) -> None:
        """End every gateway, now."""
        for gateway in self._gateways:
            gateway.end()

    def __repr__(self) -> str:
        return f'<Front {self._gateways}>'

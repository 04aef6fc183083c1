"""A handler and a gateway's spec in, a running server with one port per protocol out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol

from headrace.gateway.entrance import Entrance, Readiness, States
from headrace.gateway.ports import DASHBOARD
from headrace.gateway.profiling import Profiler
from headrace.gateway.requestlog import log_requests
from headrace.gateway.security.keys import Key
from headrace.gateway.setting import NOTHING, Setting
from headrace.pipeline.describe import FlowInfo
from headrace.pipeline.handler import Handler
from headrace.spec import GatewaySpec
from headrace.spec.exposure import check_dashboard, check_security
from headrace.spec.gateway import door_of
from headrace.spec.observe import DashboardSpec

DOORS = {'grpc': 'headrace.gateway.grpc.server', 'http': 'headrace.gateway.http.server'}
"""The module of each door; only what is asked for is imported: they are most of a gateway's start."""

WATCH = 'headrace.gateway.dashboard.watch'
METRICS = 'headrace.gateway.metrics'
"""What measures, which takes a while to import, too."""


class Door(Protocol):
    """One port, and the protocols that are served there."""

    port: int

    def drain(self) -> None:
        """Say to who asks that it is about to end, and go on."""

    async def stop(self, grace_s: float, linger_s: float = 0.0) -> None:
        """Accept nothing more, let what was accepted finish for `grace_s` seconds, then end it.

        Before, clients have `linger_s` to learn that they should connect anew, if they need it.
        """


class GatewayServer:
    """The running doors of a Flow: `ports` has the number of each, `admission` what they hold together.

    `profiler` says where the time of requests goes.
    """

    def __init__(self, entrance: Entrance, doors: dict[str, Door]) -> None:
        self.admission = entrance.admission
        self.profiler = Profiler(entrance.observer)
        self._entrance = entrance
        self._doors = doors

    @property
    def ports(self) -> dict[str, int]:
        """Where each protocol is served, and the dashboard if it has a port of its own."""
        doors: dict[str, str] = {name: door_of(name) for name in self._entrance.spec.protocols}
        named = {name: self._doors.get(door) for name, door in {**doors, DASHBOARD: DASHBOARD}.items()}
        return {name: door.port for name, door in named.items() if door is not None}

    @property
    def metrics(self) -> Any:
        """What tells what is measured here; None if nothing is."""
        return self._entrance.metrics

    def drain(self) -> None:
        """Say to who asks, and to clients with their answers, that it is about to end; and go on."""
        for door in self._doors.values():
            door.drain()

    async def stop(self, grace_s: float = 5.0, linger_s: float = 0.0) -> None:
        """Close every door: accepted requests have `grace_s` seconds to finish, the rest is cancelled.

        With `linger_s` others take over: open connections are used that long, and ended in good order.
        """
        doors, self._doors = self._doors, {}
        results = await asyncio.gather(
            *(door.stop(grace_s, linger_s) for door in doors.values()), return_exceptions=True
        )
        self._entrance.close()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def __repr__(self) -> str:
        return f'<GatewayServer {", ".join(f"{name} on {port}" for name, port in self.ports.items())}>'


async def serve(
    handler: Handler,
    info: FlowInfo,
    spec: GatewaySpec,
    *,
    ready: Readiness | None = None,
    states: States | None = None,
    owner: Key | None = None,
    shared: bool = False,
    setting: Setting = NOTHING,
) -> GatewayServer:
    """Open the doors for every protocol of `spec`, with `handler` behind each of them.

    `ready` is asked whenever somebody wants to know whether the Flow can work; without it, it always can.
    `states` tells the replicas to who wants to know more. `owner` is a key that opens everything. With
    `shared` other processes may open doors on the same ports. `setting` is what else there is around.
    Raises StartError if a port cannot be had, SpecError if everybody could come in from elsewhere; nothing
    stays open then.
    """
    dashboard = setting.observe.dashboard
    check_security(spec)
    check_dashboard(dashboard, spec)
    entrance = Entrance.into(
        handler,
        info,
        spec,
        ready=ready,
        states=states,
        owner=owner,
        metrics=_metrics(info, setting),
        directory=setting.directory,
    )
    entrance = replace(entrance, watch=_watch(entrance, setting))
    log_requests(entrance.observer, setting.observe.logs)
    doors = await _opened(entrance, dashboard, shared=shared)
    if entrance.metrics is not None:
        if setting.look is not None:
            entrance.observer.looks.append(setting.look)
        entrance.metrics.begin()
    if entrance.watch is not None:
        entrance.watch.begin()
    return GatewayServer(entrance, doors)


async def _opened(entrance: Entrance, dashboard: DashboardSpec, *, shared: bool) -> dict[str, Door]:
    """Every door of the gateway, and of the dashboard if it has its own; all of them or none."""
    doors: dict[str, Door] = {}
    try:
        inside = replace(entrance, watch=None) if dashboard.is_apart else entrance
        for name, port in entrance.spec.doors.items():
            start: Any = import_module(DOORS[name]).start
            doors[name] = await start(inside, port, shared=shared)
        if dashboard.is_apart:
            show: Any = import_module(DOORS['http']).start_dashboard
            doors[DASHBOARD] = await show(entrance, dashboard, shared=shared)
    except BaseException:
        await GatewayServer(entrance, doors).stop(0)
        raise
    return doors


def _watch(entrance: Entrance, setting: Setting) -> Any:
    """What the dashboard tells; None if there is none, or no port for it."""
    spec = setting.observe.dashboard
    if not (spec.is_apart or (spec.enabled and 'http' in entrance.spec.doors)):
        return None
    watch = import_module(WATCH).watch_of(entrance, setting)
    entrance.observer.listen(watch.requests.note)
    return watch


def _metrics(info: FlowInfo, setting: Setting) -> Any:
    """What is measured, and told of it; None if nothing is."""
    spec = setting.observe.metrics
    return import_module(METRICS).metrics_of(info, spec, setting.store) if spec.enabled else None

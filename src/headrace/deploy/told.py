"""A FlowSpec and one of its members in; out, what that member is told of the Flow: a FlowSpec again.

The gateway is told how requests go, a worker what it runs; neither has arguments, variables or places of
others. What is at home on this machine (folders, ports that are taken when it starts, devices) is replaced by
what a container has.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields, replace

from headrace.deploy.members import Member
from headrace.deploy.secretfiles import with_secret_files
from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec
from headrace.spec.image import DATA, DOORS, HEALTH_PORT
from headrace.spec.observe import DashboardSpec, ObserveSpec, RecordSpec
from headrace.spec.references import without
from headrace.spec.security import SecuritySpec
from headrace.spec.versions import MAIN, OF_MAIN, SHARED, split

DASHBOARD = 'dashboard'
"""The door of a dashboard that has a port of its own."""

FREE = {**DOORS, DASHBOARD: 8500}
"""The ports of doors that take a free one at home."""

PRIVILEGED = 1024
"""Ports below this one belong to root, which no container is run as."""

RUNNING = (
    *('uses', 'uses_with', 'uses_metas', 'uses_requests', 'uses_dynamic_batching', 'py_modules'),
    *('timeout_ready_s', 'allow_concurrent', 'allow_uris', 'replicas', 'log_level'),
)
"""Settings of an executor that only its own workers act upon."""

PLACING = (
    *('env', 'env_from_secret', 'workspace', 'gpus', 'threads', 'reload'),
    *('image', 'volumes', 'entrypoint', 'cpus', 'memory', 'storage', 'kubernetes'),
)
"""Settings of an executor that are about its container: who starts that has acted upon them."""

ITSELF = ('uses', 'uses_with', 'uses_metas', 'uses_requests', 'uses_dynamic_batching')
"""Settings that are about an executor, and not about what comes before or after its shards."""

SHAPE = ('name', 'needs', 'join', 'floating')
"""Settings of an executor that all others know."""


class Door(Struct, frozen=True, kw_only=True):
    """A port of the gateway: `inside` in its container, `outside` as the Flow names it."""

    name: str
    inside: int
    outside: int
    tls: bool


def told_to(spec: FlowSpec, member: Member) -> FlowSpec:
    """What a member of a Flow is told of it.

    >>> flow = FlowSpec(executors=(ExecutorSpec(name='a', uses_with={'x': 1}), ExecutorSpec(name='b')))
    >>> told_to(flow, Member(name='b', spec=flow['b'], target='b', executor='b'))['a'].uses_with
    {}
    """
    if member.is_gateway:
        executors = tuple(_seen(each) for each in spec.executors)
        gateway = _opened(spec)
    else:
        executors = tuple(
            _run(each, member, spec.base)
            if each.name == split(member.executor)[0]
            else ExecutorSpec(**{name: getattr(each, name) for name in SHAPE})
            for each in spec.executors
        )
        locked = with_secret_files(SecuritySpec(workers=spec.gateway.security.workers), for_gateway=False)
        gateway = GatewaySpec(security=locked)
    return replace(
        spec,
        executors=executors,
        gateway=gateway,
        workspace=None,
        env={},
        place='local',
        observe=_observed(spec, for_gateway=member.is_gateway),
        from_environment=without(spec.from_environment, ('name', 'env', 'workspace')),
    )


def doors_of(spec: FlowSpec) -> tuple[Door, ...]:
    """The ports of a gateway in a container: its doors, and that of a dashboard which has one of its own.

    >>> [(door.name, door.inside, door.outside) for door in doors_of(FlowSpec())]
    [('grpc', 50051, 50051)]
    """
    wanted, taken, found = dict(spec.gateway.doors), {HEALTH_PORT}, []
    if spec.observe.dashboard.is_apart:
        wanted[DASHBOARD] = spec.observe.dashboard.port or 0
    for name, port in wanted.items():
        outside = port or FREE[name]
        inside = outside if outside >= PRIVILEGED else outside + 8000
        while inside in taken:
            inside += 1
        taken.add(inside)
        tls = spec.gateway.security.tls is not None
        found.append(Door(name=name, inside=inside, outside=outside, tls=tls))
    if len({door.outside for door in found}) < len(found):
        raise SpecError(f'gateway: {" and ".join(wanted)} would have the same port', help='name them all')
    return tuple(found)


def is_abroad(path: str, base: str) -> bool:
    """Whether a path leads out of the folder of the Flow, so that images do not have it.

    >>> is_abroad('page', '/shop'), is_abroad('/shop/page', '/shop'), is_abroad('../page', '/shop')
    (False, False, True)
    """
    inside = os.path.normpath(_relative(path, base))
    return os.path.isabs(inside) or inside.split(os.sep)[0] == os.pardir


def _opened(spec: FlowSpec) -> GatewaySpec:
    """A gateway that the network of its container reaches; who else does is decided around it."""
    gateway, base = spec.gateway, spec.base
    security = with_secret_files(replace(gateway.security, audit=''), for_gateway=True)
    return replace(
        gateway,
        host='0.0.0.0',
        insecure=not security.authenticates,
        ports=tuple(door.inside for door in doors_of(spec) if door.name != DASHBOARD),
        replicas=1,
        static={path: _relative(folder, base) for path, folder in gateway.static.items()},
        apps={path: _relative_module(name, base) for path, name in gateway.apps.items()},
        uses=gateway.uses and _relative_module(gateway.uses, base),
        security=security,
        **_defaults(GatewaySpec, ('image', 'cpus', 'memory', 'env_from_secret', 'kubernetes')),
        from_environment=without(gateway.from_environment, ('image',)),
    )


def _observed(spec: FlowSpec, *, for_gateway: bool) -> ObserveSpec:
    """What is to be seen of a member; gateways alone have a dashboard, and record requests."""
    observe = spec.observe
    if not for_gateway:
        return replace(observe, record=RecordSpec(), dashboard=DashboardSpec())
    if observe.record.path:
        path = f'{DATA}/{PurePosixPath(observe.record.path).name}'
        observe = replace(observe, record=replace(observe.record, path=path))
    port = next((door.inside for door in doors_of(spec) if door.name == DASHBOARD), None)
    if port is not None:
        observe = replace(observe, dashboard=replace(observe.dashboard, port=port, host='0.0.0.0'))
    return observe


def _seen(executor: ExecutorSpec) -> ExecutorSpec:
    """An executor as a gateway sees it, and the names of its versions."""
    versions = {
        name: replace(_without(version, (*RUNNING, *PLACING)), from_environment=())
        for name, version in executor.versions.items()
    }
    # shares are in a file of their own: others start no gateway anew
    return replace(_without(executor, (*RUNNING, *PLACING, 'weights')), versions=versions)


def _run(executor: ExecutorSpec, member: Member, base: str) -> ExecutorSpec:
    """An executor as its worker sees it, and of its versions only the one that runs there."""
    unsaid = (*PLACING, *(ITSELF if member.part else ()), 'replicas')
    version = split(member.executor)[1]
    if version == MAIN:
        return _portable(_without(executor, (*unsaid, *OF_MAIN[1:])), base)
    told = _portable(_without(executor.versions[version], unsaid), base)
    shared = {name: getattr(executor, name) for name in SHARED if name not in OF_MAIN[1:]}
    return ExecutorSpec(**shared, versions={version: told})


def _without(executor: ExecutorSpec, names: tuple[str, ...]) -> ExecutorSpec:
    """An executor with the default of some settings; its name and needs are those that they are here."""
    references = without(executor.from_environment, (*names, 'name', 'needs'))
    return replace(executor, **_defaults(ExecutorSpec, names), from_environment=references)


def _defaults(record: type[Struct], names: tuple[str, ...]) -> dict[str, object]:
    known = {field.name: field for field in fields(record)}
    return {
        name: known[name].default if known[name].default is not NODEFAULT else known[name].default_factory()
        for name in names
    }


def _portable(executor: ExecutorSpec, base: str) -> ExecutorSpec:
    """An executor whose files are named from the folder of the Flow, wherever that is."""
    return replace(
        executor,
        py_modules=tuple(_relative_module(name, base) for name in executor.py_modules),
        **{
            name: _relative_module(uses, base)
            for name in ('uses', 'uses_before', 'uses_after')
            if isinstance(uses := getattr(executor, name), str)
        },
    )


def _relative_module(name: str, base: str) -> str:
    file, colon, attribute = name.partition(':')
    return f'{_relative(file, base)}{colon}{attribute}'


def _relative(path: str, base: str) -> str:
    """A path as seen from `base`, if it is below that."""
    if not os.path.isabs(path):
        return path
    home = Path(base or '.').absolute()
    return str(Path(path).relative_to(home)) if Path(path).is_relative_to(home) else path

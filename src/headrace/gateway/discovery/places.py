"""What a command line says of a target's replicas in; out, what finds them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from importlib import import_module
from typing import Protocol

from headrace.errors import SpecError
from headrace.gateway.discovery.listed import Fixed, Listed
from headrace.gateway.discovery.names import Names
from headrace.gateway.orders import Target
from headrace.spec import FlowSpec, order
from headrace.spec.suggest import did_you_mean
from headrace.spec.versions import each_version
from headrace.wire.address import TLS, parse

FORMS = 'write dns:NAME:PORT, tcp:HOST:PORT,HOST:PORT, unix:PATH, file:PATH or slices:SERVICE:PORT'


SLICES = 'headrace.gateway.discovery.slices'
"""What asks an API server: it takes a while to import."""


class Source(Protocol):
    """Finds the replicas of one target: gives all of them (key: address), again whenever they change.

    As text it is what --at says. `trouble` is why they cannot be looked up now, '' if they can.
    """

    trouble: str

    def __aiter__(self) -> AsyncIterator[Mapping[str, str]]: ...


def source_of(where: str) -> Source:
    """What finds the replicas that are `where`; SpecError for what cannot be read.

    >>> source_of('tcp:10.0.0.1:9090,10.0.0.2:9090'), source_of('dns+tls:encoder:9090')
    (<Fixed tcp:10.0.0.1:9090, tcp:10.0.0.2:9090>, <Names tcp+tls:encoder:9090>)
    """
    kind, _, rest = where.partition(':')
    way, _, secured = kind.partition('+')
    family = TLS if secured else 'tcp'
    if kind in ('tcp', TLS, 'unix') and rest:
        return Fixed(tuple(_addresses(kind, rest)))
    if kind == 'file' and rest:
        return Listed(rest)
    if way in ('dns', 'slices') and secured in ('', 'tls'):
        name, port = _name_and_port(where, rest)
        if way == 'dns':
            return Names(name, port, family)
        service, _, namespace = name.partition('.')
        slices: Source = import_module(SLICES).Slices(service, port, family, namespace=namespace)
        return slices
    raise SpecError(f'{where!r} does not say where replicas are', help=FORMS)


def wanted(flow: FlowSpec) -> tuple[Target, ...]:
    """What of a Flow a gateway has to call, in the order of the data.

    >>> from headrace.spec import ExecutorSpec
    >>> flow = FlowSpec(executors=(ExecutorSpec(name='a', shards=2, uses_after='m:B'),))
    >>> [str(each) for each in wanted(flow)]
    ['a', 'a/shard-1', 'a/after']
    """
    found: list[Target] = []
    for executor in each_version(order(flow)):
        if executor.join or executor.external:
            continue
        if executor.uses_before is not None:
            found.append(Target(executor.name, part='before'))
        found += [Target(executor.name, shard=shard) for shard in range(executor.shards)]
        if executor.uses_after is not None:
            found.append(Target(executor.name, part='after'))
    return tuple(found)


def sources_for(flow: FlowSpec, at: Iterable[tuple[str, str]]) -> dict[Target, Source]:
    """What finds each target of a Flow, given what is said of them; SpecError if that is too little."""
    targets = wanted(flow)
    names = {str(target): target for target in targets}
    sources: dict[Target, Source] = {}
    for name, where in at:
        if name not in names:
            raise _unknown(flow, name, tuple(names))
        if names[name] in sources:
            raise SpecError(
                f'--at says twice where {name!r} is', help='put its addresses into one list, with commas'
            )
        sources[names[name]] = source_of(where)
    missing = [str(target) for target in targets if target not in sources]
    if missing:
        raise SpecError(
            f'nobody says where {", ".join(missing)} is',
            help=' '.join(f'--at {name}=dns:{name.replace("/", "-")}:9090' for name in missing),
        )
    return sources


def _unknown(flow: FlowSpec, name: str, names: tuple[str, ...]) -> SpecError:
    executor = Target.of(name).executor
    external = next((each for each in flow.executors if each.name == executor and each.external), None)
    if external is not None:
        return SpecError(
            f'--at {name}: this executor runs elsewhere, as the Flow says',
            help='name its hosts in the Flow: host: [a:12345, b:12345]',
        )
    return SpecError(
        f'--at {name}: flow {flow.name!r} has nothing of this name to be called',
        help=did_you_mean(name, names, noun='targets'),
    )


def _addresses(family: str, rest: str) -> Iterable[str]:
    for each in rest.split(','):
        address = each.strip()
        if not address.startswith(('unix:', 'tcp:', f'{TLS}:')):
            address = f'{family}:{address}'
        parse(address)
        yield address


def _name_and_port(where: str, rest: str) -> tuple[str, int]:
    name, _, port = rest.rpartition(':')
    if not name or ':' in name or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SpecError(f'{where!r} does not say where replicas are', help=FORMS)
    return name, int(port)

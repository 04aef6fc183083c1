"""An external executor's host, port and tls in; out: the addresses where it is called."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

from headrace.spec.explain import told
from headrace.spec.paths import anchored_path
from headrace.spec.records import ExecutorSpec
from headrace.spec.source import Path, Source
from headrace.spec.suggest import did_you_mean

NOWHERE = Source()
_SCHEMES = {'grpc': False, 'grpcs': True}


class ExternalAddress(Struct, frozen=True):
    """Where one external executor is: host and port, and whether over TLS.

    `authority` is a PEM file with those whom the server's certificate must be signed by ('': the system's).
    """

    host: str
    port: int
    tls: bool = False
    authority: str = ''

    @property
    def target(self) -> str:
        """`host:port`, as gRPC wants it."""
        host = f'[{self.host}]' if ':' in self.host else self.host
        return f'{host}:{self.port}'

    def __str__(self) -> str:
        return f'{"grpcs" if self.tls else "grpc"}://{self.target}'


def addresses(
    executor: ExecutorSpec, *, base: str = '', source: Source = NOWHERE, path: Path = ()
) -> tuple[ExternalAddress, ...]:
    """Where an external executor is reached: one address per host, each a replica of it.

    `base` is where the path of an authority begins, if it is relative.

    >>> here = ExecutorSpec(name='a', external=True, host=('grpc://here:1234', 'there'), port=(1234,))
    >>> [str(address) for address in addresses(here)]
    ['grpc://here:1234', 'grpc://there:1234']

    Raises SpecError for a host without a port, for another protocol, and for a place that is named twice.
    """
    hosts, ports = executor.host or ('127.0.0.1',), executor.port
    if not executor.host and not ports:
        raise source.error(
            path,
            f'executor {executor.name!r} is external, and nothing says where it is',
            help='add host and port: {external: true, host: grpc://server:port}',
        )
    if len(hosts) == 1 and len(ports) > 1:
        hosts *= len(ports)
    if len(ports) > 1 and len(ports) != len(hosts):
        raise source.error(
            (*path, 'port'),
            f'executor {executor.name!r} has {len(hosts)} hosts and {len(ports)} ports',
            help='give one port per host in the same order, or one for all of them',
        )
    given = ports * len(hosts) if len(ports) == 1 else ports or (0,) * len(hosts)
    pairs = zip(hosts, given, strict=True)
    authority = anchored_path(executor.tls, base) if isinstance(executor.tls, str) else ''
    found = tuple(
        ExternalAddress(*_place(executor, host, port, source, (*path, 'host', index)), authority)
        for index, (host, port) in enumerate(pairs)
    )
    for index, address in enumerate(found):
        if address in found[:index]:
            raise source.error(
                (*path, 'host', index), f'executor {executor.name!r}: {address} is named twice'
            )
    return found


def _place(executor: ExecutorSpec, host: str, port: int, source: Source, path: Path) -> tuple[str, int, bool]:
    """Host, port and whether over TLS."""
    help = 'write grpc://host:port or grpcs://host:port (over TLS), or host and port'
    shown = told(host, source, path)
    try:
        parts = urlsplit(host if '://' in host else f'//{host}')
        name, own_port = parts.hostname, parts.port
    except ValueError as error:
        why = '' if source.written_at(path) else f': {error}'  # which names parts of it
        raise source.error(path, f'{shown} is not an address{why}', help=help) from None
    if parts.scheme and parts.scheme not in _SCHEMES:
        raise source.error(
            path,
            f'executor {executor.name!r}: external executors are called over gRPC, not {parts.scheme!r}',
            help=did_you_mean(parts.scheme, _SCHEMES, noun='schemes'),
        )
    if not name or parts.path.strip('/') or parts.query or parts.username:
        raise source.error(path, f'{shown} is not an address', help=help)
    if own_port and port and own_port != port:
        raise source.error(path, f'{shown} and port {port} contradict each other', help='give one port')
    if not own_port and not port:
        raise source.error(path, f'executor {executor.name!r}: no port in {shown}', help=help)
    return name, own_port or port, bool(executor.tls) or _SCHEMES.get(parts.scheme, False)

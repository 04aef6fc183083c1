"""What is wanted of the gateway, as plain frozen data: protocols, ports, routes, limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from headrace.errors import SpecError
from headrace.spec.container import ClusterSpec, Image, InCluster, Memory, Processors, SecretVariables
from headrace.spec.graphql import GraphqlSpec
from headrace.spec.limits import LimitsSpec
from headrace.spec.quantities import FORM, Count, Port, Seconds
from headrace.spec.references import Reference, described, shown
from headrace.spec.security import SecuritySpec

Protocol = Literal['grpc', 'http', 'websocket', 'graphql']
UnknownFields = Literal['misspelt', 'refuse', 'drop']
Method = Literal['GET', 'POST', 'PUT', 'PATCH', 'DELETE']


class ExposedEndpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An extra HTTP route for one endpoint."""

    endpoint: Annotated[str, Meta(description='The endpoint to call, such as /search.')]
    path: Annotated[str, Meta(description='Path of the route; default: the endpoint itself.')] = ''
    methods: Annotated[tuple[Method, ...], Meta(description='HTTP methods of the route.')] = ('POST',)
    summary: Annotated[str, Meta(description='One line for the documentation page.')] = ''
    tags: Annotated[tuple[str, ...], Meta(description='Groups of the route on the documentation page.')] = ()


class GatewaySpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The front door of a Flow: protocols, ports, limits.

    >>> GatewaySpec(protocols=('grpc', 'http', 'websocket'), ports=(12345, 8080)).doors
    {'grpc': 12345, 'http': 8080}
    """

    protocols: Annotated[
        tuple[Protocol, ...],
        Meta(description='Protocols served at once: grpc, http, websocket, graphql.', min_length=1),
    ] = ('grpc',)
    ports: Annotated[
        tuple[Port, ...],
        Meta(
            description='One port for grpc and one for all other protocols, in the order of the protocols; '
            '0 takes a free one.'
        ),
    ] = ()
    host: Annotated[str, Meta(description='Address to listen on; 0.0.0.0 is every network interface.')] = (
        '127.0.0.1'
    )
    title: Annotated[str, Meta(description='Title of the HTTP documentation page.')] = ''
    description: Annotated[str, Meta(description='Text below the title of the documentation page.')] = ''
    cors: Annotated[
        tuple[str, ...], Meta(description='Origins whose pages may call the HTTP port; true is every one.')
    ] = ()
    prefetch: Annotated[
        int,
        Meta(ge=0, description='Requests of one gRPC stream or WebSocket in work at once; 0: max_requests.'),
    ] = 1000
    timeout_s: Annotated[
        Seconds | None, Meta(description='Deadline in seconds of requests that bring none; null is none.')
    ] = 120.0
    max_body_bytes: Annotated[
        int, Meta(gt=0, description='Bytes of the largest request, and of an answer, or a part of one.')
    ] = 256 * 1024 * 1024
    replicas: Annotated[
        Count, Meta(description='Gateway processes that share the ports; the system spreads connections.')
    ] = 1
    max_requests: Annotated[
        Count,
        Meta(description='Requests of all clients that one gateway holds; more are refused as Overloaded.'),
    ] = 4096
    max_bytes: Annotated[
        Count,
        Meta(description='Bytes of all requests that one gateway holds; more are refused as Overloaded.'),
    ] = 1024 * 1024 * 1024
    limits: Annotated[
        LimitsSpec,
        Meta(description='What requests and clients may take; a mapping, such as {documents: 1000}.'),
    ] = LimitsSpec()
    unknown_fields: Annotated[
        UnknownFields,
        Meta(
            description='Keys of documents that no field has: refuse those that look like a misspelt field, '
            'refuse all, or drop them silently.'
        ),
    ] = 'misspelt'
    expose: Annotated[tuple[ExposedEndpoint, ...], Meta(description='Extra HTTP routes for endpoints.')] = ()
    static: Annotated[
        dict[str, str],
        Meta(description='Folders whose files the HTTP port serves: {path: folder}, such as {/: page}.'),
    ] = {}
    graphql: Annotated[
        GraphqlSpec, Meta(description='What GraphQL clients may read, see and ask for at once.')
    ] = GraphqlSpec()
    prefix: Annotated[
        str,
        Meta(
            pattern='^(/[^/?#{}]+)*$',
            extra={FORM: 'a path such as /shop, without a / at its end'},
            description='What a proxy leaves before all paths: /shop; routes work without it, too.',
        ),
    ] = ''
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description='Addresses or networks of proxies whose X-Forwarded-For is believed: 10.0.0.0/8.'),
    ] = ()
    compress: Annotated[
        bool,
        Meta(description='Compress HTTP answers of 1 KiB and more for clients that accept it.'),
    ] = False
    apps: Annotated[
        dict[str, str],
        Meta(description='ASGI applications beside the HTTP routes: {path: module:app}; "/" gets the rest.'),
    ] = {}
    uses: Annotated[
        Any,
        Meta(description='A subclass of headrace.Gateway with more routes: module:Class or file.py:Class.'),
    ] = ''
    uses_with: Annotated[dict[str, Any], Meta(description='Arguments of the constructor of `uses`.')] = {}
    development: Annotated[
        bool, Meta(description="Show clients where the executors' code failed; not for open networks.")
    ] = False
    security: Annotated[
        SecuritySpec, Meta(description='Who may come in: API keys, tokens, certificates; TLS.')
    ] = SecuritySpec()
    insecure: Annotated[
        bool,
        Meta(description='Listen where other machines reach it, though nobody has to show who they are.'),
    ] = False
    image: Image = ''
    cpus: Processors = None
    memory: Memory = ''
    env_from_secret: SecretVariables = {}
    kubernetes: InCluster = ClusterSpec()
    from_environment: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.uses, type):  # the process of a gateway imports it anew
            msgspec.structs.force_setattr(self, 'uses', _name_of(self.uses))

    def __repr__(self) -> str:
        return described(self)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [*shown(self).items()]

    @property
    def doors(self) -> dict[str, int]:
        """Each door with its port (0: a free one): 'grpc' for gRPC, 'http' for all that share the other."""
        names = tuple(dict.fromkeys(map(door_of, self.protocols)))
        return dict(zip(names, self.ports or (0,) * len(names), strict=True))

    @property
    def wanted_ports(self) -> dict[str, int]:
        """Each protocol with the port that it shall have (0: a free one)."""
        return {protocol: self.doors[door_of(protocol)] for protocol in self.protocols}

    @property
    def most_per_host(self) -> int | None:
        """Connections of one address at a time; None: any number.

        Where callers have to show who they are, a tenth of all, unless the limits say another number.
        """
        most = self.limits.connections_per_host
        if most is None and self.security.authenticates:
            most = max(1, self.limits.connections // 10)
        return most


def _name_of(cls: type[Any]) -> str:
    if cls.__module__ == '__main__' or '<' in cls.__qualname__:
        raise SpecError(
            f'gateway.uses: the gateway runs in a process that cannot import {cls.__qualname__}',
            help='put the class into a module, at its top level',
        )
    return f'{cls.__module__}:{cls.__qualname__}'


def door_of(protocol: str) -> str:
    """The door that a protocol comes through: all but gRPC begin as HTTP, and share a port."""
    return 'grpc' if protocol == 'grpc' else 'http'

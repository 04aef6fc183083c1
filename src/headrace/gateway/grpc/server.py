"""The entrance to a Flow in, a running gRPC server out."""

from __future__ import annotations

import grpc

from headrace.errors import StartError
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc.health import Health
from headrace.gateway.grpc.options import options
from headrace.gateway.grpc.peers import Peers
from headrace.gateway.grpc.reception import Reception
from headrace.gateway.grpc.reflection import Reflection
from headrace.gateway.grpc.relay import Relay
from headrace.gateway.grpc.service import NAME, Service
from headrace.gateway.grpc.tls import server_credentials
from headrace.gateway.grpc.withheld import listen
from headrace.spec import GatewaySpec


class GrpcServer:
    """A gRPC server that accepts calls on `port` until `stop`; a `relay` may have the port."""

    def __init__(
        self, server: grpc.aio.Server, service: Service, health: Health, port: int, relay: Relay | None = None
    ) -> None:
        self._server = server
        self._service = service
        self._health = health
        self._relay = relay
        self.port = port

    async def stop(self, grace_s: float, linger_s: float = 0.0) -> None:
        """Accept nothing more, let what was accepted finish for `grace_s` seconds, then cancel it.

        Clients are told to go elsewhere, which takes no time to linger.
        """
        if self._relay is not None:
            self._relay.drain()
        self._health.stopping.set()
        self._service.drain()
        await self._server.stop(grace_s or None)
        if self._relay is not None:
            await self._relay.close()

    def __repr__(self) -> str:
        return f'<GrpcServer on port {self.port}>'


async def start(entrance: Entrance, port: int, *, shared: bool = False) -> GrpcServer:
    """Serve a Flow over gRPC on `port` (0: a free one), with health checks and reflection.

    With `shared` other processes may listen on the port too. StartError if the port cannot be had, or its
    certificate cannot be used.
    """
    listen()
    spec, peers = entrance.spec, Peers()
    server = grpc.aio.server(options=options(spec, shared=shared))
    reception = Reception(entrance, peers)
    service = Service(entrance, reception)
    health = Health((NAME,), entrance.ready, entrance.states, reception)
    reflection = Reflection(reception)
    server.add_generic_rpc_handlers((service.handlers(), health.handlers(), reflection.handlers()))
    if spec.security.asks_certificates:
        relay = await _relayed(server, entrance, peers, port, shared=shared)
        entrance.observer.looks.append(relay.look)
        return GrpcServer(server, service, health, relay.port, relay)
    return GrpcServer(server, service, health, await _listening(server, spec, port))


async def _listening(server: grpc.aio.Server, spec: GatewaySpec, port: int) -> int:
    """Begin to listen on a port of its host; the port that was taken."""
    host = f'[{spec.host}]' if ':' in spec.host else spec.host
    tls = spec.security.tls
    credentials = None if tls is None else server_credentials(tls)
    try:
        if credentials is None:
            taken = server.add_insecure_port(f'{host}:{port}')
        else:
            taken = server.add_secure_port(f'{host}:{port}', credentials)
        await server.start()
    except RuntimeError as error:
        raise StartError(
            f'gRPC cannot listen on {host}:{port}: the port is in use or not allowed',
            help='choose another port, or 0 for a free one',
        ) from error
    return taken


async def _relayed(
    server: grpc.aio.Server, entrance: Entrance, peers: Peers, port: int, *, shared: bool
) -> Relay:
    """Begin to listen behind a relay, which has the port."""
    relay = Relay(entrance, peers, entrance.directory)
    try:
        server.add_insecure_port(relay.address)
        await server.start()
        await relay.listen(port, shared=shared)
    except BaseException as error:
        await server.stop(None)
        await relay.close()
        if not isinstance(error, RuntimeError):
            raise
        raise StartError(
            f'gRPC cannot listen at {relay.address}: {error}',
            help='the path of a socket has at most 103 bytes; HEADRACE_RUNTIME_DIR names the folder for them',
        ) from error
    return relay

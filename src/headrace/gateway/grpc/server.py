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
from headrace.gateway.grpc.withheld import listen


class GrpcServer:
    """A gRPC server that accepts calls on the port of a `relay` until `stop`."""

    def __init__(self, server: grpc.aio.Server, service: Service, health: Health, relay: Relay) -> None:
        self._server = server
        self._service = service
        self._health = health
        self._relay = relay
        self.port = relay.port

    def drain(self) -> None:
        """Be NOT_SERVING from now on, and serve on."""
        self._health.stopping.set()

    async def stop(self, grace_s: float, linger_s: float = 0.0) -> None:
        """Accept nothing more, let what was accepted finish for `grace_s` seconds, then cancel it.

        Clients are told to go elsewhere, which takes no time to linger.
        """
        self._relay.drain()
        self._health.stopping.set()
        self._service.drain()
        await self._server.stop(grace_s or None)
        await self._relay.close()

    def __repr__(self) -> str:
        return f'<GrpcServer on port {self.port}>'


async def start(entrance: Entrance, port: int, *, shared: bool = False) -> GrpcServer:
    """Serve a Flow over gRPC on `port` (0: a free one), with health checks and reflection.

    With `shared` other processes may listen on the port too. StartError if the port cannot be had, SpecError
    for certificates that cannot be used.
    """
    listen()
    peers = Peers()
    server = grpc.aio.server(options=options(entrance.spec))
    reception = Reception(entrance, peers)
    service = Service(entrance, reception)
    health = Health((NAME,), entrance.ready, entrance.states, reception)
    reflection = Reflection(reception)
    server.add_generic_rpc_handlers((service.handlers(), health.handlers(), reflection.handlers()))
    relay = await _relayed(server, entrance, peers, port, shared=shared)
    entrance.observer.looks.append(relay.look)
    return GrpcServer(server, service, health, relay)


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

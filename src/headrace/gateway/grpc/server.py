"""The entrance to a Flow in, a running gRPC server out."""

from __future__ import annotations

import grpc

from headrace.errors import StartError
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc.health import Health
from headrace.gateway.grpc.reception import Reception
from headrace.gateway.grpc.reflection import Reflection
from headrace.gateway.grpc.service import NAME, Service
from headrace.spec import GatewaySpec

LEAST_CALLS, OTHER_CALLS = 1024, 64
"""Calls of one connection at once: so many at least, to be refused one by one, and some to ask for health."""


class GrpcServer:
    """A gRPC server that accepts calls on `port` until `stop`."""

    def __init__(self, server: grpc.aio.Server, service: Service, health: Health, port: int) -> None:
        self._server = server
        self._service = service
        self._health = health
        self.port = port

    async def stop(self, grace_s: float, linger_s: float = 0.0) -> None:
        """Accept nothing more, let what was accepted finish for `grace_s` seconds, then cancel it.

        Clients are told to go elsewhere, which takes no time to linger.
        """
        self._health.stopping.set()
        self._service.drain()
        await self._server.stop(grace_s or None)

    def __repr__(self) -> str:
        return f'<GrpcServer on port {self.port}>'


async def start(entrance: Entrance, port: int, *, shared: bool = False) -> GrpcServer:
    """Serve a Flow over gRPC on `port` (0: a free one), with health checks and reflection.

    With `shared` other processes may listen on the port too. StartError if the port cannot be had.
    """
    spec = entrance.spec
    server = grpc.aio.server(options=_options(spec, shared))
    reception = Reception(entrance)
    service = Service(entrance, reception)
    health = Health((NAME,), entrance.ready, entrance.states)
    reflection = Reflection(reception)
    server.add_generic_rpc_handlers((service.handlers(), health.handlers(), reflection.handlers()))
    host = f'[{spec.host}]' if ':' in spec.host else spec.host
    try:
        bound = server.add_insecure_port(f'{host}:{port}')
        await server.start()
    except RuntimeError as error:
        raise StartError(
            f'gRPC cannot listen on {host}:{port}: the port is in use or not allowed',
            help='choose another port, or 0 for a free one',
        ) from error
    return GrpcServer(server, service, health, bound)


def _options(spec: GatewaySpec, shared: bool) -> list[tuple[str, int]]:
    return [
        ('grpc.max_receive_message_length', spec.max_body_bytes),
        ('grpc.max_send_message_length', spec.max_body_bytes),
        ('grpc.so_reuseport', int(shared)),  # otherwise a port that is taken is an error
        ('grpc.max_concurrent_streams', max(spec.max_requests, LEAST_CALLS) + OTHER_CALLS),
        ('grpc.http2.min_ping_interval_without_data_ms', 10_000),
        ('grpc.keepalive_permit_without_calls', 1),
    ]

"""grpc.health.v1, answered by asking the executors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from headrace.errors import CodecError, HeadraceError
from headrace.gateway.entrance import Readiness, States
from headrace.gateway.grpc.caller import Rpc
from headrace.gateway.grpc.receiving import one_message
from headrace.gateway.grpc.reception import Reception
from headrace.gateway.problems import as_text, problems

PROBLEM = 'headrace-problem-bin'
"""The trailing metadata of Check that say, as UTF-8, which executors cannot work, and why."""

WATCH_S = 1.0
"""Seconds between two looks at the executors while somebody watches."""

LONGEST_NAME = 100
"""Characters of a name nobody knows that are sent back."""

ASK_S = 20.0
"""Seconds that a question may take to arrive."""

Status: TypeAlias = health_pb2.HealthCheckResponse  # type: ignore[name-defined,unused-ignore]

NAME: str = health_pb2.DESCRIPTOR.services_by_name['Health'].full_name


class Health:
    """SERVING while every executor answers; the services are '' (all of it) and those that are named here."""

    def __init__(
        self,
        services: tuple[str, ...],
        ready: Readiness | None,
        states: States | None,
        reception: Reception,
    ) -> None:
        self._services = frozenset(('', *services))
        self._ready = ready
        self._states = states
        self._reception = reception
        self.stopping = asyncio.Event()

    def handlers(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """What a gRPC server registers; anybody may ask, as load balancers have no keys."""
        return grpc.method_handlers_generic_handler(
            NAME,
            {
                'Check': grpc.stream_unary_rpc_method_handler(self.check),
                'Watch': grpc.stream_stream_rpc_method_handler(self.watch),
            },
        )

    async def check(self, requests: object, rpc: Rpc) -> bytes:
        """Whether a service can work now; NOT_FOUND if there is no such service."""
        async with self._room(rpc):
            service = await self._service(rpc)
        if service not in self._services:
            await rpc.abort(grpc.StatusCode.NOT_FOUND, f'there is no service {service[:LONGEST_NAME]!r}')
        status, problem = await self._status()
        if problem:
            rpc.set_trailing_metadata(((PROBLEM, problem.encode()),))
        return _message(status)

    async def watch(self, requests: object, rpc: Rpc) -> AsyncIterator[bytes]:
        """The state of a service now, and again whenever it changes."""
        async with self._room(rpc):
            is_known = await self._service(rpc) in self._services
            async for status in self._changes():
                yield _message(status if is_known else int(Status.SERVICE_UNKNOWN))

    @asynccontextmanager
    async def _room(self, rpc: Rpc) -> AsyncIterator[None]:
        """Room for one more call of a host, which need not show who it is, and may be slow to ask."""
        visit = self._reception.visit(rpc)
        try:
            with self._reception.lobby(visit):
                yield
        except HeadraceError as error:
            await self._reception.abort(rpc, error, visit)

    async def _service(self, rpc: Rpc) -> str:
        """The name of the service that is asked about."""
        data = await one_message(rpc, ASK_S, self._reception.most_bytes)
        try:
            return str(health_pb2.HealthCheckRequest.FromString(data).service)  # type: ignore[attr-defined,unused-ignore]
        except DecodeError:
            raise CodecError('these bytes are not a grpc.health.v1.HealthCheckRequest') from None

    async def _changes(self) -> AsyncIterator[int]:
        """What is the case, first now and then whenever it is something else, until the server stops."""
        last = None
        while True:
            is_last = self.stopping.is_set()
            status, _ = await self._status()
            if status != last:
                yield status
            last = status
            if is_last:
                return
            try:
                await asyncio.wait_for(self.stopping.wait(), WATCH_S)
            except TimeoutError:
                pass

    async def _status(self) -> tuple[int, str]:
        """Whether the Flow can work, and which executors cannot, and why."""
        if self.stopping.is_set():
            return int(Status.NOT_SERVING), 'it is about to stop'
        try:
            answers = await self._ready() if self._ready else {}
        except (HeadraceError, OSError, TimeoutError):
            return int(Status.NOT_SERVING), 'its executors could not be asked'
        problem = as_text(problems(answers, self._states() if self._states else {}))
        return int(Status.NOT_SERVING if problem else Status.SERVING), problem


def _message(status: int) -> bytes:
    return bytes(Status(status=status).SerializeToString())

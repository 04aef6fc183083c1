"""grpc.health.v1, answered by asking the executors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from headrace.errors import HeadraceError

Readiness = Callable[[], Awaitable[dict[str, bool]]]

WATCH_S = 1.0
"""Seconds between two looks at the executors while somebody watches."""

Status: TypeAlias = health_pb2.HealthCheckResponse  # type: ignore[name-defined,unused-ignore]
Asked: TypeAlias = health_pb2.HealthCheckRequest  # type: ignore[name-defined,unused-ignore]
Rpc: TypeAlias = grpc.aio.ServicerContext[Asked, Status]


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """SERVING while every executor answers; the services are '' (all of it) and those that are named here."""

    def __init__(self, services: tuple[str, ...], ready: Readiness | None) -> None:
        self._services = frozenset(('', *services))
        self._ready = ready
        self.stopping = asyncio.Event()

    async def Check(self, request: Asked, context: Rpc) -> Status:
        """Whether a service can work now; NOT_FOUND if there is no such service."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, f'there is no service {request.service!r}')
        return Status(status=await self._status())

    async def Watch(self, request: Asked, context: Rpc) -> AsyncIterator[Status]:
        """The state of a service now, and again whenever it changes."""
        last = None
        while True:
            is_last = self.stopping.is_set()
            status = await self._status() if request.service in self._services else Status.SERVICE_UNKNOWN
            if status != last:
                yield Status(status=status)
            last = status
            if is_last:
                return
            try:
                await asyncio.wait_for(self.stopping.wait(), WATCH_S)
            except TimeoutError:
                pass

    async def _status(self) -> int:
        if self.stopping.is_set():
            return int(Status.NOT_SERVING)
        try:
            answers = await self._ready() if self._ready else {}
        except (HeadraceError, OSError, TimeoutError):
            return int(Status.NOT_SERVING)
        return int(Status.SERVING if all(answers.values()) else Status.NOT_SERVING)

"""grpc.health.v1, answered by asking the executors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from headrace.errors import HeadraceError
from headrace.gateway.entrance import Readiness, States
from headrace.gateway.problems import as_text, problems

PROBLEM = 'headrace-problem-bin'
"""The trailing metadata of Check that say, as UTF-8, which executors cannot work, and why."""

WATCH_S = 1.0
"""Seconds between two looks at the executors while somebody watches."""

Status: TypeAlias = health_pb2.HealthCheckResponse  # type: ignore[name-defined,unused-ignore]
Asked: TypeAlias = health_pb2.HealthCheckRequest  # type: ignore[name-defined,unused-ignore]
Rpc: TypeAlias = grpc.aio.ServicerContext[Asked, Status]


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """SERVING while every executor answers; the services are '' (all of it) and those that are named here."""

    def __init__(
        self, services: tuple[str, ...], ready: Readiness | None, states: States | None = None
    ) -> None:
        self._services = frozenset(('', *services))
        self._ready = ready
        self._states = states
        self.stopping = asyncio.Event()

    async def Check(self, request: Asked, context: Rpc) -> Status:
        """Whether a service can work now; NOT_FOUND if there is no such service."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, f'there is no service {request.service!r}')
        status, problem = await self._status()
        if problem:
            context.set_trailing_metadata(((PROBLEM, problem.encode()),))
        return Status(status=status)

    async def Watch(self, request: Asked, context: Rpc) -> AsyncIterator[Status]:
        """The state of a service now, and again whenever it changes."""
        last = None
        while True:
            is_last = self.stopping.is_set()
            is_known = request.service in self._services
            status = (await self._status())[0] if is_known else Status.SERVICE_UNKNOWN
            if status != last:
                yield Status(status=status)
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

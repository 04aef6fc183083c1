"""What all doors of a gateway share: the Flow behind them, its limits, and who may come in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Self

from headrace.gateway.identity import Credentials, Identity
from headrace.pipeline.admission import Admission
from headrace.pipeline.describe import FlowInfo
from headrace.pipeline.handler import Handler, StreamHandler, streamed
from headrace.spec import GatewaySpec

Readiness = Callable[[], Awaitable[dict[str, bool]]]
"""Asks the executors whether they can work: the name of each, and its answer."""

States = Callable[[], Mapping[str, Mapping[str, str]]]
"""Tells the replicas of each executor, by name, and how each of them is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """The one way into a Flow, whichever door a request comes through.

    A door asks `identify` who calls before it reads a body, `admission` for room, `permit` when it knows the
    endpoint; then it calls `handler`, or `stream` for an answer in parts. It tells `refused` what it refuses.
    `ready` is asked whether the Flow can work (None: it always can), `states` tells its replicas.
    """

    handler: Handler
    stream: StreamHandler
    info: FlowInfo
    spec: GatewaySpec
    admission: Admission
    ready: Readiness | None = None
    states: States | None = None

    @classmethod
    def into(
        cls,
        handler: Handler,
        info: FlowInfo,
        spec: GatewaySpec,
        *,
        ready: Readiness | None = None,
        states: States | None = None,
    ) -> Self:
        """The entrance to a Flow that `handler` serves, as its gateway's spec wants it."""
        return cls(
            handler=handler,
            stream=streamed(handler),
            info=info,
            spec=spec,
            admission=Admission(spec.max_requests, spec.max_bytes),
            ready=ready,
            states=states,
        )

    def identify(self, credentials: Credentials) -> Identity:
        """Who calls."""
        return Identity(credentials.host)

    def permit(self, identity: Identity, endpoint: str, target: str = '') -> None:
        """Let somebody call an endpoint."""

    def refused(
        self, error: Exception, identity: Identity | None, *, protocol: str, endpoint: str, request_id: str
    ) -> None:
        """Note that a call was refused, and why."""

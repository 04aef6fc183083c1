"""What all doors of a gateway share: the Flow behind them, its limits, and who may come in."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from headrace.errors import RateLimited
from headrace.gateway.audit import Audit, is_refusal
from headrace.gateway.identity import Credentials, Identity
from headrace.gateway.limits import Limits
from headrace.gateway.observer import Observer
from headrace.gateway.security.guard import Guard
from headrace.gateway.security.keys import Key
from headrace.gateway.turns import Turns
from headrace.pipeline import Batch, Context
from headrace.pipeline.admission import Admission
from headrace.pipeline.describe import FlowInfo
from headrace.pipeline.handler import Handler, StreamHandler, streamed
from headrace.spec import GatewaySpec
from headrace.wire.hosts import client_of

if TYPE_CHECKING:
    from headrace.gateway.dashboard.watch import Watch
    from headrace.gateway.metrics import Metrics

Readiness = Callable[[], Awaitable[dict[str, bool]]]
"""Asks the executors whether they can work: the name of each, and its answer."""

States = Callable[[], Mapping[str, Mapping[str, str]]]
"""Tells the replicas of each executor, by name, and how each of them is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """The one way into a Flow, whichever door a request comes through.

    A door asks `identify` who calls before it reads a body, `admission` for room, `permit` when it knows the
    endpoint; then it calls `handler`, or `stream` for an answer in parts. It tells `refused` what it refuses,
    and `observer` of every request, when it has ended.
    Where `is_open`, everybody may do everything, and a door on the hot path need ask neither. `ready` is
    asked whether the Flow can work (None: it always can), `states` tells its replicas. `directory` is a
    folder of its owner alone where doors may have sockets ('': they look for one). `watch` is what the
    dashboard tells (None: there is no dashboard).
    """

    handler: Handler
    parts: StreamHandler
    info: FlowInfo
    spec: GatewaySpec
    admission: Admission
    limits: Limits
    turns: Turns = field(default_factory=Turns)
    audit: Audit = field(default_factory=Audit)
    guard: Guard | None = None
    is_open: bool = True
    ready: Readiness | None = None
    states: States | None = None
    metrics: Metrics | None = None
    observer: Observer = field(default_factory=Observer)
    watch: Watch | None = None
    directory: str = ''

    @classmethod
    def into(
        cls,
        handler: Handler,
        info: FlowInfo,
        spec: GatewaySpec,
        *,
        ready: Readiness | None = None,
        states: States | None = None,
        metrics: Metrics | None = None,
        owner: Key | None = None,
        directory: str = '',
    ) -> Self:
        """The entrance to a Flow that `handler` serves, as its gateway's spec wants it."""
        return cls(
            handler=handler,
            parts=streamed(handler),
            info=info,
            spec=spec,
            admission=Admission(spec.max_requests, spec.max_bytes),
            metrics=metrics,
            observer=Observer() if metrics is None else metrics.observer,
            directory=directory,
            limits=Limits(spec.limits),
            audit=Audit(spec.security.audit),
            guard=Guard(spec.security, info, owner) if spec.security.authenticates else None,
            is_open=not spec.security.authenticates and spec.limits.requests_per_s is None,
            ready=ready,
            states=states,
        )

    async def stream(
        self, batch: Batch, context: Context, *, protocol: str = ''
    ) -> AsyncGenerator[Batch, None]:
        """The answer in parts, as `parts` gives them; how long the first took is measured."""
        begun = time.perf_counter()
        async with aclosing(self.parts(batch, context)) as parts:
            first = await anext(parts, None)
            if first is None:
                return
            seconds = time.perf_counter() - begun
            self.observer.first_item(seconds, protocol=protocol, endpoint=context.endpoint)
            yield first
            async for part in parts:
                yield part

    def identify(self, credentials: Credentials) -> Identity:
        """Who calls; Unauthenticated if nobody knows, RateLimited for who asks or fails too often."""
        if self.guard is None:
            identity = Identity(client_of(credentials.host), host=credentials.host)
        else:
            identity = self.guard.identify(credentials)
        try:
            self.limits.admit(identity.client)
        except RateLimited as error:
            error.host, error.who = identity.host, identity.name
            raise
        return identity

    def permit(self, identity: Identity, endpoint: str, target: str = '') -> None:
        """Let somebody call an endpoint of the Flow; Forbidden if it, or an executor, is not for them.

        `target` is what the request says about the executors that it wants to visit.
        """
        if self.guard is not None:
            self.guard.permit(identity, endpoint, target)

    def permit_page(self, identity: Identity, path: str) -> None:
        """Let somebody read what the gateway itself tells (its description, its documentation, its state).

        Who is known may. /health and /ready are for everybody: doors do not ask for these.
        """
        if self.guard is not None:
            self.guard.permit_page(identity, path)

    def permit_sight(self, identity: Identity, path: str) -> None:
        """Let somebody see what others ask, and what executors print; Forbidden if it is not for them."""
        if self.guard is not None:
            self.guard.permit_sight(identity, path)

    def refused(
        self,
        error: BaseException,
        identity: Identity | None,
        *,
        protocol: str,
        endpoint: str,
        request_id: str,
        host: str = '',
    ) -> None:
        """Note that a call was refused, and why; errors that refuse nothing are passed over.

        `host` is where the call came from, if there is no identity (errors of `identify` know it themselves).
        """
        if is_refusal(error):
            self.observer.refused(error, protocol)
            self.audit.refused(
                error, identity, protocol=protocol, endpoint=endpoint, request_id=request_id, host=host
            )

    def close(self) -> None:
        """Finish what is still to be told, when all doors are closed."""
        if self.metrics is not None:
            self.metrics.close()
        if self.watch is not None:
            self.watch.close()
        self.audit.close()
        if self.guard is not None:
            self.guard.close()

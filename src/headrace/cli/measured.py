"""Two readings of a Flow's state in; out, what happened in between: rates, times, and what is full."""

from __future__ import annotations

from msgspec import Struct

from headrace.gateway.dashboard.history import grown, quantile
from headrace.gateway.dashboard.records import (
    Distribution,
    DoorState,
    EndpointState,
    ExecutorState,
    State,
    VersionState,
)


class Pace(Struct, frozen=True, kw_only=True):
    """Per second, and how long it took; None where nothing came."""

    rate: float = 0.0
    failed: float = 0.0
    refused: float = 0.0
    p50_s: float | None = None
    p99_s: float | None = None


class VersionPace(Struct, frozen=True, kw_only=True):
    """One version of an executor; `share` is the part of the requests that its weight gives it."""

    name: str
    state: str
    share: float
    pace: Pace
    waiting: int
    in_flight: int


class ExecutorPace(Struct, frozen=True, kw_only=True):
    """One executor: calls of it now, how long they were in its queue, and how its replicas are.

    `waiting` are those that no replica has yet: they wait at the gateways.
    """

    name: str
    state: str
    pace: Pace
    waiting: int
    in_flight: int
    replicas: int
    well: int
    retries: float
    restarts: int
    queue_p99_s: float | None = None
    versions: tuple[VersionPace, ...] = ()


class EndpointPace(Struct, frozen=True, kw_only=True):
    """One endpoint."""

    name: str
    pace: Pace


class DoorPace(Struct, frozen=True, kw_only=True):
    """One protocol."""

    protocol: str
    pace: Pace
    in_flight: int
    connections: int


class FlowPace(Struct, frozen=True, kw_only=True):
    """The whole Flow within `over_s` seconds up to `at` (the wall clock, in seconds since 1970)."""

    at: float
    over_s: float
    name: str
    status: str
    uptime_s: float
    pace: Pace
    documents: float
    in_flight: int
    problems: dict[str, str] = {}
    executors: tuple[ExecutorPace, ...] = ()
    endpoints: tuple[EndpointPace, ...] = ()
    doors: tuple[DoorPace, ...] = ()


def between(before: State, now: State) -> FlowPace:
    """What happened between two readings; if the Flow began anew in between, since it did."""
    if now.uptime_s < before.uptime_s:
        before = State(
            at=now.at - now.uptime_s, name='', title='', headrace='', uptime_s=0.0, status='', in_flight=0
        )
    over_s = max(now.at - before.at, 1e-3)
    return FlowPace(
        at=now.at,
        over_s=over_s,
        name=now.name,
        status=now.status,
        uptime_s=now.uptime_s,
        pace=_pace(_counts(now), _counts(before), over_s),
        documents=_per_s(now.documents, before.documents, over_s),
        in_flight=now.in_flight,
        problems=now.problems,
        executors=_executors(now.executors, before.executors, over_s),
        endpoints=_endpoints(now.endpoints, before.endpoints, over_s),
        doors=_doors(now.doors, before.doors, over_s),
    )


class _Counts(Struct, frozen=True):
    requests: int = 0
    failed: int = 0
    refused: int = 0
    took: Distribution = Distribution()


def _counts(state: State | EndpointState | DoorState | ExecutorState | VersionState) -> _Counts:
    refused = 0 if isinstance(state, ExecutorState | VersionState) else state.refused
    took = Distribution() if isinstance(state, DoorState) else state.took
    return _Counts(state.requests, state.failed, refused, took)


def _pace(now: _Counts, before: _Counts, over_s: float) -> Pace:
    took = grown(now.took, before.took)
    return Pace(
        rate=_per_s(now.requests, before.requests, over_s),
        failed=_per_s(now.failed, before.failed, over_s),
        refused=_per_s(now.refused, before.refused, over_s),
        p50_s=_known(quantile(took, 0.5)),
        p99_s=_known(quantile(took, 0.99)),
    )


def _known(seconds: float) -> float | None:
    return None if seconds < 0 else seconds


def _per_s(now: int, before: int, over_s: float) -> float:
    return round(max(0, now - before) / over_s, 3)


def _executors(
    now: tuple[ExecutorState, ...], before: tuple[ExecutorState, ...], over_s: float
) -> tuple[ExecutorPace, ...]:
    known = {each.name: each for each in before}
    return tuple(_executor(each, known.get(each.name), over_s) for each in now)


def _executor(now: ExecutorState, before: ExecutorState | None, over_s: float) -> ExecutorPace:
    return ExecutorPace(
        name=now.name,
        state=now.state,
        pace=_pace(_counts(now), _counts(before) if before else _Counts(), over_s),
        waiting=now.waiting,
        in_flight=now.in_flight,
        replicas=len(now.replicas),
        well=sum(replica.state == 'healthy' for replica in now.replicas),
        retries=_per_s(now.retries, before.retries if before else 0, over_s),
        restarts=now.restarts,
        versions=_versions(now.versions, before.versions if before else (), over_s),
        queue_p99_s=_known(quantile(grown(_queue(now), _queue(before) if before else Distribution()), 0.99)),
    )


def _versions(
    now: tuple[VersionState, ...], before: tuple[VersionState, ...], over_s: float
) -> tuple[VersionPace, ...]:
    known = {each.name: each for each in before}
    total = sum(each.weight for each in now)
    return tuple(
        VersionPace(
            name=each.name,
            state=each.state,
            share=each.weight / total if total else 0.0,
            pace=_pace(_counts(each), _counts(known[each.name]) if each.name in known else _Counts(), over_s),
            waiting=each.waiting,
            in_flight=each.in_flight,
        )
        for each in now
    )


def _queue(executor: ExecutorState) -> Distribution:
    """How long calls were in the queue of an executor, over all of its endpoints."""
    measured = [each.queue for each in executor.endpoints if each.queue.counts]
    if not measured:
        return Distribution()
    counts = tuple(map(sum, zip(*(each.counts for each in measured), strict=True)))
    return Distribution(measured[0].bounds, counts, sum(each.sum for each in measured))


def _endpoints(
    now: tuple[EndpointState, ...], before: tuple[EndpointState, ...], over_s: float
) -> tuple[EndpointPace, ...]:
    known = {each.name: _counts(each) for each in before}
    return tuple(
        EndpointPace(name=each.name, pace=_pace(_counts(each), known.get(each.name, _Counts()), over_s))
        for each in now
    )


def _doors(now: tuple[DoorState, ...], before: tuple[DoorState, ...], over_s: float) -> tuple[DoorPace, ...]:
    known = {each.protocol: _counts(each) for each in before}
    return tuple(
        DoorPace(
            protocol=each.protocol,
            pace=_pace(_counts(each), known.get(each.protocol, _Counts()), over_s),
            in_flight=each.in_flight,
            connections=each.connections,
        )
        for each in now
    )

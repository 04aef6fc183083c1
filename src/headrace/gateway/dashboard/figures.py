"""The metrics of a Flow in, the figures of its dashboard out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headrace.gateway.dashboard.records import (
    DoorState,
    EndpointState,
    ExecutorState,
    ReplicaState,
    VersionState,
)
from headrace.gateway.dashboard.replicas import health, replicas_of, version_of
from headrace.gateway.dashboard.sums import count, distribution, matching, work
from headrace.gateway.finished import GONE
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.reading import Snapshot
from headrace.observe.metrics.store import OTHER
from headrace.spec.versions import MAIN, joined


def answered(snapshot: Snapshot, **wanted: str) -> tuple[int, int, int]:
    """How many requests with these labels ended, how many of them were refused, and how many failed."""
    requests = refused = failed = 0
    for labels, series in matching(snapshot, catalogue.REQUESTS, **wanted):
        status, number = status_of(labels[2]), round(series.value)
        requests += number
        refused += number if 400 <= status < 500 and status != GONE else 0
        failed += number if status >= 500 else 0
    return requests, refused, failed


def status_of(label: str) -> int:
    """The number of a status; 0 for those that share a series, because there are too many of them."""
    return 0 if label == OTHER else int(label)


def doors(snapshot: Snapshot, protocols: Iterable[str]) -> tuple[DoorState, ...]:
    """What came through each protocol."""
    return tuple(_door(snapshot, protocol) for protocol in protocols)


def _door(snapshot: Snapshot, protocol: str) -> DoorState:
    requests, refused, failed = answered(snapshot, protocol=protocol)
    return DoorState(
        protocol=protocol,
        requests=requests,
        refused=refused,
        failed=failed,
        in_flight=count(snapshot, catalogue.IN_FLIGHT, protocol=protocol),
        connections=count(snapshot, catalogue.CONNECTIONS, protocol=protocol),
    )


def endpoints(snapshot: Snapshot, names: Iterable[str]) -> tuple[EndpointState, ...]:
    """What came for each endpoint, those first that the Flow names, then others that were called."""
    called = {labels[1] for labels in snapshot.values(catalogue.REQUESTS)}
    named = list(dict.fromkeys(names))
    return tuple(_endpoint(snapshot, name) for name in [*named, *sorted(called - {*named})])


def _endpoint(snapshot: Snapshot, name: str) -> EndpointState:
    requests, refused, failed = answered(snapshot, endpoint=name)
    took = distribution(snapshot, catalogue.REQUEST_SECONDS, endpoint=name)
    return EndpointState(name=name, requests=requests, refused=refused, failed=failed, took=took)


def executor(
    snapshot: Snapshot,
    name: str,
    states: Mapping[str, str],
    *,
    is_ready: bool,
    weights: Mapping[str, float] | None = None,
) -> ExecutorState:
    """One executor; `states` has its replicas by name, none for one that runs elsewhere.

    `weights` are the shares of its versions, if it has several.
    """
    replicas = replicas_of(snapshot, name, states)
    names = [joined(name, version) for version in weights or (MAIN,)]
    took = distribution(snapshot, catalogue.HOP_SECONDS, executor=names)
    worked = sorted(
        {labels[3] for labels in snapshot.values(catalogue.EXECUTOR_REQUESTS) if labels[0] in names}
    )
    return ExecutorState(
        name=name,
        state=health(replicas, is_ready=is_ready),
        requests=sum(took.counts),
        failed=count(snapshot, catalogue.HOP_ERRORS, executor=names),
        retries=count(snapshot, catalogue.RETRIES, executor=names),
        restarts=sum(replica.restarts for replica in replicas),
        waiting=count(snapshot, catalogue.QUEUE_LENGTH, executor=names),
        in_flight=count(snapshot, catalogue.REPLICA_IN_FLIGHT, executor=names),
        took=took,
        endpoints=tuple(work(snapshot, each, executor=names, endpoint=each) for each in worked),
        replicas=replicas,
        versions=tuple(
            _version(snapshot, joined(name, version), version, weight, replicas)
            for version, weight in (weights or {}).items()
        ),
    )


def _version(
    snapshot: Snapshot, name: str, version: str, weight: float, replicas: Sequence[ReplicaState]
) -> VersionState:
    """One version; `name` is what it is called in the Flow."""
    own = [replica for replica in replicas if version_of(replica) == version]
    took = distribution(snapshot, catalogue.HOP_SECONDS, executor=name)
    return VersionState(
        name=version,
        weight=weight,
        state=health(own, is_ready=bool(own)),
        requests=sum(took.counts),
        failed=count(snapshot, catalogue.HOP_ERRORS, executor=name),
        retries=count(snapshot, catalogue.RETRIES, executor=name),
        waiting=count(snapshot, catalogue.QUEUE_LENGTH, executor=name),
        in_flight=count(snapshot, catalogue.REPLICA_IN_FLIGHT, executor=name),
        took=took,
    )

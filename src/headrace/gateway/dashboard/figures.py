"""The metrics of a Flow in, the figures of its dashboard out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from headrace.gateway.dashboard.records import (
    Distribution,
    DoorState,
    EndpointState,
    ExecutorState,
    Health,
    ReplicaState,
    WorkState,
)
from headrace.gateway.finished import GONE
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import Snapshot, Values
from headrace.observe.paths import hide_paths

ALIVE = ('healthy', 'suspect')
Labels = tuple[str, ...]
Wanted = Callable[[Labels], bool]


def everything(labels: Labels) -> bool:
    """Takes all series."""
    return True


def labelled(metric: Metric, **wanted: str) -> Wanted:
    """Takes the series of a metric whose labels are these.

    >>> labelled(catalogue.QUEUE_LENGTH, executor='encoder')(('encoder', '0'))
    True
    """
    places = [(metric.labels.index(name), value) for name, value in wanted.items()]
    return lambda labels: all(labels[at] == value for at, value in places)


def distribution(snapshot: Snapshot, metric: Metric, wanted: Wanted = everything) -> Distribution:
    """The sum of those series of a histogram that are wanted."""
    found = [values for labels, values in snapshot.values(metric).items() if wanted(labels)]
    if not found:
        return Distribution()
    counts = [sum(column) for column in zip(*(values.buckets for values in found), strict=True)]
    total = sum(values.value for values in found)
    return Distribution(metric.buckets, tuple(map(round, counts)), round(total, 6))


def count(snapshot: Snapshot, metric: Metric, wanted: Wanted = everything) -> int:
    """The sum of those series of a counter or gauge that are wanted."""
    return round(sum(values.value for labels, values in snapshot.values(metric).items() if wanted(labels)))


def answered(snapshot: Snapshot, wanted: Wanted = everything) -> tuple[int, int, int]:
    """How many requests ended, how many of them were refused, and how many failed."""
    requests = refused = failed = 0
    for labels, values in snapshot.values(catalogue.REQUESTS).items():
        if wanted(labels):
            status, number = int(labels[2]), round(values.value)
            requests += number
            refused += number if 400 <= status < 500 and status != GONE else 0
            failed += number if status >= 500 else 0
    return requests, refused, failed


def doors(snapshot: Snapshot, protocols: Iterable[str]) -> tuple[DoorState, ...]:
    """What came through each protocol."""
    return tuple(_door(snapshot, protocol) for protocol in protocols)


def _door(snapshot: Snapshot, protocol: str) -> DoorState:
    requests, refused, failed = answered(snapshot, labelled(catalogue.REQUESTS, protocol=protocol))
    return DoorState(
        protocol=protocol,
        requests=requests,
        refused=refused,
        failed=failed,
        in_flight=count(snapshot, catalogue.IN_FLIGHT, labelled(catalogue.IN_FLIGHT, protocol=protocol)),
        connections=count(
            snapshot, catalogue.CONNECTIONS, labelled(catalogue.CONNECTIONS, protocol=protocol)
        ),
    )


def endpoints(snapshot: Snapshot, names: Iterable[str]) -> tuple[EndpointState, ...]:
    """What came for each endpoint, those first that the Flow names, then others that were called."""
    called = {labels[1] for labels in snapshot.values(catalogue.REQUESTS)}
    named = list(dict.fromkeys(names))
    return tuple(_endpoint(snapshot, name) for name in [*named, *sorted(called - {*named})])


def _endpoint(snapshot: Snapshot, name: str) -> EndpointState:
    requests, refused, failed = answered(snapshot, labelled(catalogue.REQUESTS, endpoint=name))
    took = distribution(
        snapshot, catalogue.REQUEST_SECONDS, labelled(catalogue.REQUEST_SECONDS, endpoint=name)
    )
    return EndpointState(name=name, requests=requests, refused=refused, failed=failed, took=took)


def executor(snapshot: Snapshot, name: str, states: Mapping[str, str], *, is_ready: bool) -> ExecutorState:
    """One executor; `states` has its replicas by name, none for one that runs elsewhere."""
    replicas = tuple(_replica(snapshot, name, key, state) for key, state in sorted(states.items()))
    took = distribution(snapshot, catalogue.HOP_SECONDS, labelled(catalogue.HOP_SECONDS, executor=name))
    worked = sorted(
        {labels[3] for labels in snapshot.values(catalogue.EXECUTOR_REQUESTS) if labels[0] == name}
    )
    return ExecutorState(
        name=name,
        state=health(replicas, is_ready=is_ready),
        requests=sum(took.counts),
        failed=count(snapshot, catalogue.HOP_ERRORS, labelled(catalogue.HOP_ERRORS, executor=name)),
        retries=count(snapshot, catalogue.RETRIES, labelled(catalogue.RETRIES, executor=name)),
        restarts=sum(replica.restarts for replica in replicas),
        queue=count(snapshot, catalogue.QUEUE_LENGTH, labelled(catalogue.QUEUE_LENGTH, executor=name)),
        in_flight=sum(replica.in_flight for replica in replicas),
        took=took,
        endpoints=tuple(
            _work(snapshot, each, labelled(catalogue.EXECUTOR_REQUESTS, executor=name, endpoint=each))
            for each in worked
        ),
        replicas=replicas,
    )


def health(replicas: Sequence[ReplicaState], *, is_ready: bool) -> Health:
    """How an executor is: it works as long as each of its shards has a replica that does."""
    rows: dict[tuple[str, int], list[str]] = {}
    for replica in replicas:
        rows.setdefault((replica.part, replica.shard), []).append(replica.state)
    if not is_ready or any(not set(ALIVE) & {*row} for row in rows.values()):
        return 'down'
    is_well = all(state == 'healthy' for row in rows.values() for state in row)
    return 'healthy' if is_well else 'degraded'


def _replica(snapshot: Snapshot, executor: str, key: str, state: str) -> ReplicaState:
    part, shard, number = place_of(executor, key)
    own = {
        'executor': f'{executor}/{part}' if part else executor,
        'shard': str(shard),
        'replica': str(number),
    }
    is_own = labelled(catalogue.EXECUTOR_REQUESTS, **own)
    return ReplicaState(
        name=key,
        shard=shard,
        part=part,
        state=hide_paths(state),
        in_flight=count(snapshot, catalogue.REPLICA_IN_FLIGHT, is_own),
        restarts=count(snapshot, catalogue.RESTARTS, is_own),
        work=_work(snapshot, key, is_own),
    )


def place_of(executor: str, key: str) -> tuple[str, int, int]:
    """The part, the shard and the number of a replica, from its name.

    >>> place_of('index', 'index/shard-1/rep-2')
    ('', 1, 2)
    >>> place_of('index', 'index/after')
    ('after', 0, 0)
    """
    part, shard, number = '', 0, 0
    for word in key.removeprefix(executor).strip('/').split('/'):
        name, _, digits = word.rpartition('-')
        if name == 'shard':
            shard = int(digits)
        elif name == 'rep':
            number = int(digits)
        elif word:
            part = word
    return part, shard, number


def _work(snapshot: Snapshot, name: str, wanted: Wanted) -> WorkState:
    """What was done in the series that are wanted, of all metrics that workers have."""
    errors = snapshot.values(catalogue.HANDLER_ERRORS)
    return WorkState(
        name=name,
        requests=count(snapshot, catalogue.EXECUTOR_REQUESTS, wanted),
        documents=count(snapshot, catalogue.EXECUTOR_DOCUMENTS, wanted),
        failed=_sum(values for labels, values in errors.items() if wanted(labels)),
        handler=distribution(snapshot, catalogue.HANDLER_SECONDS, wanted),
        queued=distribution(snapshot, catalogue.EXECUTOR_QUEUE_SECONDS, wanted),
        batch=distribution(snapshot, catalogue.BATCH_DOCUMENTS, wanted),
        gathered=distribution(snapshot, catalogue.BATCH_WAIT_SECONDS, wanted),
    )


def _sum(series: Iterable[Values]) -> int:
    return round(sum(values.value for values in series))

"""Series of a snapshot in, sums of those that are wanted out."""

from __future__ import annotations

from collections.abc import Callable

from headrace.gateway.dashboard.records import Distribution, WorkState
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import Snapshot

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


def work(snapshot: Snapshot, name: str, wanted: Wanted) -> WorkState:
    """What was done in the series that are wanted, of all metrics that workers have."""
    return WorkState(
        name=name,
        requests=count(snapshot, catalogue.EXECUTOR_REQUESTS, wanted),
        documents=count(snapshot, catalogue.EXECUTOR_DOCUMENTS, wanted),
        failed=count(snapshot, catalogue.HANDLER_ERRORS, wanted),
        handler=distribution(snapshot, catalogue.HANDLER_SECONDS, wanted),
        queued=distribution(snapshot, catalogue.EXECUTOR_QUEUE_SECONDS, wanted),
        batch=distribution(snapshot, catalogue.BATCH_DOCUMENTS, wanted),
        gathered=distribution(snapshot, catalogue.BATCH_WAIT_SECONDS, wanted),
    )

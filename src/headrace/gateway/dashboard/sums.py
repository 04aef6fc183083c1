"""Series of a snapshot in, sums of those out that have some labels: `count(now, RETRIES, executor='a')`.

What is wanted of a label is its value, or several of which any will do: `executor=('a', 'a/v2')`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from headrace.gateway.dashboard.records import Distribution, WorkState
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import Snapshot, Values

Wanted = str | Collection[str]


def distribution(snapshot: Snapshot, metric: Metric, **labels: Wanted) -> Distribution:
    """The sum of those series of a histogram that have these labels."""
    found = [series for _, series in matching(snapshot, metric, **labels)]
    if not found:
        return Distribution()
    counts = [sum(column) for column in zip(*(series.buckets for series in found), strict=True)]
    total = sum(series.value for series in found)
    return Distribution(metric.buckets, tuple(map(round, counts)), round(total, 6))


def count(snapshot: Snapshot, metric: Metric, **labels: Wanted) -> int:
    """The sum of those series of a counter or gauge that have these labels."""
    return round(sum(series.value for _, series in matching(snapshot, metric, **labels)))


def matching(
    snapshot: Snapshot, metric: Metric, **labels: Wanted
) -> Iterator[tuple[tuple[str, ...], Values]]:
    """Those series of a metric that have these labels; each with all that it has."""
    wanted = [
        (metric.labels.index(name), (value,) if isinstance(value, str) else value)
        for name, value in labels.items()
    ]
    for own, series in snapshot.values(metric).items():
        if all(own[at] in values for at, values in wanted):
            yield own, series


def work(snapshot: Snapshot, name: str, **labels: Wanted) -> WorkState:
    """What was done in the series with these labels, of all metrics that workers have."""
    return WorkState(
        name=name,
        requests=count(snapshot, catalogue.EXECUTOR_REQUESTS, **labels),
        documents=count(snapshot, catalogue.EXECUTOR_DOCUMENTS, **labels),
        failed=count(snapshot, catalogue.HANDLER_ERRORS, **labels),
        handler=distribution(snapshot, catalogue.HANDLER_SECONDS, **labels),
        queue=distribution(snapshot, catalogue.EXECUTOR_QUEUE_SECONDS, **labels),
        batch=distribution(snapshot, catalogue.BATCH_DOCUMENTS, **labels),
        gathered=distribution(snapshot, catalogue.BATCH_WAIT_SECONDS, **labels),
    )

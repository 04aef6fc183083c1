"""The metrics of a Flow in; out, the text that Prometheus reads: its own format, or OpenMetrics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from prometheus_client import exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from headrace.observe.metrics import versions
from headrace.observe.metrics.catalogue import FLOW
from headrace.observe.metrics.reading import Measured, Snapshot, Values

TEXT = 'text/plain; version=0.0.4; charset=utf-8'
OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

_go: Callable[[float], str] = floatToGoString
Adding = Callable[[Snapshot], Iterator[Measured]]
"""What else is told of the same numbers."""


def written(
    snapshot: Snapshot,
    flow: str,
    *,
    accept: str = '',
    more: Adding | None = None,
    versioned: Collection[str] = (),
) -> tuple[bytes, str]:
    """The text, and its media type: OpenMetrics for who accepts it, which alone has exemplars.

    Every series has the label `flow` besides its own. `versioned` are executors that have several versions,
    as far as the series do not show it.
    """
    registry: Any = _Collected(snapshot, flow, more, versioned)
    if 'application/openmetrics-text' in accept:
        return openmetrics.generate_latest(registry), OPENMETRICS  # type: ignore[no-untyped-call]
    return exposition.generate_latest(registry), TEXT


class _Collected:
    """What the functions of prometheus_client take for a registry."""

    def __init__(
        self, snapshot: Snapshot, flow: str, more: Adding | None, versioned: Collection[str]
    ) -> None:
        self._versioned = frozenset(versioned)
        self._snapshot = snapshot
        self._flow = flow
        self._more = more

    def collect(self) -> Iterator[Family]:
        """Every metric with its series, in the order of their names."""
        measured = [*self._snapshot.metrics.values()]
        measured += [] if self._more is None else self._more(self._snapshot)
        versioned = self._versioned | versions.versioned(self._snapshot)
        for each in sorted(measured, key=lambda each: each.metric.name):
            yield _family(versions.labelled(each, versioned) if versioned else each, self._flow)


def _family(measured: Measured, flow: str) -> Family:
    metric = measured.metric
    labels = (FLOW, *metric.labels)
    pairs = [((flow, *values), found) for values, found in sorted(measured.series.items())]
    if metric.kind == 'histogram':
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=labels)
        for values, found in pairs:
            histogram.add_metric(values, _buckets(metric.buckets, found), found.value)
        return histogram
    kind = CounterMetricFamily if metric.kind == 'counter' else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=labels)
    for values, found in pairs:
        family.add_metric(values, found.value)
    return family


def _buckets(bounds: Sequence[float], values: Values) -> Any:
    """Each bucket's bound and the count up to it, with the exemplar if it has one."""
    total, buckets = 0.0, []
    names = [*map(_go, bounds), '+Inf']
    for index, (name, count) in enumerate(zip(names, values.buckets, strict=True)):
        total += count
        kept = values.exemplars.get(index)
        traced = [] if kept is None else [Exemplar({'trace_id': kept[2]}, kept[0], kept[1])]
        buckets.append((name, total, *traced))
    return buckets

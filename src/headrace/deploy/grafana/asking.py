"""A Flow in; out, the questions of its dashboards: about what a reader chose, over what fits the zoom."""

from __future__ import annotations

from headrace.deploy.grafana.panels import Choice
from headrace.deploy.monitored import Monitored
from headrace.deploy.promql import Queries, quoted
from headrace.observe.metrics.catalogue import FLOW, HOP_SECONDS, REQUESTS
from headrace.observe.metrics.metric import Metric

WINDOW = '$__rate_interval'
"""Grafana's own: at least four scrapes, and more where the reader looks at days."""


def where(flow: Monitored) -> str:
    """What chooses the Flow's series."""
    return f'{FLOW}="{quoted(flow.flow)}"'


def asking(flow: Monitored, *labels: str) -> Queries:
    """Questions about what a reader has chosen of a Flow by these labels; without, about all of it."""
    chosen = ((label, '=~', f'${label}') for label in labels)
    return Queries(((FLOW, '=', quoted(flow.flow)), *chosen), WINDOW)


def choices(flow: Monitored, *labels: str) -> tuple[Choice, ...]:
    """What a reader may choose: protocol, endpoint, executor."""
    return tuple(Choice(label, _of(label), where(flow)) for label in labels)


def _of(label: str) -> str:
    metric: Metric = HOP_SECONDS if label == 'executor' else REQUESTS
    return f'{metric.name}_count' if metric.kind == 'histogram' else metric.name

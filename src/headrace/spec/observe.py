"""What is wanted to be seen of a running Flow, as plain frozen data: metrics, traces, logs, its dashboard."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

LogFormat = Literal['auto', 'json', 'text']
LogLevel = Literal['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']


class MetricsSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured, and under which names it is told."""

    enabled: Annotated[bool, Meta(description='Whether anything is measured.')] = True
    jina_names: Annotated[bool, Meta(description='Tell the names of Jina 3, too, for old dashboards.')] = (
        False
    )


class TracesSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where OpenTelemetry traces go, and of how many requests."""

    endpoint: Annotated[
        str, Meta(description='Where an OTLP collector listens: http://host:4317; none is no traces.')
    ] = ''
    sample: Annotated[
        float, Meta(ge=0, le=1, description='Part of the requests that are traced if their caller is not.')
    ] = 1.0


class LogsSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How lines are printed, and which."""

    format: Annotated[
        LogFormat, Meta(description='json, text, or auto: text in a terminal and json elsewhere.')
    ] = 'auto'
    slow_s: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description='Requests that take longer have a line that says where the time went.'),
    ] = None


class DashboardSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page that shows the running Flow."""

    enabled: Annotated[bool, Meta(description='Whether the HTTP port serves the dashboard.')] = True


class ObserveSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that tells what a Flow does.

    >>> ObserveSpec(logs=LogsSpec(slow_s=0.5)).metrics.enabled
    True
    """

    metrics: Annotated[MetricsSpec, Meta(description='What is measured, for Prometheus.')] = MetricsSpec()
    traces: Annotated[TracesSpec, Meta(description='OpenTelemetry traces.')] = TracesSpec()
    logs: Annotated[LogsSpec, Meta(description='What is printed.')] = LogsSpec()
    dashboard: Annotated[DashboardSpec, Meta(description='The page at /dashboard.')] = DashboardSpec()

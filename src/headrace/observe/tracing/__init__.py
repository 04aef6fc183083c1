"""Traces: what a request does where, as OpenTelemetry's spans; nothing of that is imported unless wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.extras import load
from headrace.observe.tracing.settings import Settings
from headrace.observe.tracing.traceparent import is_sampled, trace_id, usable, usable_state

if TYPE_CHECKING:
    from headrace.observe.metrics.store import Store
    from headrace.observe.tracing.tracing import Tracing

__all__ = ['Settings', 'begun', 'is_sampled', 'trace_id', 'usable', 'usable_state']


def begun(
    settings: Settings | None, *, is_own_process: bool = False, store: Store | None = None
) -> Tracing | None:
    """What records spans as the settings say; None without any.

    In a process of our own, other libraries that use OpenTelemetry get their tracers from there, too. What
    cannot be sent is counted in `store`. Raises MissingExtra if OpenTelemetry is not installed.
    """
    if settings is None:
        return None
    load('opentelemetry.sdk.trace', extra='otel')  # so that one who has not got it is told how to
    module: Any = load('headrace.observe.tracing.tracing', extra='otel')
    made: Tracing = module.Tracing(settings)
    if store is not None:
        made.outbox.count_in(store)
    if is_own_process:
        made.publish()
    return made

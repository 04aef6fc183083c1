"""What records the spans of one process, and sends them off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from headrace._version import __version__
from headrace.observe.logcontext import CURRENT
from headrace.observe.tracing.exporting import exporter
from headrace.observe.tracing.outbox import Outbox
from headrace.observe.tracing.settings import Settings
from headrace.observe.tracing.span import Span
from headrace.observe.tracing.traceparent import ids, is_chosen, is_sampled, unsampled

Kind = Literal['internal', 'server', 'client']
_KINDS = {'internal': SpanKind.INTERNAL, 'server': SpanKind.SERVER, 'client': SpanKind.CLIENT}
_RECORDED = TraceFlags(TraceFlags.SAMPLED)
_NOT_RECORDED = TraceFlags(TraceFlags.DEFAULT)


class Tracing:
    """Begins spans. Whether there is one is decided before: at the door, and then by what a request carries.

    `provider` is what user code gets its tracers from: in a request these do as the request says, elsewhere
    as `sample` does. `close` sends what waits.
    """

    def __init__(self, settings: Settings, sender: SpanExporter | None = None) -> None:
        self._settings = settings
        self.outbox = Outbox(sender or exporter(settings), limit=settings.queue)
        resource = Resource.create(dict(settings.resource))
        ours = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        theirs = ParentBased(OutsideOfRequests(TraceIdRatioBased(settings.sample)))
        self.provider = TracerProvider(sampler=theirs, resource=resource, shutdown_on_exit=False)
        for provider in (ours, self.provider):
            provider.add_span_processor(self.outbox)
        self._tracer = ours.get_tracer('headrace', __version__)

    def publish(self) -> None:
        """Be what all code of this process gets its tracers from, unless it has seen to that itself."""
        if isinstance(otel.get_tracer_provider(), otel.ProxyTracerProvider):
            otel.set_tracer_provider(self.provider)

    def decided(self, trace: str) -> str:
        """What a request that came with `trace` carries on: whether it is recorded is said by its flags.

        A request that is, and has no caller who traces, carries nothing yet: '' is for `begin`.
        """
        if trace and self._settings.follows:
            return trace
        if is_chosen(self._settings.sample):
            return f'{trace[:53]}01' if trace else ''
        return unsampled(trace)

    def begin(
        self,
        name: str,
        parent: str | Span = '',
        state: str = '',
        *,
        kind: Kind = 'internal',
        links: Sequence[Span] = (),
        since_ns: int | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Span:
        """A span within another one, or within the one that a traceparent (with its tracestate) names.

        Without either it begins a trace.
        """
        return Span(
            self,
            self._tracer.start_span(
                name,
                parent.within if isinstance(parent, Span) else remote(parent, state),
                kind=_KINDS[kind],
                attributes=attributes,
                links=[otel.Link(each.context) for each in links] or None,
                start_time=since_ns,
            ),
        )

    def flush(self, timeout_s: float) -> bool:
        """Send what waits; False if that takes longer."""
        return self.outbox.force_flush(int(timeout_s * 1000))

    def close(self, timeout_s: float) -> bool:
        """Send what waits and end; False if that takes longer, and then the rest is lost."""
        return self.outbox.close(timeout_s)


def remote(trace: str, state: str = '') -> Context:
    """What a caller says of its trace as OpenTelemetry's context of what is done for it; '' is nothing."""
    if not trace:
        return Context()
    trace_id, span_id = ids(trace)
    flags = _RECORDED if is_sampled(trace) else _NOT_RECORDED
    states = TraceState.from_header([state]) if state else None
    caller = SpanContext(trace_id, span_id, True, flags, states)
    return set_span_in_context(NonRecordingSpan(caller), Context())


class OutsideOfRequests(Sampler):
    """For spans of user code that have no parent: in a request that is not recorded they are not, either."""

    def __init__(self, otherwise: Sampler) -> None:
        self._otherwise = otherwise

    def should_sample(self, *given: Any, **named: Any) -> SamplingResult:
        """As the other one says, outside of requests."""
        sampler = self._otherwise if CURRENT.get() is None else ALWAYS_OFF
        return sampler.should_sample(*given, **named)

    def get_description(self) -> str:
        """What it does, for who debugs samplers."""
        return f'OutsideOfRequests({self._otherwise.get_description()})'

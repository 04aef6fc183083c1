"""The OpenTelemetry of the program that uses a client, if it has any: each request is a span of its trace.

Nothing is imported for that: a program that traces has imported it itself.
"""

from __future__ import annotations

import sys
from typing import Any

from headrace._version import __version__
from headrace.errors import HeadraceError

TRACEPARENT, TRACESTATE = 'traceparent', 'tracestate'


class Caller:
    """Where the program was, in its traces, when it called: requests are spans within that."""

    def __init__(self, otel: Any, context: Any) -> None:
        self._otel = otel
        self._context = context
        self._tracer = otel.get_tracer('headrace.client', __version__)

    def begin(self, endpoint: str, documents: int) -> Sent | None:
        """The span of a request; None if the program's traces have no place for it."""
        about = {'headrace.endpoint': endpoint, 'headrace.documents': documents}
        kind = self._otel.SpanKind.CLIENT
        span = self._tracer.start_span(f'post {endpoint}', context=self._context, kind=kind, attributes=about)
        return Sent(self._otel, span) if span.get_span_context().is_valid else None


class Sent:
    """The span of one request; `trace` is what goes with it: its traceparent and tracestate."""

    def __init__(self, otel: Any, span: Any) -> None:
        self._otel = otel
        self._span = span
        context = span.get_span_context()
        parent = f'00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}'
        state = context.trace_state.to_header()
        self.trace = {TRACEPARENT: parent, **({TRACESTATE: state} if state else {})}

    def tried(self, error: HeadraceError) -> None:
        """An attempt has failed, and there will be another."""
        self._span.add_event('attempt failed', {'headrace.error': error.message})

    def end(self, error: BaseException | None = None) -> None:
        """The answer is there, or why there is none."""
        if error is not None:
            self._span.record_exception(error)
            said = error.message if isinstance(error, HeadraceError) else str(error)
            self._span.set_status(self._otel.Status(self._otel.StatusCode.ERROR, said))
        self._span.end()


def caller() -> Caller | None:
    """Where the calling program is now in its traces; None if it has none."""
    otel, contexts = sys.modules.get('opentelemetry.trace'), sys.modules.get('opentelemetry.context')
    if otel is None or contexts is None:
        return None
    is_within = otel.get_current_span().get_span_context().is_valid
    if not is_within and isinstance(otel.get_tracer_provider(), otel.ProxyTracerProvider):
        return None
    return Caller(otel, contexts.get_current())

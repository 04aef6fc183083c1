"""One piece of a request's work, as it is recorded: begun, told more of, ended."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Sequence
from contextvars import Token
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import SpanContext, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

from headrace.errors import Cancelled, HeadraceError

if TYPE_CHECKING:
    from headrace.observe.tracing.tracing import Tracing

FAULT = 500
"""The least status of an error that is not its caller's own."""


class Span:
    """A span that is recorded; `trace` is the traceparent of what happens within it."""

    __slots__ = ('_tracing', 'otel', 'trace')

    def __init__(self, tracing: Tracing, otel: OtelSpan) -> None:
        self._tracing = tracing
        self.otel = otel
        context = otel.get_span_context()
        self.trace = f'00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}'

    @property
    def context(self) -> SpanContext:
        """Who it is, for links."""
        return self.otel.get_span_context()

    @property
    def within(self) -> Context:
        """The context of OpenTelemetry in which this span is the current one."""
        return set_span_in_context(self.otel)

    @property
    def since_ns(self) -> int:
        """When it began."""
        began: int = getattr(self.otel, 'start_time', 0)
        return began

    def begin(self, name: str, *, links: Sequence[Span] = (), **attributes: Any) -> Span:
        """A span within it."""
        return self._tracing.begin(name, self, links=links, attributes=_dotted(attributes))

    def past(self, name: str, since_ns: int, **attributes: Any) -> None:
        """What went on within it from a point in time until now."""
        self._tracing.begin(name, self, since_ns=since_ns, attributes=_dotted(attributes)).end()

    def activate(self) -> Token[Context]:
        """Make it the current one of this task or thread, for user code; `deactivate` undoes that."""
        return attach(self.within)

    def deactivate(self, token: Token[Context]) -> None:
        """Let what was the current one be that again."""
        detach(token)

    def tell(self, **attributes: Any) -> None:
        """Say more of it: `replica='a'` is the attribute `headrace.replica`."""
        self.otel.set_attributes(_dotted(attributes))

    def event(self, name: str, **attributes: Any) -> None:
        """Something happened, at this moment."""
        self.otel.add_event(name, _dotted(attributes))

    def link(self, other: Span) -> None:
        """It has to do with another span, which may be of another trace."""
        self.otel.add_link(other.context)

    def fail(self, error: BaseException) -> None:
        """It ended with an error; one that its caller has caused is told, and is no failure.

        Who is cancelled has failed in nothing: that is an event.
        """
        if isinstance(error, CancelledError | GeneratorExit | Cancelled):
            self.otel.add_event('cancelled')
            return
        own = getattr(error, 'traceback', '')  # that of an executor, from its own process
        self.otel.record_exception(error, {'exception.stacktrace': own} if own else None)
        self.otel.set_attribute('error.type', type(error).__name__)
        if not isinstance(error, HeadraceError) or error.http_status >= FAULT:
            said = error.message if isinstance(error, HeadraceError) else str(error)
            self.otel.set_status(Status(StatusCode.ERROR, f'{type(error).__name__}: {said}'))

    def blame(self, error: str) -> None:
        """It is a failure, for this reason, unless it has told one: why it was cut off, others know."""
        status: Status | None = getattr(self.otel, 'status', None)
        if status is None or status.is_unset:
            self.otel.set_attribute('error.type', error.partition(':')[0])
            self.otel.set_status(Status(StatusCode.ERROR, error))

    def end(self, at_ns: int | None = None) -> None:
        """It is over; nothing that is said later counts."""
        self.otel.end(at_ns)

    def __repr__(self) -> str:
        return f'<Span {getattr(self.otel, "name", "")} {self.trace}>'


def _dotted(attributes: dict[str, Any]) -> dict[str, Any]:
    """Names as OpenTelemetry has them, of keywords: those of ours begin with `headrace.`."""
    return {f'headrace.{key}': value for key, value in attributes.items()}

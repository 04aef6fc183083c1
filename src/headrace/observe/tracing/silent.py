"""The tracer of executors whose Flow has no traces: it takes what a real one takes, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.observe.tracing.tracing import Tracing


class SilentSpan:
    """A span that nobody records, with the methods of OpenTelemetry's."""

    def is_recording(self) -> bool:
        """No."""
        return False

    def set_attribute(self, key: str, value: Any) -> None:
        """Nothing."""

    def set_attributes(self, attributes: Any) -> None:
        """Nothing."""

    def add_event(self, name: str, attributes: Any = None, timestamp: Any = None) -> None:
        """Nothing."""

    def add_link(self, context: Any, attributes: Any = None) -> None:
        """Nothing."""

    def set_status(self, status: Any, description: Any = None) -> None:
        """Nothing."""

    def update_name(self, name: str) -> None:
        """Nothing."""

    def record_exception(self, exception: BaseException, *given: Any, **named: Any) -> None:
        """Nothing."""

    def end(self, end_time: Any = None) -> None:
        """Nothing."""

    def __enter__(self) -> SilentSpan:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing."""


class SilentTracer:
    """Begins spans that nobody records.

    >>> with SilentTracer().start_as_current_span('index') as span:
    ...     span.set_attribute('documents', 3)
    """

    def start_span(self, name: str, *given: Any, **named: Any) -> SilentSpan:
        """A span."""
        return SILENT_SPAN

    @contextmanager
    def start_as_current_span(self, name: str, *given: Any, **named: Any) -> Iterator[SilentSpan]:
        """A span for a `with` block, or for a whole function as its decorator."""
        yield SILENT_SPAN


SILENT_SPAN = SilentSpan()
SILENT = SilentTracer()


def tracer_of(tracing: Tracing | None, name: str) -> Any:
    """OpenTelemetry's tracer for what calls itself `name`; a silent one where there are no traces."""
    return SILENT if tracing is None else tracing.provider.get_tracer(name)

"""Finished spans in, batches of them at an exporter out; nobody who has finished one waits for that."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from headrace.observe.metrics import catalogue
from headrace.observe.metrics.store import Store
from headrace.observe.metrics.values import Counter

BATCH = 512
"""Spans that go in one request; so many begin one at once."""

EVERY_S = 1.0
"""How long a span waits for others."""

TOLD_EVERY_S = 60.0
"""How often it is logged that spans were lost."""

_log = logging.getLogger(__name__)


class Outbox(SpanProcessor):
    """Finished spans that wait to be sent by a thread of its own, which begins with the first.

    At most `limit` wait; when the collector is slow, or away, others are dropped and counted (`dropped`).
    What was handed to an exporter that could not deliver it counts as dropped, too, and so does what is not
    delivered when the time for the end is over.
    """

    def __init__(self, exporter: SpanExporter, *, limit: int, every_s: float = EVERY_S) -> None:
        self.dropped = 0
        self._counter: Counter | None = None
        self._exporter = exporter
        self._limit = limit
        self._every_s = every_s
        self._spans: deque[ReadableSpan] = deque()
        self._wake = threading.Event()
        self._sent = threading.Condition()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_over = False
        self._is_busy = False
        self._sending = 0
        self._told_at = -TOLD_EVERY_S

    def count_in(self, store: Store) -> None:
        """Count what is dropped from now on among the metrics of this process."""
        self._counter = store.counter(catalogue.SPANS_DROPPED).labels()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing: only finished spans are sent."""

    def on_end(self, span: ReadableSpan) -> None:
        """Let a span wait, or drop it; any thread may call this, and none waits."""
        if not span.context.trace_flags.sampled:  # one that user code may look at, and nobody else
            return
        if len(self._spans) >= self._limit or self._is_over:
            self._drop(1)
            return
        self._spans.append(span)
        if self._thread is None:
            self._start()
        elif len(self._spans) == BATCH:
            self._wake.set()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name='headrace-spans', daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while not self._is_over:
            self._wake.wait(self._every_s)
            self._wake.clear()
            self._send()
        self._send()

    def _send(self) -> None:
        while self._spans:
            self._is_busy = True
            batch = self._taken()
            try:
                is_sent = self._exporter.export(batch) is SpanExportResult.SUCCESS
            except Exception:  # whatever a library raises: the next batch may fare better
                _log.exception('spans could not be sent')
                is_sent = False
            self._sent_or_not(is_sent)
        self._is_busy = False
        with self._sent:
            self._sent.notify_all()
        self._tell()

    def _taken(self) -> list[ReadableSpan]:
        """The next spans, which are on their way from now on."""
        with self._lock:
            batch = [self._spans.popleft() for _ in range(min(len(self._spans), BATCH))]
            self._sending = len(batch)
        return batch

    def _sent_or_not(self, is_sent: bool) -> None:
        """Those on their way have arrived, or are lost; what was given up meanwhile is counted already."""
        with self._lock:
            spans, self._sending = self._sending, 0
            if not is_sent:
                self._count(spans)

    def _given_up(self) -> int:
        """Count as dropped what waits and what is on its way."""
        with self._lock:
            spans, self._sending = len(self._spans) + self._sending, 0
            self._spans.clear()
            self._count(spans)
        return spans

    def _drop(self, spans: int) -> None:
        with self._lock:
            self._count(spans)

    def _count(self, spans: int) -> None:
        self.dropped += spans
        if self._counter is not None and spans:
            self._counter.add(spans)

    def _tell(self) -> None:
        now = time.monotonic()
        if self.dropped and now - self._told_at >= TOLD_EVERY_S:
            self._told_at = now
            _log.warning('%d spans were not sent so far: the collector is slow, or away', self.dropped)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits; False if that takes longer."""
        if self._thread is None:
            return True
        self._wake.set()
        with self._sent:
            return self._sent.wait_for(lambda: not self._spans and not self._is_busy, timeout_millis / 1000)

    def shutdown(self) -> None:
        """End with what waits, within a second."""
        self.close(1.0)

    def close(self, timeout_s: float) -> bool:
        """Send what waits and end; False if that takes longer, and then the rest is lost."""
        self._is_over = True
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        is_done = thread is None or not thread.is_alive()
        lost = 0 if is_done else self._given_up()
        self._exporter.shutdown()
        if lost:
            _log.warning('%d spans were not sent: the collector did not take them in time', lost)
        return is_done

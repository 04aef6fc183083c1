"""Finished spans on their way to a collector: bounded, counted, and never waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from headrace.observe.metrics import catalogue
from headrace.observe.metrics.exposition import written
from headrace.observe.metrics.reading import read
from headrace.observe.metrics.store import Store
from headrace.observe.tracing.outbox import BATCH, Outbox


class Kept(SpanExporter):
    """An exporter that keeps what it gets, and waits as long as it is told to."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.batches: list[int] = []
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.result = SpanExportResult.SUCCESS
        self.is_over = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked.set()
        assert self.go_on.wait(30)
        self.names += [span.name for span in spans]
        self.batches.append(len(spans))
        return self.result

    def shutdown(self) -> None:
        self.is_over = True
        self.go_on.set()


@pytest.fixture
def exporter() -> Kept:
    return Kept()


@pytest.fixture
def outbox(exporter: Kept) -> Iterator[Outbox]:
    made = Outbox(exporter, limit=2 * BATCH, every_s=60)
    yield made
    made.close(5)


def tracer(outbox: Outbox) -> Any:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(outbox)
    return provider.get_tracer('test')


def test_without_spans_there_is_no_thread(outbox):
    before = threading.active_count()
    tracer(outbox)
    assert threading.active_count() == before
    assert outbox.force_flush()


def test_what_waits_is_sent_when_somebody_asks(outbox, exporter):
    spans = tracer(outbox)
    spans.start_span('first').end()
    spans.start_span('second').end()
    assert outbox.force_flush(30_000)
    assert exporter.names == ['first', 'second']
    assert exporter.batches == [2]


def test_a_full_batch_is_sent_at_once(outbox, exporter):
    spans = tracer(outbox)
    for _ in range(BATCH):
        spans.start_span('span').end()
    assert exporter.asked.wait(30)


def test_a_collector_that_hangs_holds_nobody_up_and_what_is_too_much_is_counted(outbox, exporter):
    exporter.go_on.clear()
    spans = tracer(outbox)
    for _ in range(BATCH):
        spans.start_span('span').end()
    assert exporter.asked.wait(30)
    begun = time.monotonic()
    for _ in range(3 * BATCH):
        spans.start_span('span').end()
    assert time.monotonic() - begun < 5
    assert outbox.dropped == BATCH
    assert not outbox.force_flush(10)
    exporter.go_on.set()
    assert outbox.force_flush(30_000)
    assert len(exporter.names) == 3 * BATCH


def test_what_cannot_be_delivered_counts_as_dropped(outbox, exporter):
    exporter.result = SpanExportResult.FAILURE
    tracer(outbox).start_span('span').end()
    assert outbox.force_flush(30_000)
    assert outbox.dropped == 1


def test_what_is_dropped_is_among_the_metrics(exporter):
    store = Store()
    outbox = Outbox(exporter, limit=1, every_s=60)
    outbox.count_in(store)
    dropped = store.counter(catalogue.SPANS_DROPPED).labels()
    assert dropped.value == 0
    exporter.result = SpanExportResult.FAILURE
    spans = tracer(outbox)
    for _ in range(3):
        spans.start_span('span').end()
    assert dropped.value == outbox.dropped == 2
    assert outbox.close(30)
    assert dropped.value == outbox.dropped == 3
    text, _ = written(read(None, store), 'shop')
    assert b'headrace_trace_spans_dropped_total{flow="shop"} 3.0' in text


def test_an_exporter_that_raises_ends_nothing(outbox, exporter, caplog):
    def fail(spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise OSError('the network is gone')

    export, exporter.export = exporter.export, fail
    spans = tracer(outbox)
    spans.start_span('first').end()
    assert outbox.force_flush(30_000)
    exporter.export = export
    spans.start_span('second').end()
    assert outbox.force_flush(30_000)
    assert exporter.names == ['second']
    assert outbox.dropped == 1


def test_the_end_sends_what_waits(exporter):
    outbox = Outbox(exporter, limit=10, every_s=60)
    spans = tracer(outbox)
    spans.start_span('last').end()
    assert outbox.close(30)
    assert exporter.names == ['last']
    assert exporter.is_over
    spans.start_span('late').end()
    assert outbox.dropped == 1


def test_the_end_does_not_wait_for_a_collector_that_hangs(exporter):
    exporter.go_on.clear()
    outbox = Outbox(exporter, limit=10, every_s=60)
    tracer(outbox).start_span('last').end()
    begun = time.monotonic()
    assert not outbox.close(0.1)
    assert time.monotonic() - begun < 5
    assert exporter.is_over


def test_what_is_left_at_the_end_counts_as_dropped_once(exporter, caplog):
    exporter.go_on.clear()
    store = Store()
    outbox = Outbox(exporter, limit=4 * BATCH, every_s=60)
    outbox.count_in(store)
    exporter.result = SpanExportResult.FAILURE  # as of one that was shut down
    spans = tracer(outbox)
    for _ in range(BATCH):
        spans.start_span('on its way').end()
    assert exporter.asked.wait(30)
    for _ in range(7):
        spans.start_span('waits').end()
    assert not outbox.close(0.1)
    assert outbox.dropped == BATCH + 7
    assert f'{BATCH + 7} spans were not sent' in caplog.text
    assert outbox._thread is not None
    outbox._thread.join(30)  # it hears from its exporter after all
    assert store.counter(catalogue.SPANS_DROPPED).labels().value == outbox.dropped == BATCH + 7
    assert exporter.batches == [BATCH]

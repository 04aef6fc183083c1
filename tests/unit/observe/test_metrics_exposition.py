"""Counts as text: under our names, and under those that old dashboards ask for."""

from __future__ import annotations

import os

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from headrace.observe.metrics import catalogue, jina, processes
from headrace.observe.metrics.exposition import written
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import read
from headrace.observe.metrics.store import Store

WHO = ('encoder', '0', '1')


def told(store: Store, **labels: str) -> dict[str, float]:
    """The samples that have these labels, by name."""
    text, _ = written(read(None, store), 'shop', more=jina.named)
    return {
        sample.name: sample.value
        for family in families(text.decode())
        for sample in family.samples
        if labels.items() <= sample.labels.items() and 'le' not in sample.labels
    }


def test_the_names_of_jina() -> None:
    store = Store()
    for status, count in (('200', 5), ('404', 1), ('500', 2)):
        store.counter(catalogue.REQUESTS).labels('http', '/a', status).add(count)
    store.histogram(catalogue.REQUEST_SECONDS).labels('http', '/a').observe(0.25)
    store.histogram(catalogue.REQUEST_SECONDS).labels('grpc', '/b').observe(0.5)
    store.gauge(catalogue.IN_FLIGHT).labels('http').set(3)
    store.counter(catalogue.EXECUTOR_DOCUMENTS).labels(*WHO, '/a').add(7)
    store.histogram(catalogue.HANDLER_SECONDS).labels(*WHO, '/a').observe(0.125)
    own = Metric(name='mixing_seconds', kind='histogram', help='', labels=catalogue.EXECUTOR, buckets=(1.0,))
    store.histogram(own).labels(*WHO).observe(2)
    gateway = told(store, runtime_name='gateway')
    assert gateway['jina_successful_requests_total'] == 5
    assert gateway['jina_failed_requests_total'] == 3
    assert gateway['jina_receiving_request_seconds_count'] == 2
    assert gateway['jina_receiving_request_seconds_sum'] == 0.75
    assert gateway['jina_number_of_pending_requests'] == 3
    worker = told(store, runtime_name='encoder/shard-0/rep-1')
    assert worker['jina_document_processed_total'] == 7
    assert worker['jina_process_request_seconds_sum'] == 0.125
    assert worker['jina_mixing_seconds_sum'] == 2
    assert told(store, executor='encoder', executor_endpoint='/a')['jina_document_processed_total'] == 7


def test_labels_that_need_escapes_come_through() -> None:
    store = Store()
    strange = 'a "b"\nc\\d é'
    store.counter(catalogue.HOP_ERRORS).labels('encoder', strange).add()
    assert told(store, error=strange)['headrace_hop_errors_total'] == 1


def test_every_metric_says_what_it_is() -> None:
    for name, metric in catalogue.ALL.items():
        assert name == metric.name
        assert metric.help, name
        assert metric.name.endswith('_total') == (metric.kind == 'counter'), name
        assert (metric.kind == 'histogram') == bool(metric.buckets), name
        assert list(metric.buckets) == sorted(set(metric.buckets)), name
        assert catalogue.FLOW not in metric.labels, name


def test_this_very_process() -> None:
    found = processes.look([('me', os.getpid()), ('nobody', 2**22 + 1)])
    if not processes.PROC.exists():
        pytest.skip('there is no /proc')
    assert {name: list(measured.series) for name, measured in found.items()} == {
        metric.name: [('me',)] for metric in catalogue.PROCESSES if metric.name.startswith('process_')
    }
    memory = found[catalogue.PROCESS_MEMORY.name].series['me',].value
    assert 10e6 < memory < 10e9

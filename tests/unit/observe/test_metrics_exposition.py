"""Counts as text: under our names, and under those that old dashboards ask for."""

from __future__ import annotations

import os
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from headrace.observe.metrics import catalogue, gpus, jina, processes
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


class NVMLError(Exception):
    """What NVIDIA's library raises."""


def failing(*_: Any) -> Any:
    raise NVMLError('lost')


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stand-in for NVIDIA's library, with one device."""
    module: Any = ModuleType('pynvml')
    module.__spec__ = SimpleNamespace()
    module.NVMLError = NVMLError
    module.nvmlInit = lambda: None
    module.nvmlDeviceGetCount = lambda: 1
    module.nvmlDeviceGetHandleByIndex = lambda number: number
    module.nvmlDeviceGetName = lambda device: 'A device'
    module.nvmlDeviceGetMemoryInfo = lambda device: SimpleNamespace(used=5, total=8)
    module.nvmlDeviceGetUtilizationRates = lambda device: SimpleNamespace(gpu=75)
    monkeypatch.setitem(sys.modules, 'pynvml', module)
    gpus._library.cache_clear()
    yield module
    gpus._library.cache_clear()


def test_gpus(nvml: Any) -> None:
    found = {name: {k: v.value for k, v in m.series.items()} for name, m in gpus.look().items()}
    assert found == {
        'headrace_gpu_memory_used_bytes': {('0', 'A device'): 5},
        'headrace_gpu_memory_bytes': {('0', 'A device'): 8},
        'headrace_gpu_utilization_ratio': {('0', 'A device'): 0.75},
    }


def test_gpus_that_do_not_say(nvml: Any) -> None:
    nvml.nvmlDeviceGetUtilizationRates = failing
    assert 'headrace_gpu_utilization_ratio' not in gpus.look()
    nvml.nvmlDeviceGetMemoryInfo = failing
    assert gpus.look() == {}
    nvml.nvmlInit = failing
    gpus._library.cache_clear()
    assert gpus.look() == {}

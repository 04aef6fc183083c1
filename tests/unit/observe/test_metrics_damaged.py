"""Files of metrics with something broken in them: that is skipped and told once, the rest is shown."""

from __future__ import annotations

import logging
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.gateway.dashboard import figures
from headrace.gateway.dashboard.history import Curves
from headrace.observe.metrics import catalogue, jina
from headrace.observe.metrics.exposition import OPENMETRICS, written
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import Snapshot, read
from headrace.observe.metrics.store import MOST, Store

APPLES = Metric(name='apples_total', kind='counter', help='Eaten', labels=('by',))


def counted(folder: Path) -> Store:
    """A file with a bit of everything that the dashboard shows."""
    store = Store(folder, 'gateway')
    store.counter(catalogue.REQUESTS).labels('http', '/a', '200').add(7)
    store.counter(catalogue.REQUESTS).labels('http', '/a', '503').add(2)
    store.histogram(catalogue.HOP_SECONDS).labels('encoder', '/a').observe(0.02)
    store.gauge(catalogue.REPLICAS).labels('encoder', '0', 'serving').set(2)
    store.counter(APPLES).labels('Eve').add(3)
    return store


def everything(now: Snapshot) -> tuple[bytes, bytes]:
    """What is ever made of metrics: by the dashboard, by `top`, and for Prometheus."""
    figures.endpoints(now, ['/a'])
    figures.doors(now, ['http'])
    figures.executor(now, 'encoder', {'encoder/rep-0': 'healthy'}, is_ready=True)
    Curves(('encoder',)).add(1.0, now)
    return written(now, 'flow', more=jina.named)[0], written(now, 'flow', accept=OPENMETRICS)[0]


@pytest.mark.parametrize(
    ('true', 'false', 'requests'),
    [
        (b'"503"', b'"5x3"', (7, 0, 0)),
        (b'"503"', b'"   "', (7, 0, 0)),
        (b'"0","serving"', b'"x","serving"', (9, 0, 2)),
        (b'["http","/a","503"]', b'["http","/a","50"] ', (7, 0, 0)),
        (b'{"type":"series","metric":0,"labels":["http","/a","503"]', b'{' * 56, (7, 0, 0)),
        (b'"protocol","endpoint","status"', b'"endpoint","protocol","status"', (0, 0, 0)),
        (b'"metric":0,', b'"metric":-1', (0, 0, 0)),
        (b'"name":"headrace_requests_total"', b'"name":"headrace requests total"', (0, 0, 0)),
        (b'{"type":"metric","name":"headrace_requests_total"', b'{' * 49, (0, 0, 0)),
        (b'"apples_total"', b'"apples\xfftotal"', (9, 0, 2)),
    ],
)
def test_a_broken_sample_is_skipped_and_told_once(
    tmp_path: Path,
    true: bytes,
    false: bytes,
    requests: tuple[int, int, int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = counted(tmp_path)
    store.close()
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    assert true in content
    assert len(true) == len(false)
    file.write_bytes(content.replace(true, false))
    good = Store(tmp_path, 'worker')
    good.histogram(catalogue.HOP_SECONDS).labels('encoder', '/a').observe(0.02)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            now = read(tmp_path)
            everything(now)
    good.close()
    assert figures.answered(now) == requests
    assert figures.executor(now, 'encoder', {}, is_ready=True).requests == 2
    (said,) = caplog.messages
    assert 'a file of gateway' in said
    assert 'is damaged' in said


@pytest.mark.parametrize('value', [nan, inf, -1.0, 1e300])
def test_numbers_that_cannot_be_are_skipped(value: float) -> None:
    store = Store()
    store.counter(catalogue.REQUESTS).labels('http', '/a', '200').add(7)
    store.counter(catalogue.REQUESTS).labels('http', '/a', '500').slots[0] = value
    store.histogram(catalogue.HOP_SECONDS).labels('encoder', '/a').slots[0] = value
    now = read(None, store)
    everything(now)
    assert figures.answered(now) == (7, 0, 0)


def test_more_replicas_than_anybody_has_take_no_memory() -> None:
    store = Store()
    store.gauge(catalogue.REPLICAS).labels('encoder', '0', 'serving').set(1e12)
    assert len(figures.executor(read(None, store), 'encoder', {}, is_ready=True).replicas) <= 1000


def test_what_executors_count_is_their_own_affair() -> None:
    store = Store()
    store.gauge(Metric(name='paint', kind='gauge', help='')).labels().set(inf)
    assert b'paint{flow="flow"} +Inf' in everything(read(None, store))[0]


def test_requests_of_so_many_sorts_that_they_share_a_series_are_counted() -> None:
    store = Store()
    for number in range(MOST + 5):
        store.counter(catalogue.REQUESTS).labels('http', f'/{number}', '200').add()
    now = read(None, store)
    everything(now)
    assert figures.answered(now) == (MOST + 5, 0, 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=30))
def test_whatever_bytes_are_wrong_nobody_stumbles(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[float, int]]
) -> None:
    folder = tmp_path_factory.mktemp('metrics')
    counted(folder).close()
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    used = len(bytes(content).rstrip(b'\0'))
    for place, byte in flips:
        content[int(place * (used - 1))] = byte
    file.write_bytes(content)
    everything(read(folder))

"""Metrics of a Flow in, what its dashboard says of it out."""

from __future__ import annotations

import pytest

from headrace.gateway.dashboard import figures
from headrace.gateway.dashboard.graph import drawn
from headrace.gateway.dashboard.history import Curves, grown, quantile
from headrace.gateway.dashboard.records import Distribution
from headrace.gateway.dashboard.replicas import place_of, replicas_of
from headrace.gateway.dashboard.sums import count, distribution
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.reading import Snapshot, read
from headrace.observe.metrics.store import Store
from headrace.spec import ExecutorSpec, GatewaySpec


@pytest.fixture
def store() -> Store:
    return Store()


def snapshot(store: Store) -> Snapshot:
    return read(None, store)


def answer(store: Store, status: str, number: int, *, protocol: str = 'http', endpoint: str = '/a') -> None:
    store.counter(catalogue.REQUESTS).labels(protocol, endpoint, status).add(number)


def test_what_was_refused_and_what_failed(store: Store) -> None:
    for status, number in (('200', 7), ('422', 2), ('499', 5), ('500', 1), ('503', 1)):
        answer(store, status, number)
    answer(store, '200', 3, protocol='grpc', endpoint='/b')
    now = snapshot(store)
    assert figures.answered(now) == (19, 2, 2)
    http, grpc, graphql = figures.doors(now, ('http', 'grpc', 'graphql'))
    assert (http.requests, http.refused, http.failed) == (16, 2, 2)
    assert (grpc.requests, graphql.requests) == (3, 0)
    assert [each.name for each in figures.endpoints(now, ['/z', '/b'])] == ['/z', '/b', '/a']


def test_histograms_are_added_up(store: Store) -> None:
    for executor, seconds in (('encoder', 0.003), ('encoder', 0.02), ('index', 0.003)):
        store.histogram(catalogue.HOP_SECONDS).labels(executor, '/a').observe(seconds)
    now = snapshot(store)
    assert sum(distribution(now, catalogue.HOP_SECONDS).counts) == 3
    found = distribution(now, catalogue.HOP_SECONDS, executor='encoder')
    assert (sum(found.counts), found.sum) == (2, 0.023)
    assert distribution(now, catalogue.BATCH_DOCUMENTS) == Distribution()
    assert count(now, catalogue.RETRIES) == 0


def test_an_executor_and_its_replicas(store: Store) -> None:
    requests = store.counter(catalogue.EXECUTOR_REQUESTS)
    for shard, replica, number in (('0', '0', 5), ('0', '1', 6), ('1', '0', 7)):
        requests.labels('index', shard, replica, '/a').add(number)
    store.counter(catalogue.RESTARTS).labels('index', '0', '1', 'killed').add()
    store.gauge(catalogue.QUEUE_LENGTH).labels('index', '0').set(4)
    states = {
        'index/shard-0/rep-0': 'healthy',
        'index/shard-0/rep-1#2': 'suspect',
        'index/shard-1/rep-0': 'healthy',
    }
    found = figures.executor(snapshot(store), 'index', states, is_ready=True)
    assert [(each.name, each.state) for each in found.replicas] == [
        ('index/shard-0/rep-0', 'healthy'),
        ('index/shard-0/rep-1', 'suspect'),
        ('index/shard-1/rep-0', 'healthy'),
    ]
    assert [each.work.requests for each in found.replicas if each.work] == [5, 6, 7]
    assert (found.state, found.restarts, found.waiting) == ('degraded', 1, 4)
    assert [(each.name, each.requests) for each in found.endpoints] == [('/a', 18)]


@pytest.mark.parametrize(
    ('states', 'state'),
    [
        ({'a/rep-0': 'healthy', 'a/rep-1': 'healthy'}, 'healthy'),
        ({'a/rep-0': 'lost', 'a/rep-1': 'healthy'}, 'degraded'),
        ({'a/rep-0': 'lost', 'a/rep-1': 'draining'}, 'down'),
        ({'a/shard-0/rep-0': 'healthy', 'a/shard-1/rep-0': 'lost'}, 'down'),
        ({'a/rep-0': 'healthy', 'a/after': 'lost'}, 'down'),
        ({'a': 'given up: it cannot be imported'}, 'down'),
        ({}, 'healthy'),
    ],
)
def test_health(store: Store, states: dict[str, str], state: str) -> None:
    assert figures.executor(snapshot(store), 'a', states, is_ready=True).state == state
    assert figures.executor(snapshot(store), 'a', states, is_ready=False).state == 'down'


def test_replicas_that_are_not_there_yet(store: Store) -> None:
    gauge = store.gauge(catalogue.REPLICAS)
    gauge.labels('a', '0', 'serving').set(1)
    gauge.labels('a', '0', 'starting').set(2)
    gauge.labels('other', '0', 'starting').set(9)
    found = replicas_of(snapshot(store), 'a', {'a/rep-1#4': 'healthy', 'a/rep-1#3': 'draining'})
    assert [(each.name, each.state) for each in found] == [
        ('a/rep-0', 'starting'),
        ('a/rep-1', 'healthy'),
        ('a/rep-2', 'starting'),
    ]


def test_the_only_replica_is_called_as_its_executor(store: Store) -> None:
    store.gauge(catalogue.REPLICAS).labels('a', '0', 'starting').set(1)
    store.gauge(catalogue.REPLICAS).labels('a/after', '0', 'starting').set(1)
    found = replicas_of(snapshot(store), 'a', {})
    assert [(each.name, each.part) for each in found] == [('a', ''), ('a/after', 'after')]


def test_of_what_was_given_up_the_others_are_too(store: Store) -> None:
    store.gauge(catalogue.REPLICAS).labels('a', '0', 'failed').set(2)
    found = replicas_of(snapshot(store), 'a', {'a': 'given up: no such module'})
    assert [each.state for each in found] == ['given up: no such module'] * 2


def test_places() -> None:
    assert place_of('a', 'a') == ('', 0, 0, '', 0)
    assert place_of('a', 'a/shard-3/rep-11#2') == ('', 3, 11, '', 2)


def test_figures_of_versions_and_of_all_of_them(store: Store) -> None:
    for name, number in (('a', 3), ('a/v2', 1), ('ab/v2', 9)):
        for _ in range(number):
            store.histogram(catalogue.HOP_SECONDS).labels(name, '/a').observe(0.01)
        store.counter(catalogue.EXECUTOR_REQUESTS).labels(name, '0', '0', '/a').add(number)
        store.gauge(catalogue.QUEUE_LENGTH).labels(name, '0').set(number)
    states = {'a': 'healthy', 'a/v2/shard-1/rep-0': 'lost', 'a/before': 'healthy'}
    weights = {'main': 90.0, 'v2': 10.0, 'v3': 0.0}
    found = figures.executor(snapshot(store), 'a', states, is_ready=True, weights=weights)
    assert (found.requests, found.waiting, found.state) == (4, 4, 'degraded')
    assert [(each.name, each.requests, each.waiting, each.weight, each.state) for each in found.versions] == [
        ('main', 3, 3, 90.0, 'healthy'),
        ('v2', 1, 1, 10.0, 'down'),
        ('v3', 0, 0, 0.0, 'down'),
    ]
    assert [(work.name, work.requests) for work in found.endpoints] == [('/a', 4)]
    curves = Curves(('a',), {'a': ('a', 'a/v2')})
    curves.add(0.0, read(None, Store()))
    curves.add(10.0, snapshot(store))
    assert curves.history().executors['a'][0].rate == 0.4


def test_curves_tell_what_happened_in_between(store: Store) -> None:
    curves = Curves(('a',))
    curves.add(100.0, snapshot(store))
    answer(store, '200', 40)
    answer(store, '500', 10)
    for _ in range(20):
        store.histogram(catalogue.HOP_SECONDS).labels('a', '/a').observe(0.004)
    curves.add(110.0, snapshot(store))
    curves.add(120.0, snapshot(store))
    history = curves.history()
    assert [(point.at, point.rate, point.errors) for point in history.flow] == [
        (110.0, 5.0, 1.0),
        (120.0, 0.0, 0.0),
    ]
    busy, idle = history.executors['a']
    assert (busy.rate, idle.rate, idle.p50) == (2.0, 0.0, -1.0)
    assert 0.0025 <= busy.p50 <= 0.005


def test_quantiles() -> None:
    assert quantile(Distribution((1.0, 2.0), (0, 0, 0)), 0.5) == -1.0
    assert quantile(Distribution((1.0, 2.0), (0, 0, 5)), 0.5) == 2.0  # above all bounds: the last one
    assert quantile(Distribution((1.0, 2.0), (4, 0, 0)), 0.5) == 0.5
    assert grown(Distribution((1.0,), (5, 2), 9.0), Distribution((1.0,), (3, 2), 4.0)).counts == (2, 0)


def test_a_card_has_a_row_for_each_shard() -> None:
    executors = (ExecutorSpec(name='a', shards=3, needs=('gateway',)), ExecutorSpec(name='b', needs=('a',)))
    wide = drawn('f', executors, GatewaySpec())
    tall = drawn('f', executors, GatewaySpec(), tall=True)
    heights = {box.key: box.height for box in wide.boxes}
    assert heights['a'] > heights['b']
    assert [(way.source, way.target) for way in wide.ways] == [('gateway', 'a'), ('a', 'b'), ('b', 'reply ')]
    assert wide.width > wide.height
    assert tall.height > tall.width
    for box in (*wide.boxes, *tall.boxes):
        assert box.x >= 0
        assert box.y >= 0


def test_a_card_has_a_row_for_each_version() -> None:
    versions = {name: ExecutorSpec(name=f'a/{name}') for name in ('v2', 'v3')}
    first = ExecutorSpec(name='a', versions=versions, needs=('gateway',))
    wide = drawn('f', (first, ExecutorSpec(name='b', needs=('a',))), GatewaySpec())
    heights = {box.key: box.height for box in wide.boxes}
    assert heights['a'] == heights['b'] + 32

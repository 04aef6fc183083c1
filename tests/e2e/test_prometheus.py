"""A real Prometheus with the exported files watches a real Flow: its counts, its alerts, its dashboards."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from monitored_shop import Encoder, Indexer
from prometheus_server import Prometheus
from storm import workers

from headrace import Flow
from headrace.observe.metrics.catalogue import ALL

pytestmark = [pytest.mark.needs('prometheus'), pytest.mark.timeout(300)]

WELL, WRONG = 40, 6
COUNTERS = [
    f'{metric.name}{suffix}'
    for metric in ALL.values()
    if metric.kind != 'gauge' and metric.name.startswith('headrace_')
    for suffix in (('_count', '_sum', '_bucket') if metric.kind == 'histogram' else ('',))
]
WINDOWS = {'$__rate_interval': '30s', '$protocol': '.*', '$endpoint': '.*', '$executor': '.*'}


@pytest.fixture(scope='module')
def flow() -> Iterator[Flow]:
    settings = {'limits': {'documents': 20}}
    made = (
        Flow(name='shop', protocol=['grpc', 'http'], **settings)
        .add(
            uses=Encoder,
            name='enc',
            replicas=2,
            uses_dynamic_batching={'/search': {'preferred_batch_size': 4, 'max_wait_ms': 5}},
        )
        .add(uses=Indexer, name='idx', shards=2, polling='ALL')
    )
    with made as running:
        yield running


@pytest.fixture(scope='module')
def prometheus(flow: Flow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with the rules of the Flow; alerts need not last, so that a test need not wait."""
    folder = tmp_path_factory.mktemp('prometheus')
    flow.to_prometheus(folder, targets=(f'127.0.0.1:{flow.ports["http"]}',), interval_s=1)
    for path in (folder / 'rules').iterdir():
        found = yaml.safe_load(path.read_text())
        for group in found['groups']:
            group.pop('interval', None)
            for rule in group['rules']:
                if 'for' in rule:
                    rule['for'] = '0s'
        path.write_text(yaml.safe_dump(found))
    with Prometheus(folder / 'prometheus.yml') as server:
        server.until('up{job="shop"} == 1')
        yield server


def ask(
    flow: Flow,
    text: str = 'a red shoe',
    endpoint: str = '/search',
    *,
    documents: int = 1,
    accept: str = '*/*',
) -> int:
    url = f'http://127.0.0.1:{flow.ports["http"]}{endpoint}'
    body = {'data': [{'text': text}] * documents}
    return httpx.post(url, json=body, headers={'accept': accept}, timeout=30).status_code


def known_load(flow: Flow) -> None:
    """40 requests that work, 6 that fail, over HTTP; 10 over gRPC."""
    assert {ask(flow) for _ in range(WELL)} == {200}
    assert {ask(flow, 'wrong') for _ in range(WRONG)} == {500}
    with_grpc = flow.client.post('/search', [{'text': 'a hat'}] * 10, request_size=1)
    assert len(with_grpc) == 10


def counts(server: Prometheus) -> dict[str, Any]:
    """What Prometheus has of the load."""
    return {
        'requests': server.values(
            'sum by (protocol, status) (headrace_requests_total)', 'protocol', 'status'
        ),
        'timed': server.value('sum(headrace_request_seconds_count)'),
        'encoded': server.value('sum(headrace_executor_requests_total{executor="enc"})'),
        'searched': server.values(
            'sum by (shard) (headrace_executor_requests_total{executor="idx"})', 'shard'
        ),
        'failed': server.value('sum(headrace_hop_errors_total{executor="enc"})'),
        'hops': server.values('sum by (executor) (headrace_hop_seconds_count)', 'executor'),
    }


def expected(times: int) -> dict[str, Any]:
    well = (WELL + 10) * times
    return {
        'requests': {
            ('http', '200'): WELL * times,
            ('http', '500'): WRONG * times,
            ('grpc', '200'): 10 * times,
        },
        'timed': well + WRONG * times,
        'encoded': well + WRONG * times,
        'searched': {('0',): well, ('1',): well},
        'failed': WRONG * times,
        'hops': {('enc',): well + WRONG * times, ('idx',): well},
    }


@pytest.mark.leaks('a worker is started again while the Flow of the module runs')
def test_prometheus_has_the_true_counts_also_after_a_worker_was_killed(
    flow: Flow, prometheus: Prometheus
) -> None:
    known_load(flow)
    until_equal(prometheus, expected(1))
    victims = {process.pid for process in workers()}
    for pid in sorted(victims):  # one replica of enc and a shard of idx are among them: kill all, one by one
        restarts = prometheus.value('sum(headrace_restarts_total)') or 0
        psutil.Process(pid).kill()
        prometheus.until(f'sum(headrace_restarts_total) == {restarts + 1}')
        prometheus.until('sum(headrace_replicas{state="serving"}) == 4')
    known_load(flow)
    until_equal(prometheus, expected(2))
    assert sum(len(prometheus.query(f'resets({name}[10m])')) for name in COUNTERS) > 100
    assert [name for name in COUNTERS if prometheus.query(f'resets({name}[10m]) > 0')] == []
    places = prometheus.values('headrace_restarts_total', 'executor', 'shard', 'replica', 'reason')
    assert places == {
        ('enc', '0', '0', 'killed'): 1,
        ('enc', '0', '1', 'killed'): 1,
        ('idx', '0', '0', 'killed'): 1,
        ('idx', '1', '0', 'killed'): 1,
    }


def until_equal(server: Prometheus, wanted: dict[str, Any]) -> None:
    """Wait until a scrape has seen the load; more than there was is wrong at once."""
    server.until(f'sum(headrace_requests_total) >= {sum(wanted["requests"].values())}')
    server.until(
        f'sum(headrace_executor_requests_total{{executor="idx",shard="1"}}) >= {wanted["searched"][("1",)]}'
    )
    assert counts(server) == wanted


@contextmanager
def mixed_load(flow: Flow) -> Iterator[None]:
    """Requests of all kinds, until the block ends."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            ask(flow)
            ask(flow, 'wrong')
            ask(flow, 'lost')
            ask(flow, 'two words', '/say', accept='text/event-stream')
            ask(flow, documents=21)
            flow.client.post('/search', [{'text': 'a hat'}])

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_failing_flow_is_an_alert_that_says_what_to_do(flow: Flow, prometheus: Prometheus) -> None:
    with mixed_load(flow):
        prometheus.until('ALERTS{alertname="HeadraceErrors",alertstate="firing",endpoint="/search"}')
        prometheus.until('ALERTS{alertname="HeadraceAvailabilityBudgetBurns",alertstate="firing"}')
        found = prometheus.firing()
    assert {'HeadraceErrors', 'HeadraceAvailabilityBudgetBurns'} <= found.keys()
    assert found.keys() <= {
        'HeadraceErrors',
        'HeadraceAvailabilityBudgetBurns',
        'HeadraceRestartLoop',
    }
    said = found['HeadraceErrors']['annotations']
    assert re.fullmatch(r'shop: [\d.]+% of /search fails', said['summary'])
    assert 'errors' in said['action']


def test_every_rule_and_condition_has_data(flow: Flow, prometheus: Prometheus) -> None:
    with mixed_load(flow):
        prometheus.until('flow:headrace_availability_budget_spent:ratio')
        prometheus.until('flow_executor:headrace_executor_documents:rate5m > 0')
        for rule in prometheus.rules():
            assert rule['health'] == 'ok', rule
            if rule['type'] == 'recording':
                prometheus.until(rule['name'], within_s=20)
                continue
            for condition in rule['query'].split(' and '):
                compared = re.fullmatch(r'(.*) (?:<|>|>=) [\d.e+-]+', condition, re.DOTALL)
                assert compared, condition
                if 'headrace_refusals_total' not in condition or 'Overloaded' not in condition:
                    prometheus.until(compared[1], within_s=20)


def test_every_query_of_every_dashboard_has_data(flow: Flow, prometheus: Prometheus, tmp_path: Path) -> None:
    written = [path for path in flow.to_grafana(tmp_path, interval_s=1) if path.suffix == '.json']
    assert len(written) == 6
    with mixed_load(flow):
        prometheus.until('rate(headrace_first_item_seconds_count[30s]) > 0')
        prometheus.until('rate(headrace_refusals_total[30s]) > 0')
        for path in written:
            for title, query in queries(json.loads(path.read_text())):
                try:
                    prometheus.until(query, within_s=20)
                except AssertionError as error:
                    raise AssertionError(f'{path.name}: {title}: {error}') from None


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every question of a dashboard, with what Grafana fills in; those of its variables, too."""
    for panel in dashboard['panels']:
        for each in (panel, *panel.get('panels', ())):
            for target in each.get('targets', ()):
                yield each['title'], filled(target['expr'])
    for variable in dashboard['templating']['list']:
        if variable['type'] == 'query':
            asked = re.fullmatch(r'label_values\((.*), (\w+)\)', variable['query'])
            assert asked
            yield variable['name'], f'count by ({asked[2]}) ({asked[1]}) unless count({asked[1]}) == 0'


def filled(expression: str) -> str:
    for name, value in WINDOWS.items():
        expression = expression.replace(name, value)
    assert '$' not in expression, expression
    return expression

"""Dashboards: Grafana's own schema reads them without a loss; they are laid out and explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from headrace.deploy.grafana import Showing, grafana_files
from headrace.deploy.grafana.document import WIDTH
from headrace.deploy.objectives import Objectives
from headrace.deploy.prometheus import prometheus_files
from headrace.errors import SpecError
from headrace.spec import BatchingSpec, ExecutorSpec, FlowSpec, GatewaySpec
from headrace.spec.observe import MetricsSpec, ObserveSpec

SHOP = FlowSpec(
    name='shop',
    executors=(
        ExecutorSpec(name='enc', replicas=2, max_queue=77, gpus='RR'),
        ExecutorSpec(
            name='idx',
            needs=('enc',),
            shards=2,
            uses_dynamic_batching={'/search': BatchingSpec(preferred_batch_size=48)},
        ),
        ExecutorSpec(name='far', needs=('idx',), external=True, host=('grpc://10.0.0.1:1',)),
        ExecutorSpec(name='last', needs=('far',)),
    ),
    gateway=GatewaySpec(protocols=('http',), ports=(8080,), max_requests=500),
)
BARE = FlowSpec(name='a "bare" Flow', gateway=GatewaySpec(protocols=('http',), ports=(80,)))


def dashboards(spec: FlowSpec, **objectives: Any) -> dict[str, dict[str, Any]]:
    files = grafana_files(spec, Objectives(**objectives))
    return {name: json.loads(text) for name, text in files.items() if name.endswith('.json')}


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in dashboard['panels']:
        if panel['type'] != 'row':
            yield panel
        yield from panel.get('panels', ())


@pytest.fixture(params=[SHOP, BARE], ids=['shop', 'bare'])
def found(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return dashboards(request.param)


def test_grafanas_schema_reads_and_writes_them_without_a_loss(found: dict[str, dict[str, Any]]) -> None:
    encoder = pytest.importorskip('grafana_foundation_sdk.cog.encoder')
    model = pytest.importorskip('grafana_foundation_sdk.models.dashboard')
    pytest.importorskip('grafana_foundation_sdk.cog.plugins').register_default_plugins()
    for dashboard in found.values():
        again = json.loads(encoder.JSONEncoder().encode(model.Dashboard.from_json(dashboard)))
        assert again == dashboard


def test_no_two_panels_stand_on_each_other(found: dict[str, dict[str, Any]]) -> None:
    for name, dashboard in found.items():
        numbers = [panel['id'] for panel in dashboard['panels']] + [p['id'] for p in panels(dashboard)]
        assert len({*numbers}) == len(
            {p['id'] for p in dashboard['panels']} | {p['id'] for p in panels(dashboard)}
        )
        taken: set[tuple[int, int]] = set()
        for panel in dashboard['panels']:
            grid = panel['gridPos']
            cells = {
                (x, y)
                for x in range(grid['x'], grid['x'] + grid['w'])
                for y in range(grid['y'], grid['y'] + grid['h'])
            }
            assert not cells & taken, (name, panel['title'])
            assert grid['x'] + grid['w'] <= WIDTH
            taken |= cells


def test_every_panel_teaches(found: dict[str, dict[str, Any]]) -> None:
    for dashboard in found.values():
        assert len(dashboard['description']) > 30
        for panel in panels(dashboard):
            assert len(panel['description']) > 20, panel['title']
            if panel['type'] != 'text':
                assert panel['targets']
                assert panel['fieldConfig']['defaults']['unit']
                assert panel['datasource']['uid'] == '${datasource}'


def test_addresses_are_short_and_differ() -> None:
    long = dashboards(FlowSpec(name='x' * 80, gateway=GatewaySpec(protocols=('http',), ports=(80,))))
    names = [dashboard['uid'] for dashboard in long.values()]
    assert len({*names}) == len(names)
    assert max(map(len, names)) <= 40


def test_rates_look_back_as_far_as_grafana_says(found: dict[str, dict[str, Any]]) -> None:
    for dashboard in found.values():
        for panel in panels(dashboard):
            for target in panel.get('targets', ()):
                windows = set(re.findall(r'\[([^]]+)\]\)', target['expr']))
                assert windows <= {'$__rate_interval', '1h'}, target['expr']
                chosen = set(re.findall(r'\$(\w+)', target['expr'])) - {'__rate_interval'}
                assert chosen <= {each['name'] for each in dashboard['templating']['list']}, panel['title']


def test_they_are_made_for_this_flow() -> None:
    found = dashboards(SHOP, availability=99.5, latency_s=0.2)
    executors = found['dashboards/headrace-shop-executors.json']
    rows = [panel['title'] for panel in executors['panels'] if panel['type'] == 'row']
    assert [row.partition(':')[0] for row in rows] == ['enc', 'idx', 'far (runs elsewhere)', 'last']
    assert rows[1].endswith('2 shards x 1 replica')
    assert [panel['collapsed'] for panel in executors['panels'] if panel['type'] == 'row'] == [False] * 3 + [
        True
    ]
    assert thresholds(executors, 'Waiting at the gateways') == [None, 61.6, 77]
    assert thresholds(found['dashboards/headrace-shop-overview.json'], 'p99') == [None, 0.25]
    assert thresholds(found['dashboards/headrace-shop-batching.json'], 'Documents in a call') == [None, 48]
    saturation = found['dashboards/headrace-shop-saturation.json']
    assert 'GPU memory' in [panel['title'] for panel in panels(saturation)]
    assert thresholds(saturation, 'Requests in flight') == [None, 400, 500]


def thresholds(dashboard: dict[str, Any], title: str) -> list[float | None]:
    panel = next(panel for panel in panels(dashboard) if panel['title'] == title)
    return [step['value'] for step in panel['fieldConfig']['defaults']['thresholds']['steps']]


def test_what_a_flow_has_not_is_not_shown() -> None:
    assert {name.rpartition('-')[2] for name in dashboards(BARE)} == {
        'overview.json',
        'errors.json',
        'saturation.json',
        'slo.json',
    }


def test_the_recorded_names_on_dashboards_are_recorded() -> None:
    recorded = {
        rule['record']
        for name, text in prometheus_files(SHOP).items()
        if name.endswith('records.yml')
        for group in yaml.safe_load(text)['groups']
        for rule in group['rules']
    }
    shown = set(re.findall(r'flow:headrace_\w+:\w+', json.dumps(dashboards(SHOP))))
    assert shown
    assert shown <= recorded


def test_provisioning() -> None:
    files = grafana_files(SHOP, showing=Showing(url='http://prometheus:9090', path='/boards', interval_s=5))
    [provider] = yaml.safe_load(files['provisioning/dashboards/headrace.yml'])['providers']
    [source] = yaml.safe_load(files['provisioning/datasources/prometheus.yml'])['datasources']
    assert provider['options']['path'] == '/boards'
    assert (source['url'], source['jsonData']['timeInterval']) == ('http://prometheus:9090', '5s')


@pytest.mark.parametrize(
    ('spec', 'said'),
    [
        (FlowSpec(), 'has no HTTP port'),
        (FlowSpec(gateway=GatewaySpec(protocols=('http',))), 'the HTTP port is a free one'),
        (
            FlowSpec(observe=ObserveSpec(metrics=MetricsSpec(enabled=False)), gateway=BARE.gateway),
            'nothing is measured',
        ),
    ],
)
def test_what_cannot_be_watched(spec: FlowSpec, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        prometheus_files(spec)


@pytest.mark.parametrize('wrong', [{'availability': 100}, {'latency': 0}, {'latency_s': 61}, {'period_d': 1}])
def test_objectives_that_nobody_can_keep(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=f'objectives: {next(iter(wrong))}'):
        Objectives(**wrong)

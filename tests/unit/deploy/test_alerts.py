"""Every alert in promtool: it fires for what it is about, and for nothing else; no traffic is no alert."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.deploy.objectives import Objectives
from headrace.deploy.prometheus import Scraping, prometheus_files
from headrace.observe.metrics.catalogue import ALL, REQUEST_SECONDS
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec

pytestmark = pytest.mark.needs('prometheus')

SHOP = FlowSpec(
    name='shop',
    executors=(
        ExecutorSpec(name='enc', replicas=2, max_queue=100),
        ExecutorSpec(name='idx', needs=('enc',), replicas=(1, 2), shards=2),
    ),
    gateway=GatewaySpec(protocols=('http',), ports=(8080,), max_requests=1000),
)
ENC0 = 'executor="enc",shard="0",replica="0"'
BURN = {'severity': 'page', 'window': '1h'}
ALL_BURNS = [
    {'severity': 'page', 'window': '1h'},
    {'severity': 'page', 'window': '6h'},
    {'severity': 'ticket', 'window': '1d'},
    {'severity': 'ticket', 'window': '3d'},
]


@dataclass(frozen=True)
class Case:
    """What Prometheus has seen (a number per minute), and what fires at a minute: `name` -> labels."""

    series: dict[str, str]
    minute: int
    fires: dict[str, list[dict[str, str]]]


def requests(status: str, values: str, endpoint: str = '/search') -> dict[str, str]:
    return {f'headrace_requests_total{{protocol="http",endpoint="{endpoint}",status="{status}"}}': values}


def took(per_minute: int, slow: int = 0, minutes: int = 300) -> dict[str, str]:
    """So many requests per minute, and how many of them took more than a second (all less than 2.5)."""
    found = {}
    for bound in (*map(repr, REQUEST_SECONDS.buckets), '+Inf'):
        count = per_minute if float(bound) > 1 else 0 if float(bound) < 0.1 else per_minute - slow
        found[f'headrace_request_seconds_bucket{{protocol="http",endpoint="/search",le="{bound}"}}'] = (
            f'0+{count}x{minutes}'
        )
    name = 'headrace_request_seconds_count{protocol="http",endpoint="/search"}'
    return {**found, name: f'0+{per_minute}x{minutes}'}


def up(values: str = '1x300') -> dict[str, str]:
    return {'up{job="shop",instance="127.0.0.1:8080"}': values}


def replicas(*values: str) -> dict[str, str]:
    names = [f'headrace_replica_up{{executor="enc",shard="0",replica="{index}"}}' for index in range(2)]
    return dict(zip(names, values, strict=True))


def serving(values: str) -> dict[str, str]:
    return {'headrace_replicas{executor="enc",shard="0",state="serving"}': values}


def restarts(values: str) -> dict[str, str]:
    return {f'headrace_restarts_total{{{ENC0},reason="signal"}}': values}


def worked(waits_s: float, works_s: float) -> dict[str, str]:
    """A call per second, that waits and is worked on so long."""
    found = {}
    for name, seconds in (('executor_queue', waits_s), ('handler', works_s)):
        series = f'headrace_{name}_seconds_%s{{{ENC0},endpoint="/search"}}'
        found |= {series % 'sum': f'0+{60 * seconds:g}x300', series % 'count': '0+60x300'}
    return found


WELL = {
    **up(),
    **requests('200', '0+600x300'),
    **took(600),
    **replicas('1x300', '1x300'),
    **worked(0.01, 0.1),
    **serving('2x300'),
}
PLACE = {'executor': 'enc', 'shard': '0'}

CASES = {
    'nobody has ever called': Case(up(), 120, {}),
    'nobody calls any more': Case(
        {**up(), **requests('200', '600x300'), **requests('500', '600x300'), **replicas('1x300', '1x300')},
        120,
        {},
    ),
    'all is well': Case(WELL, 120, {}),
    'refusing what is wrong is no failure': Case({**WELL, **requests('422', '0+600x300')}, 120, {}),
    'half of the requests fail': Case(
        {**WELL, **requests('500', '0+600x300')},
        200,
        {
            'HeadraceAvailabilityBudgetBurns': ALL_BURNS,
            'HeadraceErrors': [{'severity': 'ticket', 'endpoint': '/search'}],
        },
    ),
    'one endpoint of two fails': Case(
        {**WELL, **requests('500', '0+60x300', '/index')},
        10,
        {
            'HeadraceAvailabilityBudgetBurns': [BURN],
            'HeadraceErrors': [{'severity': 'ticket', 'endpoint': '/index'}],
        },
    ),
    'it failed, and is well again': Case(
        {**WELL, **requests('500', '0+600x60 36000x240')},
        70,
        {'HeadraceAvailabilityBudgetBurns': ALL_BURNS[1:3]},
    ),
    'a few fail for hours': Case(
        {**WELL, **requests('200', '0+1000x300'), **requests('503', '0+2x300')},
        240,
        {'HeadraceAvailabilityBudgetBurns': [{'severity': 'ticket', 'window': '3d'}]},
    ),
    'five of fifty fail': Case(
        {**up(), **requests('200', '0+1x45'), **requests('500', '0+1x5 5x40')}, 40, {}
    ),
    'one in twenty is slow': Case(
        {**WELL, **took(600, slow=30)},
        30,
        {'HeadraceSlow': [{'severity': 'ticket', 'endpoint': '/search'}]},
    ),
    'a third is slow': Case(
        {**WELL, **took(600, slow=200)},
        30,
        {
            'HeadraceSlow': [{'severity': 'ticket', 'endpoint': '/search'}],
            'HeadraceLatencyBudgetBurns': ALL_BURNS[:2],
        },
    ),
    'the gateway is away': Case(
        up('1x10 0x100'), 20, {'HeadraceDown': [{'severity': 'page', 'job': 'shop'}]}
    ),
    'the gateway was away for a minute': Case(up('1x10 0 1x100'), 12, {}),
    'one replica starts again and again': Case(
        {**WELL, **replicas('1x300', '1x10 _x100'), **serving('2x10 1x100')},
        20,
        {'HeadraceReplicasMissing': [{**PLACE, 'severity': 'ticket'}]},
    ),
    'no replica starts any more': Case(
        {**WELL, **replicas('1x10 _x100', '1x10 _x100'), **serving('2x10 0x100')},
        20,
        {
            'HeadraceReplicasMissing': [{**PLACE, 'severity': 'ticket'}],
            'HeadraceNoReplica': [{**PLACE, 'severity': 'page'}],
        },
    ),
    'one replica hangs': Case(
        {**WELL, **replicas('1x300', '1x10 0x100')},
        20,
        {'HeadraceReplicaDown': [{**PLACE, 'severity': 'ticket', 'replica': '1'}]},
    ),
    'all replicas hang': Case(
        {**WELL, **replicas('1x10 0x100', '1x10 0x100')},
        20,
        {
            'HeadraceReplicaDown': [{**PLACE, 'severity': 'ticket', 'replica': str(n)} for n in range(2)],
            'HeadraceNoReplica': [{**PLACE, 'severity': 'page'}],
        },
    ),
    'one restart': Case({**WELL, **restarts('0x20 1x100')}, 25, {}),
    'restart after restart': Case(
        {**WELL, **restarts('0+0.5x100')},
        30,
        {'HeadraceRestartLoop': [{**PLACE, 'severity': 'ticket', 'replica': '0'}]},
    ),
    'the queue is nearly full': Case(
        {**WELL, 'headrace_queue_length{executor="enc",shard="0"}': '81x100'},
        10,
        {'HeadraceQueueFull': [{**PLACE, 'severity': 'ticket'}]},
    ),
    'a queue of another size is not': Case(
        {**WELL, 'headrace_queue_length{executor="idx",shard="0"}': '81x100'}, 10, {}
    ),
    'the gateway is nearly full': Case(
        {**WELL, 'headrace_requests_in_flight{protocol="http"}': '900x100'},
        10,
        {'HeadraceGatewayFull': [{'severity': 'ticket'}]},
    ),
    'requests find no room': Case(
        {**WELL, 'headrace_refusals_total{protocol="http",reason="Overloaded"}': '0+5x100'},
        20,
        {'HeadraceRefuses': [{'severity': 'ticket'}]},
    ),
    'a wrong key is refused': Case(
        {**WELL, 'headrace_refusals_total{protocol="http",reason="Unauthenticated"}': '0+5x100'}, 20, {}
    ),
    'calls wait longer than they are worked on': Case(
        {**WELL, **worked(0.5, 0.1)},
        30,
        {'HeadraceSaturated': [{'severity': 'ticket', 'executor': 'enc'}]},
    ),
    'it has grown as far as it may': Case(
        {
            **WELL,
            'headrace_replica_up{executor="idx",shard="1",replica="0"}': '1x100',
            'headrace_replica_up{executor="idx",shard="1",replica="1"}': '1x100',
            'headrace_queue_length{executor="idx",shard="1"}': '7x100',
        },
        30,
        {'HeadraceCannotGrow': [{'severity': 'ticket', 'executor': 'idx', 'shard': '1'}]},
    ),
}


@pytest.fixture(scope='module')
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the rules of the shop; without their words, so that only what fires is compared."""
    folder = tmp_path_factory.mktemp('rules')
    for name, text in prometheus_files(SHOP).items():
        if not name.startswith('rules/'):
            continue
        found = yaml.safe_load(text)
        for group in found['groups']:
            for rule in group['rules']:
                rule.pop('annotations', None)
        (folder / Path(name).name).write_text(yaml.safe_dump(found))
    return folder


def alert_names(folder: Path) -> list[str]:
    found = yaml.safe_load((folder / 'shop-alerts.yml').read_text())
    return sorted({rule['alert'] for group in found['groups'] for rule in group['rules']})


@pytest.mark.parametrize('name', CASES)
def test_what_fires(name: str, rules: Path, tmp_path: Path) -> None:
    case = CASES[name]
    expected: list[dict[str, Any]] = []
    for alert in alert_names(rules):
        labels = [_with_flow(alert, each) for each in case.fires.get(alert, [])]
        alerts = [{'exp_labels': each} for each in labels]
        expected.append({'eval_time': f'{case.minute}m', 'alertname': alert, 'exp_alerts': alerts})
    assert case.fires.keys() <= set(alert_names(rules))
    test = {
        'rule_files': [str(path) for path in sorted(rules.iterdir())],
        'evaluation_interval': '1m',
        'tests': [
            {
                'interval': '1m',
                'input_series': [
                    {'series': _in_flow(series), 'values': values} for series, values in case.series.items()
                ],
                'alert_rule_test': expected,
            }
        ],
    }
    (tmp_path / 'test.yml').write_text(yaml.safe_dump(test))
    promtool('test', 'rules', tmp_path / 'test.yml')


def _with_flow(alert: str, labels: dict[str, str]) -> dict[str, str]:
    return labels if alert == 'HeadraceDown' else {'flow': 'shop', **labels}


def _in_flow(series: str) -> str:
    return series if series.startswith('up{') else series.replace('{', '{flow="shop",', 1)


def test_every_alert_has_a_case_in_which_it_fires(rules: Path) -> None:
    fired = {name for case in CASES.values() for name in case.fires}
    assert fired == set(alert_names(rules))


def test_the_cases_use_metrics_and_labels_that_there_are() -> None:
    for case in CASES.values():
        for series in case.series:
            name, _, rest = series.partition('{')
            if name == 'up':
                continue
            metric = next(ALL[n] for n in (name, *_bases(name)) if n in ALL)
            labels = {pair.partition('=')[0] for pair in rest.rstrip('}').split(',')} - {'le'}
            assert labels == set(metric.labels), series


def _bases(name: str) -> Iterable[str]:
    return (name.removesuffix(suffix) for suffix in ('_bucket', '_sum', '_count'))


@pytest.mark.parametrize('discovery', ['static', 'file'])
@pytest.mark.parametrize(
    'spec',
    [
        SHOP,
        FlowSpec(gateway=GatewaySpec(protocols=('http',), ports=(80,))),
        FlowSpec(
            name='a "b" \\ {{ c }}',
            executors=(ExecutorSpec(name='far', external=True, host=('grpc://10.0.0.1:1',)),),
            gateway=GatewaySpec(protocols=('grpc', 'http'), ports=(1, 2), prefix='/shop', host='::1'),
        ),
    ],
    ids=lambda spec: spec.name,
)
def test_promtool_reads_the_files(spec: FlowSpec, discovery: Any, tmp_path: Path) -> None:
    objectives = Objectives(availability=99, latency_s=0.2, latency_endpoints=('/search', '/a.b(c)'))
    files = prometheus_files(spec, objectives, Scraping(discovery=discovery))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    promtool('check', 'config', tmp_path / 'prometheus.yml')
    promtool('check', 'rules', '--lint=all', '--lint-fatal', *sorted((tmp_path / 'rules').iterdir()))


def promtool(*arguments: object) -> None:
    ran = subprocess.run(
        ['promtool', *map(str, arguments)], capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr

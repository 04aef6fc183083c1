"""The numbers that versions grow by in a cluster: what the exported queries find in a real Prometheus.

It scrapes a gateway and workers that run alone, with the labels that an operator gives Pods which it finds by
the exported ServiceMonitor. Calls are held in the executors, so that how many there are is known.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_server import Prometheus
from standalone import Part, Parts, parts_of

from headrace import Client, Document
from headrace.deploy.kubernetes import Manifests, cluster_of, kubernetes_manifests
from headrace.spec import load_flow

pytestmark = [pytest.mark.needs('prometheus'), pytest.mark.timeout(300)]

CODE = """
import asyncio
import os

from headrace import DocumentArray, Executor, requests


class Held(Executor):
    @requests(on='/hold')
    async def hold(self, docs: DocumentArray, **kwargs):
        while not os.path.exists(docs[0].text):
            await asyncio.sleep(0.02)
"""
FLOW = """
with: {name: shop, protocol: http, timeout_s: 280}
executors:
  - name: encoder
    uses: held.py:Held
    replicas: [1, 6]
    kubernetes: {scale_on_queue: 8, scale_on_cpu: null}
    versions: {v2: {replicas: [1, 4]}}
    version_parameter: version
"""
HELD = {'main': 5, 'v2': 3}
HELD_S = 280.0
PODS = {'main': 'encoder-0', 'v2': 'encoder-v2-0'}
NAMESPACE = 'live'


class Watched:
    """A gateway and the Prometheus that watches it; calls are held until the file `released` is there."""

    def __init__(self, gateway: Part, server: Prometheus, released: Path) -> None:
        self.gateway = gateway
        self.server = server
        self._released = released
        self._callers: list[threading.Thread] = []

    def hold(self, version: str) -> None:
        client = Client(port=self.gateway.ready()['ports']['http'], protocol='http')
        asked = {'parameters': {'version': version}, 'timeout_s': HELD_S}
        words = ('/hold', Document(text=str(self._released)))
        caller = threading.Thread(target=client.post, args=words, kwargs=asked)
        caller.start()
        self._callers.append(caller)

    def release(self) -> None:
        self._released.touch()
        for caller in self._callers:
            caller.join(60)

    def until(self, query: str, wanted: float) -> None:
        """Wait until a query has this value."""
        until = time.monotonic() + 60
        while (found := self.server.value(query)) != wanted:
            assert time.monotonic() < until, f'{query} is {found}, not {wanted}'
            time.sleep(0.05)


def manifests(**more: Any) -> Manifests:
    settings = {'namespace': NAMESPACE, 'image': 'shop:1', 'monitoring': 'service-monitor', **more}
    return kubernetes_manifests(load_flow(FLOW), cluster_of(settings))


def found(made: Manifests, kind: str) -> dict[str, Any]:
    return {each['metadata']['name']: each['spec'] for each in made.objects if each['kind'] == kind}


def configuration(parts: dict[str, Part]) -> dict[str, Any]:
    """What the operator of Prometheus makes of the ServiceMonitor, for these addresses in place of Pods."""
    (monitor,) = found(manifests(), 'ServiceMonitor').values()
    (endpoint,) = monitor['endpoints']
    targets = [
        {
            'targets': [part.ready()['health']],
            'labels': {
                'namespace': NAMESPACE,
                'service': name,
                'pod': f'{name}-0',
                'endpoint': endpoint['port'],
            },
        }
        for name, part in parts.items()
    ]
    job = {
        'job_name': 'operator',
        'metrics_path': endpoint['path'],
        'honor_labels': endpoint.get('honorLabels', False),
        'static_configs': targets,
    }
    return {'global': {'scrape_interval': '1s', 'scrape_timeout': '1s'}, 'scrape_configs': [job]}


@pytest.fixture(scope='module')
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp('scaling')
    (folder / 'held.py').write_text(CODE)
    with parts_of(folder, FLOW) as made:
        parts = _started(made)
        config = folder / 'prometheus.yml'
        config.write_text(yaml.safe_dump(configuration(parts)))
        with Prometheus(config) as server:
            server.until('count(up == 1) == 3')
            watched = Watched(parts['gateway'], server, folder / 'released')
            try:
                for version, count in HELD.items():
                    for _ in range(count):
                        watched.hold(version)
                yield watched
            finally:
                watched.release()


def _started(made: Parts) -> dict[str, Part]:
    main, second = made.worker('encoder'), made.worker('encoder/v2')
    places = (f'encoder={main.address}', f'encoder/v2={second.address}')
    return {'gateway': made.gateway(*places, port='0'), 'encoder': main, 'encoder-v2': second}


def by_keda() -> dict[str, str]:
    scaled = found(manifests(scaler='keda', prometheus='http://p:9090'), 'ScaledObject')
    return {name: spec['triggers'][-1]['metadata']['query'] for name, spec in scaled.items()}


def by_adapter() -> dict[str, str]:
    """What Prometheus Adapter asks for the metrics of the HorizontalPodAutoscalers, by its exported rule."""
    made = manifests()
    (rule,) = yaml.safe_load(made.files['base/prometheus-adapter.yaml'])['rules']['external']
    queries = {}
    for name, spec in found(made, 'HorizontalPodAutoscaler').items():
        metric = spec['metrics'][-1]['external']['metric']
        chosen = {'namespace': NAMESPACE, **metric['selector']['matchLabels']}
        matchers = ','.join(f'{label}={json.dumps(value)}' for label, value in chosen.items())
        queries[name] = (
            rule['metricsQuery']
            .replace('<<.Series>>', metric['name'])
            .replace('<<.LabelMatchers>>', matchers)
        )
    return queries


@pytest.mark.parametrize('queries', [by_keda, by_adapter])
def test_a_version_grows_by_the_calls_that_it_has(
    watched: Watched, queries: Callable[[], dict[str, str]]
) -> None:
    asked = queries()
    assert asked.keys() == {'shop-encoder', 'shop-encoder-v2'}
    watched.until(asked['shop-encoder'], HELD['main'])
    watched.until(asked['shop-encoder-v2'], HELD['v2'])


def test_the_adapter_discovers_the_series(watched: Watched) -> None:
    (rule,) = yaml.safe_load(manifests().files['base/prometheus-adapter.yaml'])['rules']['external']
    series = watched.server.api('series', **{'match[]': rule['seriesQuery']})
    assert {each['version'] for each in series} == {'main', 'v2'}
    assert {each['namespace'] for each in series} == {NAMESPACE}


def test_figures_of_workers_are_those_of_their_version_and_pod(watched: Watched) -> None:
    watched.release()
    query = 'sum by (version, pod, endpoint) (headrace_executor_requests_total{executor="encoder"})'
    until = time.monotonic() + 60
    while True:
        counted = watched.server.values(query, 'version', 'pod', 'endpoint')
        if counted == {(version, pod, '/hold'): HELD[version] for version, pod in PODS.items()}:
            break
        assert time.monotonic() < until, counted
        time.sleep(0.05)
    for query in by_keda().values():
        watched.until(query, 0)

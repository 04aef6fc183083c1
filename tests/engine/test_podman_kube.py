"""Exported manifests, read by Podman: another engine that takes the YAML of Kubernetes, as far as it does.

What Podman 4.3 does not take is edited, and nothing else: `as_podman_takes_it` says what, and why.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from engine import Engine
from waiting import wait_until

from headrace.deploy.kubernetes import Cluster, kubernetes_manifests
from headrace.deploy.yamltext import yaml_text
from headrace.spec import load_flow

pytestmark = [pytest.mark.engine, pytest.mark.needs('podman'), pytest.mark.timeout(300)]

CODE = """
import os
from pathlib import Path

from headrace import Executor, requests


class Says(Executor):
    @requests
    def say(self, docs, **kwargs):
        with Path(self.workspace, 'said').open('a') as file:
            for doc in docs:
                print(doc.text, file=file)
        for doc in docs:
            doc.text = f'{os.environ["TOKEN"]} {Path(self.workspace, "said").read_text().split()}'
"""
REPLICAS = """
with: {{name: {name}-two}}
executors: [{{name: says, uses: 'shop.py:Says', replicas: 2, cpus: 1, memory: 512M}}]
"""
FLOW = """
with: {{name: {name}}}
executors:
  - name: keeps
    uses: 'shop.py:Says'
    cpus: 1
    memory: 512M
    storage: 1Gi
    env_from_secret: {{TOKEN: {{name: {name}-token, key: token}}}}
gateway: {{protocol: http, port: 8080, cpus: 1, memory: 512M}}
"""
READY = (
    "exec 3<>/dev/tcp/127.0.0.1/9091; printf 'GET /ready HTTP/1.0\\r\\n\\r\\n' >&3; read -r line <&3;"
    ' echo "$line"; id -u; touch /new 2>&1'
)
ASK = """
import json, sys
from urllib.request import Request, urlopen
body = json.dumps({'data': [{'text': sys.argv[1]}]}).encode()
request = Request('http://127.0.0.1:8080/', body, {'Content-Type': 'application/json'})
print(json.load(urlopen(request, timeout=30))['data'][0]['text'])
"""
WITHIN_S = 90

Object = dict[str, Any]


class Played:
    """A Flow's manifests in Podman."""

    def __init__(self, podman: Engine, flow: str, objects: list[Object], folder: Path) -> None:
        self.podman = podman
        self.flow = flow
        self.objects = objects
        self._folder = folder

    def play(self, *objects: Object) -> None:
        file = self._folder / 'played.yaml'
        file.write_text(yaml_text(*objects))
        self.podman.run('play', 'kube', str(file))

    def ready(self, container: str) -> str:
        """What a container says of itself when it is ready."""
        name = f'{self.flow}-{container}'
        return wait_until(partial(self._answer, name), WITHIN_S, partial(self.podman.call, 'logs', name))

    def _answer(self, name: str) -> str:
        told = self._told(name)
        return told if 'HTTP/1.1 200' in told else ''

    def away(self, container: str) -> None:
        """Wait until a container says that it cannot work."""
        name = f'{self.flow}-{container}'
        wait_until(
            lambda: 'HTTP/1.1 503' in self._told(name), WITHIN_S, partial(self.podman.call, 'logs', name)
        )

    def _told(self, name: str) -> str:
        told: str = self.podman.call('exec', name, 'bash', '-c', READY).stdout
        return told

    def ask(self, text: str) -> str:
        """What the executor that keeps answers through the gateway."""
        return self.podman.run('exec', f'{self.flow}-gateway-pod-0-gateway', 'python', '-c', ASK, text)


def as_podman_takes_it(objects: Iterable[Object]) -> Iterator[Object]:
    """Manifests with what Podman 4.3 does not take put in its words.

    - Ports: it would publish those of every Pod on this machine, under the same numbers.
    - StatefulSets: it does not know them. Its Pod and its claim are played as they stand there. The Pod gets
      the name of the Service that leads to it: there are no Services, but names of Pods are in the DNS.
    """
    for each in objects:
        if each['kind'] in ('Deployment', 'StatefulSet'):
            del each['spec']['template']['spec']['containers'][0]['ports']
        if each['kind'] == 'StatefulSet':
            yield from _of_stateful_set(each)
        else:
            yield each


def _of_stateful_set(told: Object) -> Iterator[Object]:
    pod, name = told['spec']['template'], told['metadata']['name']
    for claim in told['spec']['volumeClaimTemplates']:
        stem = claim['metadata']['name']
        named = {**claim['metadata'], 'name': f'{stem}-{name}-0'}
        yield {'apiVersion': 'v1', 'kind': 'PersistentVolumeClaim', **claim, 'metadata': named}
        source = {'claimName': named['name']}
        pod['spec']['volumes'].append({'name': stem, 'persistentVolumeClaim': source})
    metadata = {**pod['metadata'], 'name': told['spec']['serviceName']}
    yield {'apiVersion': 'v1', 'kind': 'Pod', **pod, 'metadata': metadata}


@pytest.fixture(scope='module')
def played(
    engine: Engine,
    podman: Engine,
    executor_image: Callable[[Path, str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Played]:
    """A whole export, in its order, and one executor of another: Podman passes over kinds unknown to it.

    The executor is a Deployment, which no gateway would find: its Pods have names of their own.
    """
    folder = tmp_path_factory.mktemp('played')
    (folder / 'app').mkdir()
    (folder / 'app' / 'shop.py').write_text(CODE)
    flow = engine.name('shop')
    image = executor_image(folder / 'app', f'headrace-tests/{flow}:1')
    made = Played(podman, flow, [], folder)
    try:
        taken = podman.take(image)
        made.objects, two = (
            list(
                as_podman_takes_it(
                    kubernetes_manifests(load_flow(told.format(name=flow)), Cluster(image=taken)).objects
                )
            )
            for told in (FLOW, REPLICAS)
        )
        # Podman 4.3 makes a Secret of a manifest, but then finds no variable in it: it wants its `data` alone
        secret = json.dumps({'token': base64.b64encode(b'geheim').decode()})
        podman.run('secret', 'create', f'{flow}-token', '-', stdin=secret)
        made.play(*made.objects)
        made.play(*(each for each in two if each['metadata']['name'].startswith(f'{flow}-two-says')))
        yield made
    finally:
        podman.call('pod', 'rm', '--all', '--force')
        podman.call('volume', 'rm', '--all', '--force')
        podman.call('secret', 'rm', f'{flow}-token')
        engine.call('rmi', '-f', image)


def test_podman_runs_a_deployment_and_its_config_map(played: Played) -> None:
    for number in range(2):
        told = played.ready(f'two-says-pod-{number}-worker')
        assert '\n10001\n' in told
        assert 'Read-only file system' in told


def test_a_gateway_a_secret_and_a_claim(played: Played) -> None:
    """The gateway finds replicas by the DNS of Podman; what is on a claim outlives its Pod."""
    played.ready('keeps-worker')
    played.ready('gateway-pod-0-gateway')
    assert played.ask('first') == "geheim ['first']"
    pod = f'{played.flow}-keeps'
    played.podman.run('pod', 'rm', '--force', pod)
    played.away('gateway-pod-0-gateway')  # or `ready` might tell of the replica that has gone
    names = {('ConfigMap', f'{pod}-flow'), ('Pod', pod)}  # the claim is there
    played.play(*(each for each in played.objects if (each['kind'], each['metadata']['name']) in names))
    played.ready('keeps-worker')
    played.ready('gateway-pod-0-gateway')
    assert played.ask('second') == "geheim ['first', 'second']"

"""Exported manifests, unedited, run on a real engine as a cluster runs them: probed, ended, made again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from asking import Asking
from click.testing import CliRunner
from engine import Engine
from kube_pods import Pod
from kube_secrets import secrets_made_by
from kubelet import Kubelet
from manifests import problems, schema_problems
from waiting import wait_until

from headrace import Client, Document
from headrace.cli import main

pytestmark = [pytest.mark.engine, pytest.mark.needs('linux'), pytest.mark.timeout(300)]

CODE = '''
import os
import socket

from headrace import BaseDoc, DocList, Executor, requests


class Text(BaseDoc):
    text: str = ''


class Encoder(Executor):
    """Says where it runs, and what it was given."""

    def __init__(self, token='', **kwargs):
        super().__init__(**kwargs)
        self.token = token

    @requests(on='/search')
    def encode(self, docs: DocList[Text], **kwargs) -> DocList[Text]:
        for doc in docs:
            doc.text = socket.gethostname()
        return docs

    @requests(on='/about')
    def about(self, docs: DocList[Text], **kwargs) -> DocList[Text]:
        try:
            open('/app/new', 'w')
            written = True
        except OSError:
            written = False
        docs[0].text = f'{self.token} {os.environ["GREETING"]} {os.getuid()} {written}'
        return docs


class Index(Executor):
    """Keeps texts in a file of its workspace."""

    @requests(on='/index')
    def add(self, docs: DocList[Text], **kwargs) -> DocList[Text]:
        with open(os.path.join(self.workspace, 'texts'), 'a') as file:
            for doc in docs:
                print(doc.text, file=file)
        return docs

    @requests(on='/kept')
    def kept(self, docs: DocList[Text], **kwargs) -> DocList[Text]:
        with open(os.path.join(self.workspace, 'texts'), 'a+') as file:
            file.seek(0)
            return DocList[Text](Text(text=line.strip()) for line in file)
'''
FLOW = """
jtype: Flow
version: '1'
with:
  name: shop
  protocol: http
  port: 8080
  timeout_stop_s: 5
  env: {GREETING: 'hello $(USER) ${{ ENV.SHOP_TOKEN }}'}
executors:
  - name: encoder
    uses: shop.py:Encoder
    uses_with: {token: '${{ ENV.SHOP_TOKEN }}'}
    replicas: 2
    cpus: 1
    memory: 512M
  - name: index
    uses: shop.py:Index
    storage: 1Gi
    shards: 2
    polling: {/index: KEY, /kept: ALL, '*': ANY}
gateway:
  replicas: 2
  security:
    keys: keys.json
    workers:
      authority: certs/ca.crt
      certificate: certs/worker.crt
      key: certs/worker.key
      gateway_certificate: certs/gateway.crt
      gateway_key: certs/gateway.key
"""
TOKEN = 'geheim'
NOTICED_S = 1.0
"""How late callers learn that a Service leads elsewhere."""
LINGER_S = 3
"""How long gateways accept requests of callers that do not know it yet."""


class Cluster:
    """A Flow in the cluster, and a client of it."""

    def __init__(self, kubelet: Kubelet, key: str) -> None:
        self.kubelet = kubelet
        self.key = key
        self._known: tuple[float, list[str]] = (0.0, [])
        self._lock = threading.Lock()

    def client(self, address: str) -> Client:
        return Client(f'http://{address}:8080', api_key=self.key)

    def post(self, endpoint: str, *texts: str) -> list[str]:
        with self.client(self.gateways()[0]) as client:
            return [doc.text for doc in client.post(endpoint, [Document(text=text) for text in texts])]

    def gateways(self) -> list[str]:
        """Where the gateway's Service leads to, as callers know it: a little late."""
        with self._lock:
            at, known = self._known
            if time.monotonic() > at + NOTICED_S or not known:
                known = self.kubelet.addresses('shop-gateway') or []
                self._known = (time.monotonic(), known)
            return known


@contextmanager
def asked_all_along(cluster: Cluster) -> Iterator[Asking]:
    """Callers who have been answered, and go on."""
    with Asking(cluster.gateways, cluster.client) as asking:
        asking.more(20)
        yield asking


@pytest.fixture(scope='module')
def cluster(
    engine: Engine, executor_image: Callable[[Path, str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp('shop')
    code = folder / 'code'
    code.mkdir()
    (code / 'shop.py').write_text(CODE)
    (folder / 'flow.yml').write_text(FLOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv('SHOP_TOKEN', TOKEN)
        run('certs')
        key = run('keys', 'add', 'tests').strip()
        words = ('--single-file', '--image', 'registry.example/shop:1.2', '--linger-s', str(LINGER_S))
        told = run_all('export', 'kubernetes', 'flow.yml', *words)
    commands = [line.partition(': ')[2] for line in told.stderr.splitlines() if 'kubectl create' in line]
    secrets = secrets_made_by(commands, folder, {'SHOP_TOKEN': TOKEN})
    objects = list(yaml.safe_load_all(told.stdout))
    assert schema_problems(objects) == []
    assert problems(objects, secrets=frozenset(secrets)) == []
    image = executor_image(code, f'headrace-tests/{engine.name("shop")}')
    disks = tmp_path_factory.mktemp('disks')
    images = {'registry.example/shop:1.2': image}
    try:
        kubelet = Kubelet(engine, objects, images=images, secrets=secrets, folder=disks)
        try:
            kubelet.apply()
            kubelet.wait()
            yield Cluster(kubelet, key)
        finally:
            kubelet.close()
    finally:
        engine.run('rmi', '-f', image)


def run(*words: str) -> str:
    return run_all(*words).stdout


def run_all(*words: str) -> Any:
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    return told


def test_it_answers_and_every_replica_works(cluster: Cluster) -> None:
    with asked_all_along(cluster) as asking:
        encoders = {pod.name for pod in cluster.kubelet.of('shop-encoder')}
        asking.until(lambda: set(asking.answers) == encoders)
    assert asking.failures == []


def test_members_are_given_what_the_flow_says_and_may_write_nowhere_else(cluster: Cluster) -> None:
    assert cluster.post('/about', '') == [f'{TOKEN} hello $(USER) {TOKEN} 10001 False']


def test_gateways_let_nobody_in_without_a_key(cluster: Cluster) -> None:
    stranger = Client(f'http://{cluster.gateways()[0]}:8080')
    with stranger, pytest.raises(Exception, match='nobody knows who calls'):
        stranger.post('/search', Document(text='x'))


def test_a_deleted_worker_finishes_and_its_successor_takes_over(cluster: Cluster) -> None:
    kubelet = cluster.kubelet
    with asked_all_along(cluster) as asking:
        old = kubelet.of('shop-encoder')[0]
        asking.until(lambda: asking.answers[old.name] > 0)
        delete(kubelet, old)
        (new,) = kubelet.apply()
        kubelet.wait(new)
        assert asking.until(lambda: asking.answers[new.name] > 0) < 5
    assert asking.failures == []


def test_gateways_are_replaced_one_by_one_and_no_request_fails(cluster: Cluster) -> None:
    kubelet = cluster.kubelet
    with asked_all_along(cluster) as asking:
        for old in kubelet.of('shop-gateway'):
            delete(kubelet, old)
            (new,) = kubelet.apply()
            kubelet.wait(new)
            asking.until(partial(lambda pod: pod.address in cluster.gateways(), new))
            asking.more(10)
    assert asking.failures == []


def test_what_is_on_a_disk_outlives_its_pod(cluster: Cluster) -> None:
    kubelet = cluster.kubelet
    texts = [str(number) for number in range(32)]
    cluster.post('/index', *texts)
    for name in ('shop-index-0', 'shop-index-1'):
        (old,) = kubelet.of(name)
        delete(kubelet, old)
        (new,) = kubelet.apply()
        assert new.name == old.name == f'{name}-0'
        kubelet.wait(new)
    wait_until(lambda: ready(cluster))
    assert sorted(cluster.post('/kept', '')) == sorted(texts)


def test_probes_are_true_all_along(cluster: Cluster) -> None:
    for pod in cluster.kubelet.pods:
        assert pod.restarts == 0
        assert pod.statuses('startup')[-1] == 200
        assert 200 in pod.statuses('readiness')
        assert {*pod.statuses('liveness')} == {200}


def test_a_killed_worker_is_noticed_by_its_probes_and_costs_no_request(
    cluster: Cluster, engine: Engine
) -> None:
    pod = cluster.kubelet.of('shop-encoder')[0]
    with asked_all_along(cluster) as asking:
        engine.run('kill', pod.container)
        wait_until(lambda: pod.restarts == 1)
        cluster.kubelet.wait(pod)
        before = asking.answers[pod.name]
        asking.until(lambda: asking.answers[pod.name] > before)
    assert asking.failures == []


def ready(cluster: Cluster) -> bool:
    return len(cluster.kubelet.addresses('shop-gateway') or []) == 2


def delete(kubelet: Kubelet, pod: Pod) -> None:
    """End a Pod: by itself, in its time, and as somebody who has done what he was told."""
    kubelet.delete(pod)
    logs = kubelet.logs(pod)
    assert pod.exit_code == 0, logs
    assert pod.took_s < pod.template['spec']['terminationGracePeriodSeconds'] + 5
    lines = [line for line in logs.splitlines() if line]
    assert all(json.loads(line)['flow'] == 'shop' for line in lines), logs
    kubelet.remove(pod)

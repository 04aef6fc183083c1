"""A generated Compose file, unedited, under a real engine: started, called, scaled, hurt, stopped."""

import json

import pytest
from asking import Asking
from compose_project import Project, free_port

from headrace import Client, Document, Flow

pytestmark = [pytest.mark.engine, pytest.mark.needs('compose'), pytest.mark.timeout(300)]

CODE = '''
import os
import socket

from headrace import BaseDoc, DocList, Executor, requests


class Text(BaseDoc):
    text: str = ''


class Encoder(Executor):
    """Says where it runs."""

    @requests(on='/search')
    def encode(self, docs: DocList[Text], **kwargs) -> DocList[Text]:
        for doc in docs:
            doc.text = socket.gethostname()
        return docs


class Keeper(Executor):
    """Counts what it has seen, in a file of its workspace."""

    @requests(on='/index')
    def index(self, docs: DocList[Text], **kwargs) -> DocList[Text]:
        path = os.path.join(self.workspace, 'seen')
        with open(path, 'a') as file:
            file.write('x' * len(docs))
        for doc in docs:
            doc.text = str(os.path.getsize(path))
        return docs
'''
FLOW = """
jtype: Flow
version: '1'
with: {name: shop, protocol: [grpc, http], timeout_stop_s: 3}
executors:
  - {name: encoder, uses: shop.py:Encoder, replicas: 2, cpus: 1, memory: 512M}
  - {name: keeper, uses: shop.py:Keeper, storage: 100M}
"""


@pytest.fixture(scope='module')
def shop(tmp_path_factory, engine, executor_image, left_over):
    folder = tmp_path_factory.mktemp('shop')
    (folder / 'shop.py').write_text(CODE)
    (folder / 'flow.yml').write_text(FLOW)
    image = executor_image(folder, f'headrace-tests/{engine.name("shop")}')
    http = free_port()
    flow = Flow.load_config(folder / 'flow.yml').config_gateway(port=[free_port(), http])
    flow.to_docker_compose_yaml(folder / 'compose', image=image)
    try:
        with Project(engine, folder / 'compose', http) as project:
            project('config', '-q')
            yield project.up()
        left_over(f'label=com.docker.compose.project={project.name}')
    finally:
        engine.run('rmi', '-f', image)


@pytest.fixture
def client(shop):
    return Client(shop.url)


def test_it_answers_and_its_replicas_share_the_load(shop):
    with Asking(
        shop.addresses, clients=1
    ) as asking:  # with more, a replica that is faster here would get more
        asking.more(200)
    assert not asking.failures
    assert len(asking.answers) == 2
    assert min(asking.answers.values()) >= 0.45 * asking.answers.total()


def test_more_replicas_are_found_and_used(shop, engine):
    with Asking(shop.addresses) as asking:
        shop('up', '-d', '--no-recreate', '--scale', 'encoder=3', 'encoder')
        asking.until(lambda: len(asking.answers) == 3, 30)
        assert len(shop.containers('encoder')) == 3
        shop('up', '-d', '--no-recreate', '--scale', 'encoder=2', 'encoder')
        asking.more(50)
    assert not asking.failures


def test_a_container_that_is_killed_costs_no_request_and_comes_back(shop, engine):
    killed = shop.containers('encoder')[0]
    with Asking(shop.addresses) as asking:
        asking.until(lambda: len(asking.answers) >= 2, 30)
        engine.run('exec', killed, 'bash', '-c', 'kill -9 -1', check=False)  # all but this and the init
        asking.more(200)
        name = engine.run('inspect', '-f', '{{.Config.Hostname}}', killed)
        asking.answers.pop(name, None)
        asking.until(lambda: asking.answers[name] > 0, 30)
    assert not asking.failures
    assert engine.run('inspect', '-f', '{{.RestartCount}}', killed) == '1'


def test_what_is_kept_on_a_volume_outlives_its_container(shop, client):
    first = int(client.post('/index', Document(text='x'))[0].text)
    shop('rm', '-fs', 'keeper')
    shop('up', '-d', '--wait', 'keeper')
    assert int(client.post('/index', Document(text='x'))[0].text) == first + 1


def test_what_it_makes_is_found_if_the_tests_are_killed(shop, engine):
    own = f'label=com.docker.compose.project={shop.name}'
    for kind in (('ps', '-a'), ('network', 'ls'), ('volume', 'ls')):
        made = engine.run(*kind, '-q', '--filter', own).split()
        assert made
        assert made == engine.run(*kind, '-q', '--filter', own, '--filter', f'label={engine.label}').split()


def test_prometheus_and_grafana_are_at_the_ports_that_the_environment_says(engine, tmp_path, monkeypatch):
    (tmp_path / 'flow.yml').write_text(FLOW)
    flow = Flow.load_config(tmp_path / 'flow.yml')
    flow.to_docker_compose_yaml(tmp_path / 'compose', image='shop:1', monitoring=True, grafana_port=3100)

    def published(name: str) -> str:
        told = engine.run(
            'compose', '-f', str(tmp_path / 'compose/compose.yaml'), 'config', '--format', 'json'
        )
        (port,) = json.loads(told)['services'][name]['ports']
        assert port['host_ip'] == '127.0.0.1'
        return port['published']

    assert (published('prometheus'), published('grafana')) == ('9090', '3100')
    monkeypatch.setenv('PROMETHEUS_PORT', '9191')
    monkeypatch.setenv('GRAFANA_PORT', '0')
    assert (published('prometheus'), published('grafana')) == ('9191', '0')

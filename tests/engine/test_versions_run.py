"""Two versions of an executor, each an image, as exported files run them: shares, and their changes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from asking import Asking
from compose_project import Project, free_port
from engine import Engine
from kubelet import Kubelet
from waiting import wait_until

from headrace import Client, Document, Flow
from headrace.deploy.kubernetes import cluster_of, kubernetes_manifests
from headrace.spec import load_flow

pytestmark = [pytest.mark.engine, pytest.mark.needs('compose'), pytest.mark.timeout(300)]

CODE = """
from headrace import BaseDoc, DocList, Executor, requests


class Text(BaseDoc):
    text: str = ''


class Word(Executor):
    @requests(on='/search')
    def say(self, docs: DocList[Text], **kwargs) -> DocList[Text]:
        for doc in docs:
            doc.text = {word!r}
        return docs
"""
CONFIG = 'jtype: Word\npy_modules: [words.py]\n'
FLOW = """
with: {name: versions, protocol: http, timeout_stop_s: 3}
executors:
  - name: word
    uses: words.py:Word
    replicas: 2
    versions: {v2: {uses: 'docker://SECOND', replicas: 1}}
    weights: {main: 90, v2: 10}
    version_parameter: version
"""


class Asked:
    """A gateway, asked over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = Client(url)

    def said(self, count: int, **parameters: str) -> dict[str, int]:
        """Who answers so many requests, one after the other."""
        found: dict[str, int] = {}
        for _ in range(count):
            text = self.client.post('/search', Document(), parameters=parameters)[0].text
            found[text] = found.get(text, 0) + 1
        return found

    def get(self, path: str) -> str:
        with urlopen(f'{self.url}{path}', timeout=10) as answer:
            return str(answer.read().decode())

    def follows(self, **shares: int) -> None:
        """Wait until the gateway divides requests like this."""
        wait_until(lambda: self.weights_now() == shares, what=self.weights_now)

    def weights_now(self) -> dict[str, float]:
        (word,) = json.loads(self.get('/dashboard/state'))['executors']
        return {version['name']: version['weight'] for version in word['versions']}

    def visits(self) -> dict[str, float]:
        """The calls of each version, as Prometheus would be told."""
        pattern = re.compile(r'headrace_hop_seconds_count\{(.*)\} (\S+)')
        found = (pattern.match(line) for line in self.get('/metrics').splitlines())
        return {
            name[1]: float(line[2])
            for line in found
            if line and (name := re.search(r'version="(\w+)"', line[1])) and 'executor="word"' in line[1]
        }


class Running(Asked):
    """The Compose project, the two images, and the folder with what was exported."""

    def __init__(self, project: Project, images: list[str], folder: Path) -> None:
        super().__init__(project.url)
        self.project = project
        self.images = images
        self.folder = folder

    def weigh(self, *shares: str) -> str:
        """What `headrace weights` says."""
        program = [sys.executable, '-c', 'from headrace.cli import main; main()', 'weights', 'word', *shares]
        done = subprocess.run(
            [*program, '--file', str(self.folder / 'weights/weights.yml')],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def export(flow: str, images: list[str], folder: Path, port: int) -> None:
    loaded = Flow.load_config(flow.replace('SECOND', images[1])).config_gateway(port=port)
    loaded.to_docker_compose_yaml(folder, image=images[0])


@pytest.fixture(scope='module')
def images(
    engine: Engine, executor_image: Callable[[Path, str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[str]]:
    """One with the first version, one with the second."""
    made: list[str] = []
    try:
        for word in ('main', 'v2'):
            folder = tmp_path_factory.mktemp(word)
            (folder / 'words.py').write_text(CODE.format(word=word))
            (folder / 'config.yml').write_text(CONFIG)
            made.append(executor_image(folder, f'{engine.name("headrace-tests/words")}:{word}'))
        yield made
    finally:
        engine.run('rmi', '-f', *made, check=False)


@pytest.fixture(scope='module')
def running(engine: Engine, images: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp('versions')
    http = free_port()
    export(FLOW, images, folder, http)
    with Project(engine, folder, http) as project:
        project('config', '-q')
        yield Running(project.up(), images, folder)


def test_each_version_runs_its_own_image(running: Running, engine: Engine) -> None:
    containers = {service: running.project.containers(service) for service in ('word', 'word-v2')}
    assert {service: len(found) for service, found in containers.items()} == {'word': 2, 'word-v2': 1}
    image = engine.run('inspect', '-f', '{{.Config.Image}}', *containers['word-v2'])
    assert image == running.images[1]


def test_requests_are_divided_by_the_weights_and_each_version_is_counted(running: Running) -> None:
    running.weigh('main=90', 'v2=10')
    running.follows(main=90, v2=10)
    before = running.visits()
    assert running.said(200) == {'main': 180, 'v2': 20}
    after = running.visits()
    assert {name: count - before.get(name, 0) for name, count in after.items()} == {'main': 180, 'v2': 20}


def test_a_version_is_chosen_by_hand(running: Running) -> None:
    assert running.said(5, version='v2') == {'v2': 5}


def test_weights_change_under_load_without_a_failed_request(running: Running) -> None:
    with Asking(running.project.addresses) as asking:
        asking.more(50)
        assert running.weigh('main=1', 'v2=1') == 'word main: 1 (50%)\nword v2: 1 (50%)\n'
        running.follows(main=1, v2=1)
        asking.more(50)
        running.weigh('v2=1')
        running.follows(main=0, v2=1)
        assert running.said(20) == {'v2': 20}
        running.weigh('main=3', 'v2=1')
        running.follows(main=3, v2=1)
        asking.more(50)
    assert not asking.failures
    assert running.said(40) == {'main': 30, 'v2': 10}


def test_a_version_whose_container_is_killed_is_passed_over_and_comes_back(
    running: Running, engine: Engine
) -> None:
    running.weigh('main=1', 'v2=1')
    running.follows(main=1, v2=1)
    (victim,) = running.project.containers('word-v2')
    with Asking(running.project.addresses) as asking:
        asking.until(lambda: asking.answers['v2'] > 0, 60)
        engine.run('exec', victim, 'bash', '-c', 'kill -9 -1', check=False)  # all but this and the init
        asking.more(100)
        before = asking.answers['v2']
        asking.until(lambda: asking.answers['v2'] > before, 60)
    assert not asking.failures
    assert engine.run('inspect', '-f', '{{.RestartCount}}', victim) == '1'


def test_another_export_with_other_weights_starts_no_container_anew(running: Running) -> None:
    services = ('gateway', 'word', 'word-v2')
    before = {service: set(running.project.containers(service)) for service in services}
    port = int(running.project.url.rpartition(':')[2])
    export(FLOW.replace('main: 90', 'main: 70'), running.images, running.folder, port)
    running.project('up', '-d', '--wait')
    assert {service: set(running.project.containers(service)) for service in services} == before
    running.follows(main=70, v2=10)


@pytest.mark.needs('linux')
def test_in_a_cluster_gateways_follow_the_config_map(
    engine: Engine, images: list[str], tmp_path: Path
) -> None:
    made = kubernetes_manifests(
        load_flow(FLOW.replace('SECOND', images[1])), cluster_of({'image': images[0], 'linger_s': 1})
    )
    found = {image: image for image in images}
    kubelet = Kubelet(engine, list(made.objects), images=found, secrets={}, folder=tmp_path)
    try:
        kubelet.apply()
        kubelet.wait()
        (gateway,) = kubelet.of('versions-gateway')
        asked = Asked(f'http://{gateway.address}:8080')
        assert asked.said(200) == {'main': 180, 'v2': 20}
        with Asking(lambda: [asked.url]) as asking:
            asking.more(20)
            changed = tmp_path / 'changed.yml'
            changed.write_text('word: {v2: 1}')
            changed.replace(tmp_path / f'{gateway.name}-weights' / 'weights.yml')
            wait_until(lambda: "weights of executor 'word'" in kubelet.logs(gateway))
            assert asked.said(20) == {'v2': 20}
        assert asking.failures == []
    finally:
        kubelet.close()

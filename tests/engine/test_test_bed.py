"""The engine that the other tests of this folder stand on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import kubelet
import pytest
from compose_project import Project
from engine import Engine

pytestmark = pytest.mark.engine


def test_a_container_runs(engine: Engine, base_image: str, left_over: Callable[..., None]) -> None:
    name = engine.name('hello')
    told = engine.run('run', '--rm', '--name', name, base_image, 'python', '-c', 'print(6 * 7)')
    assert told == '42'
    left_over(f'name={name}')


def test_containers_reach_each_other_by_name(engine: Engine, base_image: str) -> None:
    network, server = engine.name('net'), engine.name('server')
    engine.run('network', 'create', '--label', engine.label, network)
    serve = ('python', '-m', 'http.server', '8000', '--directory', '/etc')
    engine.run(
        'run', '-d', '--label', engine.label, '--network', network, '--name', server, base_image, *serve
    )
    ask = f"""
import time, urllib.request
while True:
    try:
        print(urllib.request.urlopen('http://{server}:8000/hostname').read().decode().strip())
        break
    except OSError:
        time.sleep(0.05)
"""
    told = engine.run('run', '--rm', '--network', network, base_image, 'python', '-c', ask)
    assert told == engine.run('inspect', '--format', '{{.Config.Hostname}}', server)
    engine.run('rm', '-f', server)
    engine.run('network', 'rm', network)


@pytest.mark.needs('compose')
def test_compose_is_there(engine: Engine) -> None:
    assert engine.run('compose', 'version', '--short').startswith('2.')


def test_this_checkout_runs_in_a_container(engine: Engine, headrace_image: str) -> None:
    assert 'Usage' in engine.run('run', '--rm', '--read-only', '--tmpfs', '/tmp', headrace_image, '--help')


@pytest.mark.needs('compose')
def test_a_project_that_does_not_start_leaves_nothing(
    engine: Engine, headrace_image: str, tmp_path: Path, left_over: Callable[..., None]
) -> None:
    service = {'image': headrace_image, 'command': ['nonsense'], 'volumes': ['v:/v']}
    (tmp_path / 'compose.yaml').write_text(json.dumps({'services': {'a': service}, 'volumes': {'v': {}}}))
    with pytest.raises(pytest.fail.Exception), Project(engine, tmp_path, 1) as project:
        project.up()
    left_over(f'label=com.docker.compose.project={project.name}')


def test_a_cluster_that_does_not_start_leaves_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_over: Callable[..., None]
) -> None:
    def taken(*told: object) -> None:
        raise OSError('port 53 is taken')

    pods = engine.name('pods')
    monkeypatch.setattr(kubelet, 'KubeDns', taken)
    monkeypatch.setattr(Engine, 'name', lambda self, stem: pods)
    with pytest.raises(OSError, match='port 53 is taken'):
        kubelet.Kubelet(engine, [], images={}, secrets={}, folder=tmp_path)
    left_over(f'name={pods}')

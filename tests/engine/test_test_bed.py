"""The engine that the other tests of this folder stand on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
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

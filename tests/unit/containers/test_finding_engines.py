"""Docker or Podman: which of them is taken, and what is said where neither answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.containers.engine import find
from headrace.errors import StartError
from headrace.programs import last_words

DOCKER = {'Client': {'Version': '28.2.2', 'ApiVersion': '1.41'}, 'Server': {'Version': '20.10.24'}}
NO_SERVER = {'Client': {'Version': '28.2.2', 'ApiVersion': '1.41'}, 'Server': None}
PODMAN = {'Client': {'Version': '4.3.1', 'APIVersion': '4.3.1'}}


class Programs:
    """Commands on a PATH of their own, that say what they are told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, told: dict[str, Any], *, status: int = 0, error: str = '') -> Path:
        path = self.folder / name
        path.write_text(
            f"#!/bin/sh\nprintf '%s\\n' '{json.dumps(told)}'\necho '{error}' >&2\nexit {status}\n"
        )
        path.chmod(0o755)
        return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.delenv('HEADRACE_ENGINE', raising=False)
    monkeypatch.delenv('DOCKER_HOST', raising=False)
    return Programs(tmp_path)


def test_docker_goes_first(programs: Programs) -> None:
    docker = programs.put('docker', DOCKER)
    programs.put('podman', PODMAN)
    engine = find()
    assert (engine.program, engine.name, engine.version) == (str(docker), 'docker', '20.10.24')


def test_podman_where_docker_does_not_answer(programs: Programs, caplog: pytest.LogCaptureFixture) -> None:
    programs.put('docker', NO_SERVER, status=1, error='Cannot connect')
    podman = programs.put('podman', PODMAN)
    engine = find()
    assert (engine.program, engine.name, engine.version) == (str(podman), 'podman', '4.3.1')
    assert 'docker does not answer: Cannot connect; podman is used' in caplog.text


def test_podman_where_there_is_no_docker_is_no_news(
    programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    programs.put('podman', PODMAN)
    assert find().is_podman
    assert caplog.text == ''


def test_docker_host_means_docker(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DOCKER_HOST', 'unix:///nowhere')
    programs.put('podman', PODMAN)
    assert find().is_podman  # there is no command that would look there
    docker = programs.put('docker', NO_SERVER, status=1, error='Cannot connect')
    with pytest.raises(StartError) as caught:
        find()
    assert caught.value.message == 'docker does not answer at unix:///nowhere: Cannot connect'
    assert 'HEADRACE_ENGINE=podman' in caught.value.help
    monkeypatch.setenv('HEADRACE_ENGINE', 'podman')
    assert find().is_podman
    monkeypatch.delenv('HEADRACE_ENGINE')
    programs.put('docker', DOCKER)
    assert find().program == str(docker)


def test_what_is_called_docker_may_be_podman(programs: Programs) -> None:
    programs.put('docker', PODMAN)
    assert find().is_podman


def test_the_environment_chooses(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.put('docker', DOCKER)
    podman = programs.put('podman', PODMAN)
    monkeypatch.setenv('HEADRACE_ENGINE', 'podman')
    assert find().program == str(podman)
    monkeypatch.setenv('HEADRACE_ENGINE', 'nerdctl')
    with pytest.raises(StartError, match="there is no command 'nerdctl'"):
        find()


def test_neither_answers(programs: Programs) -> None:
    programs.put('docker', NO_SERVER, status=1, error='Cannot connect to the Docker daemon')
    with pytest.raises(StartError) as caught:
        find()
    assert 'docker does not answer: Cannot connect to the Docker daemon' in caught.value.message
    assert "there is no command 'podman'" in caught.value.message
    assert 'HEADRACE_ENGINE' in caught.value.help


def test_one_that_says_nonsense(programs: Programs) -> None:
    path = programs.put('docker', DOCKER)
    path.write_text('#!/bin/sh\necho hello\n')
    with pytest.raises(StartError, match='no container engine answers: docker does not answer'):
        find()


def test_a_command_that_fails_is_told_in_its_own_words(programs: Programs) -> None:
    programs.put('docker', DOCKER)
    engine = find()
    programs.put('docker', {}, status=1, error='no such network')
    with pytest.raises(StartError, match=r'^the network was not made: no such network$'):
        engine.run('network', 'create', failed='the network was not made')
    assert engine.image('shop/encoder:1') is None


def test_last_words() -> None:
    assert last_words('only\n\n') == 'only'
    assert last_words('a\nb\n') == '\n  a\n  b'
    assert last_words(' ') == 'it printed nothing'

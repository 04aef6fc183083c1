"""Engines that hang, or die: every question has an end, and what is not known is not taken for gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.containers import engine as engines
from headrace.containers import owners
from headrace.containers.engine import Engine, find
from headrace.errors import StartError

VERSION = json.dumps({'Client': {'Version': '28.2.2'}, 'Server': {'Version': '20.10.24'}})
DEAD = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?'


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Engine]:
    """A command that is a line of a shell."""
    monkeypatch.setattr(engines, 'ANSWER_S', 0.3)
    monkeypatch.setattr(owners, 'ANSWER_S', 0.3)

    def made(line: str) -> Engine:
        program = tmp_path / 'docker'
        program.write_text(f'#!/bin/sh\n{line}\n')
        program.chmod(0o755)
        return Engine(program=str(program))

    return made


HANGS = 'exec tail -f /dev/null'


def test_one_that_hangs_is_told(engine: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = engine(HANGS)
    for ask in (
        lambda: hanging.image('a:1'),
        lambda: hanging.can_get('a:1'),
        lambda: hanging.has('a'),
        lambda: owners.remove(hanging, 'a'),
        lambda: owners.remove_abandoned(hanging),
    ):
        with pytest.raises(StartError, match='answer'):
            ask()
    assert not engine(f'[ "$1" = image ] && echo "No such image" >&2 && exit 1; {HANGS}').can_get('a:1')
    monkeypatch.delenv('DOCKER_HOST', raising=False)
    with pytest.raises(StartError, match='nothing within'):
        find(hanging.program)


def test_what_an_engine_has_that_died_is_not_taken_for_gone(engine: Callable[[str], Engine]) -> None:
    lives = engine(f"[ $1 = version ] && echo '{VERSION}' && exit 0; echo 'a is not known' >&2; exit 1")
    assert not lives.has('a')
    assert lives.image('a') is None
    dead = engine(f'echo "{DEAD}" >&2; exit 1')
    for ask in (lambda: dead.has('a'), lambda: dead.image('a'), lambda: owners.remove(dead, 'a')):
        with pytest.raises(StartError, match='docker does not answer: Cannot connect') as failed:
            ask()
        assert not failed.value.begun


@pytest.mark.parametrize(
    'said',
    [
        'permission denied while trying to connect to the Docker daemon socket',
        'failed to connect to the docker API: dial unix /run/docker.sock: no such file or directory',
        'dial tcp: lookup engine.example: no such host',
    ],
)
@pytest.mark.parametrize('answers', [True, False])
def test_only_what_is_said_to_be_missing_is(
    engine: Callable[[str], Engine], said: str, answers: bool
) -> None:
    version = f"[ $1 = version ] && echo '{VERSION}' && exit 0; " if answers else ''
    failing = engine(f'{version}echo "{said}" >&2; exit 1')
    for ask in (lambda: failing.has('a'), lambda: failing.image('a'), lambda: failing.can_get('a')):
        with pytest.raises(StartError) as caught:
            ask()
        assert said in caught.value.message


@pytest.mark.parametrize(
    'said',
    ['No such image: a:latest', 'inspecting object: a: image not known', 'a: invalid reference format'],
)
def test_what_is_said_to_be_missing_is(engine: Callable[[str], Engine], said: str) -> None:
    failing = engine(f'[ $1 = version ] || echo "Error: {said}" >&2; exit 1')
    assert failing.image('a') is None
    assert not failing.has('a')


@pytest.mark.parametrize('name', ['--help', '-f', '--privileged', ''])
def test_what_is_called_like_an_option_is_no_image(engine: Callable[[str], Engine], name: str) -> None:
    helpful = engine('echo "Usage: docker image inspect"')
    assert helpful.image(name) is None
    assert not helpful.can_get(name)


def test_what_cannot_be_removed_keeps_nobody_from_starting(
    engine: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = '999999999-1@' + owners.owner().partition('@')[2]
    stubborn = engine(f'case "$1" in ps) echo "abc shop-encoder {gone}";; rm) echo busy >&2; exit 1;; esac')
    monkeypatch.setattr(owners, 'ANSWER_S', 1000.0)
    assert owners.remove_abandoned(stubborn) == 0  # it does not try for so long
    assert 'the container shop-encoder, whose Flow was killed, is left' in caplog.text
    assert 'busy' in caplog.text

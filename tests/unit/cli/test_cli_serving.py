"""The commands that serve and ask, with real processes: run, executor, ping, client."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headrace.cli import main

EXECUTOR = """
from headrace import DocumentArray, Executor, requests

class Upper(Executor):
    def __init__(self, suffix='', **kwargs):
        super().__init__(**kwargs)
        if suffix == 'fail':
            raise RuntimeError('no such suffix')
        self.suffix = suffix

    @requests
    def upper(self, docs: DocumentArray, parameters, **kwargs):
        for doc in docs:
            doc.text = doc.text.upper() + self.suffix + str(parameters.get('more', ''))

    @requests(on='/status')
    def status(self, **kwargs):
        return {'suffix': self.suffix}
"""

FLOW = """
executors: [{name: upper, uses: upper.py:Upper, uses_with: {suffix: '${{ suffix }}'}}]
gateway: {protocol: [grpc, http]}
"""

CODE = 'from headrace.cli import main; main(prog_name="headrace")'


def ask(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A command that serves, and the address of each protocol as it prints them."""
    process = subprocess.Popen(
        [sys.executable, '-c', CODE, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        addresses: dict[str, str] = {}
        for line in process.stdout:
            addresses |= dict(re.findall(r'^  ((?:grpc|http))(://\S+)', line))
            if line.startswith('Ctrl-C'):
                break
        yield process, {protocol: f'{protocol}{rest}' for protocol, rest in addresses.items()}
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'upper.py').write_text(EXECUTOR)
    (tmp_path / 'flow.yml').write_text(FLOW)
    return tmp_path


@pytest.mark.parametrize('stop', [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_it_is_stopped(folder: Path, stop: signal.Signals) -> None:
    with serving(folder, 'run', 'flow.yml', '--set', 'suffix=!') as (process, addresses):
        assert set(addresses) == {'grpc', 'http'}
        for address in addresses.values():
            ready = ask('ping', address, '--attempts', 3)
            assert ready.exit_code == 0
            assert re.fullmatch(rf'{address} is ready \([\d.]+ ms\)\n', ready.stdout)
            answer = ask('client', address, '/', '--text', 'a', '--text', 'b', '-p', 'more=7')
            assert answer.exit_code == 0, answer.output
            assert [json.loads(line)['text'] for line in answer.stdout.splitlines()] == ['A!7', 'B!7']
        status = ask('client', addresses['grpc'], '/status')
        assert list(json.loads(status.stdout)['results'].values()) == [{'suffix': '!'}]
        process.send_signal(stop)
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (0, 'stopped\n', '')
    gone = ask('ping', addresses['http'], '--timeout-s', 2)
    assert gone.exit_code == 1
    assert 'is not ready: nobody answers' in gone.stderr


def test_executor_serves_one_class(folder: Path) -> None:
    command = ('executor', 'upper.py:Upper', '--uses-with', 'suffix=?', '--protocol', 'http', '--port', '0')
    with serving(folder, *command) as (process, addresses):
        docs = folder / 'docs.jsonl'
        docs.write_text('{"text": "x"}\n')
        answer = ask('client', addresses['http'], '/', '--docs', docs)
        assert json.loads(answer.stdout)['text'] == 'X?'
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_run_of_a_constructor_that_raises(folder: Path) -> None:
    command = [sys.executable, '-c', CODE, 'run', 'flow.yml', '--set', 'suffix=fail']
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert 'upper' in ended.stderr
    assert 'RuntimeError: no such suffix' in ended.stderr
    assert 'ready' not in ended.stdout


def test_a_variable_that_means_nothing_is_told(folder: Path) -> None:
    command = [sys.executable, '-c', CODE, 'run', 'flow.yml', '--set', 'suffix=fail']
    env = {**os.environ, 'HEADRACE_LOGLEVEL': 'x'}
    ended = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert 'warning: HEADRACE_LOGLEVEL means nothing; did you mean HEADRACE_LOG_LEVEL?' in ended.stderr


def test_ping_tells_a_stranger_from_an_empty_port() -> None:
    with socket.create_server(('127.0.0.1', 0)) as listener:
        address = f'http://127.0.0.1:{listener.getsockname()[1]}'
        result = ask('ping', address, '--timeout-s', 0.2)
    assert result.exit_code == 1
    assert 'somebody answers' in result.stderr


def test_client_to_nobody_fails_with_a_remedy() -> None:
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    result = ask('client', f'http://127.0.0.1:{port}', '/', '--text', 'a')
    assert result.exit_code == 1
    assert f'no gateway answers at http://127.0.0.1:{port}' in result.stderr
    assert 'help: is the Flow running' in result.stderr


def test_client_needs_an_address() -> None:
    result = ask('client', 'graphql://127.0.0.1:5', '/')
    assert result.exit_code == 1
    assert "'graphql' is not a protocol" in result.stderr

"""headrace top and headrace status on a running Flow: what they print, as JSON too, and their exit codes."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from click.testing import CliRunner, Result
from monitored_shop import Encoder, Indexer
from storm import workers

from headrace import Flow
from headrace.cli import main

PATIENCE_S = 30


@pytest.fixture(scope='module')
def flow() -> Iterator[Flow]:
    made = Flow(name='top-shop', protocol=['grpc', 'http'])
    with made.add(uses=Encoder, name='enc', replicas=2).add(uses=Indexer, name='idx', shards=2) as running:
        yield running


def address(flow: Flow) -> str:
    return f'http://127.0.0.1:{flow.ports["http"]}'


def headrace(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_status(flow: Flow) -> None:
    said = headrace('status', address(flow))
    assert said.exit_code == 0, said.output
    assert f'top-shop at {address(flow)} is ready' in said.stdout
    assert 'idx/shard-1/rep-0' in said.stdout
    told = json.loads(headrace('status', address(flow), '--json').stdout)
    assert (told['flow'], told['status'], told['is_well']) == ('top-shop', 'ready', True)
    assert [executor['name'] for executor in told['executors']] == ['enc', 'idx']
    assert told['executors'][0]['replicas'] == {'enc/rep-0': 'healthy', 'enc/rep-1': 'healthy'}
    assert '/search' in told['endpoints']


def test_a_flow_of_this_machine_is_found_by_its_name(flow: Flow) -> None:
    said = headrace('status', '--flow', 'top-shop', '--json')
    assert json.loads(said.stdout)['address'] == address(flow)


@pytest.mark.parametrize(
    'command',
    ['status', 'top', 'logs', 'log-level upper DEBUG', 'profile', 'record -o no.hrec'],
)
def test_every_command_takes_the_name_of_a_flow_in_the_same_way(flow: Flow, command: str) -> None:
    missing = headrace(*command.split(), '--flow', 'no-such-flow')
    assert missing.exit_code == 1, missing.output
    assert "no Flow 'no-such-flow' of yours runs on this machine" in missing.stderr
    assert 'top-shop' in missing.stderr  # those that do run are listed


@pytest.mark.parametrize('command', ['status', 'top'])
def test_a_name_is_no_address(flow: Flow, command: str) -> None:
    said = headrace(command, 'top-shop')
    assert said.exit_code == 1
    assert "'top-shop' is no address" in said.stderr
    assert '--flow top-shop' in said.stderr
    both = headrace(command, address(flow), '--flow', 'top-shop')
    assert both.exit_code == 1
    assert 'give one of them' in both.stderr


@pytest.mark.parametrize('command', ['status', 'top'])
def test_nobody_there(command: str) -> None:
    said = headrace(command, 'http://127.0.0.1:1')
    assert said.exit_code == 1
    assert 'error: no gateway answers at http://127.0.0.1:1' in said.stderr


def test_the_grpc_port_is_not_the_one(flow: Flow) -> None:
    said = headrace('top', f'grpc://127.0.0.1:{flow.ports["grpc"]}')
    assert said.exit_code == 1
    assert 'give the address of its HTTP port' in said.stderr


def test_top_once_has_the_rates_of_a_known_load(flow: Flow) -> None:
    arguments = ['-m', 'headrace.cli', 'top', address(flow), '--once', '--json', '--every-s', '3']
    program = 'import sys; from headrace.cli import main; main(sys.argv[1:])'
    watching = subprocess.Popen(
        [sys.executable, '-c', program, *arguments[2:]], stdout=subprocess.PIPE, text=True
    )
    sent = 0
    while watching.poll() is None:
        assert httpx.post(f'{address(flow)}/search', json={'data': [{'text': 'x'}]}).status_code == 200
        sent += 1
    assert watching.stdout
    with watching.stdout:
        told = json.loads(watching.stdout.read())
    assert watching.returncode == 0
    assert 0 < told['pace']['rate'] * told['over_s'] <= sent
    assert told['pace']['failed'] == 0
    assert 0 < told['pace']['p50_s'] <= told['pace']['p99_s'] < 30
    rates = {executor['name']: executor['pace']['rate'] for executor in told['executors']}
    assert rates.keys() == {'enc', 'idx'}
    assert rates['enc'] == pytest.approx(told['pace']['rate'], rel=0.5)
    assert [(e['replicas'], e['well']) for e in told['executors']] == [(2, 2), (2, 2)]
    assert all(0 < e['queue_p99_s'] < 30 and e['waiting'] >= 0 for e in told['executors'])
    doors = {door['protocol']: door['pace']['rate'] for door in told['doors']}
    assert doors['http'] > 0
    assert doors['grpc'] == 0


def test_top_prints_a_table(flow: Flow) -> None:
    said = headrace('top', address(flow), '--once', '--every-s', '0.1')
    assert said.exit_code == 0, said.output
    for word in (
        'top-shop is ready',
        'calls/s',
        'p99',
        'queue p99',
        'waiting',
        'enc',
        'idx',
        '/search',
        'http',
        'connections',
    ):
        assert word in said.stdout


def test_without_a_dashboard_top_says_so(flow: Flow) -> None:
    said = headrace('top', address(flow), '--path', '/nowhere')
    assert said.exit_code == 1
    assert 'has no dashboard at /nowhere' in said.stderr


def test_the_keys(flow: Flow) -> None:
    """On a terminal: s sorts, q ends it, and the terminal is as it was."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ['TERM'] = 'xterm-256color'
        program = 'from headrace.cli import main; main()'
        os.execv(sys.executable, [sys.executable, '-c', program, 'top', address(flow), '--every-s', '0.2'])
    try:
        until_shown(terminal, b'q quit')
        os.write(terminal, b's')
        until_shown(terminal, b'sort (p99)')
        os.write(terminal, b'q')
        until_shown(terminal, b'\x1b[?1049l')  # back to the screen that was there before
    finally:
        if not has_ended(child):
            os.kill(child, 9)
        os.close(terminal)


def until_shown(terminal: int, text: bytes) -> None:
    seen = b''
    until = time.monotonic() + PATIENCE_S
    while text not in seen:
        assert time.monotonic() < until, seen[-2000:]
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536)


def has_ended(child: int) -> bool:
    """Whether the process ends soon; what it still prints has room."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        ended, _ = os.waitpid(child, os.WNOHANG)
        if ended:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.leaks('a worker is started again while the Flow of the module runs')
def test_status_of_a_flow_with_a_replica_that_is_away(flow: Flow) -> None:
    victim = workers()[0]
    victim.suspend()
    try:
        until = time.monotonic() + PATIENCE_S
        while (said := headrace('status', address(flow), '--json')).exit_code == 0:
            assert time.monotonic() < until
    finally:
        psutil.Process(victim.pid).resume()
    told = json.loads(said.stdout)
    assert told['is_well'] is False
    assert told['status'] in ('degraded', 'not ready')


def test_a_key_opens_what_a_flow_that_wants_one_tells(tmp_path: Path) -> None:
    keys = tmp_path / 'keys.json'
    made = headrace('keys', 'add', 'ops', '--file', keys)
    assert made.exit_code == 0, made.output
    (tmp_path / 'key').write_text(made.stdout)
    with Flow(protocol='http').config_gateway(security={'keys': str(keys)}).add(uses=Encoder) as guarded:
        refused = headrace('status', address(guarded))
        assert refused.exit_code == 1
        said = headrace('status', address(guarded), '--key-file', tmp_path / 'key')
        assert said.exit_code == 0, said.output
        shown = headrace(
            'top', address(guarded), '--once', '--every-s', '0.1', '--key-file', tmp_path / 'key'
        )
        assert shown.exit_code == 0, shown.output

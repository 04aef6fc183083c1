"""`headrace worker` and `headrace gateway`: a Flow of processes that are started as containers start them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from standalone import HEADRACE, Parts, parts_of
from waiting import wait_until

from headrace.gateway.security.authority import Authority

CODE = """
import asyncio, os, time
from pathlib import Path
from headrace import BaseDoc, DocList, DocumentArray, Executor, requests

class Upper(Executor):
    def __init__(self, fail='', gate='', **kwargs):
        super().__init__(**kwargs)
        if fail:
            raise ValueError(fail)
        while gate and not Path(gate).exists():
            time.sleep(0.01)

    @requests
    def upper(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text = doc.text.upper()
            doc.tags['pid'] = os.getpid()

    @requests(on='/slow')
    async def slow(self, docs: DocumentArray, parameters, **kwargs):
        Path(parameters['begun']).touch()
        while not Path(parameters['gate']).exists():
            await asyncio.sleep(0.01)

class Shard(Executor):
    @requests
    def mark(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text += f' shard-{self.runtime_args.shard_id}'
            doc.tags['path'] = os.environ.get('SHARD_SECRET', '')

class Bang(Executor):
    @requests
    def bang(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text += '!'

class Price(BaseDoc):
    price: float

class Prices(Executor):
    @requests
    def price(self, docs: DocList[Price], **kwargs) -> DocList[Price]:
        return docs

class Words(BaseDoc):
    text: str

class Tokens(Executor):
    @requests
    def split(self, docs: DocList[Words], **kwargs) -> DocList[Words]:
        return docs
"""

PLAIN = """
with: {name: alone}
executors:
  - {name: upper, uses: words.py:Upper}
gateway: {protocol: [http, grpc]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'words.py').write_text(CODE)
    return tmp_path


@pytest.fixture
def plain(folder: Path) -> Iterator[Parts]:
    with parts_of(folder, PLAIN) as made:
        yield made


def headrace(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HEADRACE, *words], capture_output=True, text=True, timeout=60, **options)


def test_a_flow_of_parts_answers_is_probed_measured_and_ends(folder, monkeypatch):
    flow = """
    with: {name: whole, env: {SHARD_SECRET: '${{ ENV.SECRET_OF_ALL }}'}}
    executors:
      - {name: upper, uses: words.py:Upper, replicas: 2}
      - name: index
        uses: words.py:Shard
        shards: 2
        uses_before: words.py:Bang
        uses_after: words.py:Bang
    gateway: {protocol: [http, grpc]}
    """
    monkeypatch.setenv('SECRET_OF_ALL', 'a-secret-of-the-flow')
    with parts_of(folder, flow) as parts:
        uppers = [parts.worker('upper'), parts.worker('upper', '--replica', '1')]
        shards = [parts.worker('index', '--shard', str(number)) for number in range(2)]
        around = [parts.worker('index', '--part', part) for part in ('before', 'after')]
        workers = [*uppers, *shards, *around]
        gateway = parts.gateway(
            f'upper={uppers[0].address},{uppers[1].address}',
            f'index={shards[0].address}',
            f'index/shard-1={shards[1].address}',
            f'index/before={around[0].address}',
            f'index/after={around[1].address}',
            linger='0',
        )
        answer = gateway.ask()
        assert answer['text'].startswith('HELLO! shard-')
        assert answer['text'].endswith('!')
        assert answer['tags']['path'] == 'a-secret-of-the-flow'
        for part in (gateway, *workers):
            assert part.probe('/live') == (200, 'ok\n')
            assert part.probe('/ready') == (200, 'ok\n')
            assert part.probe('/')[0] == 404
            status, metrics = part.probe('/metrics')
            assert status == 200
            assert 'headrace_build_info{flow="whole"' in metrics
            assert b'a-secret-of-the-flow' not in Path(f'/proc/{part.pid}/cmdline').read_bytes()
        assert 'headrace_requests_total{' in gateway.probe('/metrics')[1]
        assert 'headrace_executor_requests_total{' in shards[0].probe('/metrics')[1]
        told = headrace('status', '--flow', 'whole')
        assert told.returncode == 0, told.stdout + told.stderr
        for part, name in ((uppers[1], 'upper'), (shards[1], 'index/shard-1'), (around[1], 'index/after')):
            assert f'{name}@{part.address.removeprefix("tcp:")}' in told.stdout
        state = json.loads(gateway.page('/dashboard/state')[1])
        assert [each['state'] for each in state['executors']] == ['healthy'] * 2
        assert [len(each['replicas']) for each in state['executors']] == [2, 4]
        for words in (('logs', '--flow', 'whole'), ('log-level', 'gateway', 'DEBUG', '--flow', 'whole')):
            refused = headrace(*words)
            assert (refused.returncode, 'runs alone' in refused.stderr) == (1, True), refused
        line = shards[1].ready()
        assert line['address'].startswith('tcp:127.0.0.1:')
        first = shards[1].told('is ready')
        assert (first['flow'], first['executor'], first['replica']) == ('whole', 'index', os.uname().nodename)
        assert gateway.stop() == 0
        assert [part.stop() for part in workers] == [0] * len(workers)
        assert [part.errors for part in (gateway, *workers)] == [''] * 7


def test_a_worker_is_live_while_it_constructs_and_ready_when_it_has(folder):
    gate = folder / 'gate'
    flow = PLAIN.replace('uses: words.py:Upper', f'uses: words.py:Upper, uses_with: {{gate: {gate}}}')
    with parts_of(folder, flow) as parts:
        worker = parts.worker('upper')
        wait_until(lambda: worker.probe('/ready') == (503, "executor 'upper' is being constructed\n"))
        assert worker.probe('/live') == (200, 'ok\n')
        gate.touch()
        worker.ready()
        assert worker.probe('/ready') == (200, 'ok\n')
        gate.unlink()
        other = parts.worker('upper')
        wait_until(lambda: 'constructed' in other.probe('/ready')[1])
        assert other.stop() == 0  # process 1 of a container must hear it, too


def test_a_constructor_that_fails_is_told_on_stderr_with_exit_code_1(folder):
    with parts_of(folder, PLAIN.replace('Upper}', 'Upper, uses_with: {fail: no weights}}')) as parts:
        worker = parts.worker('upper')
        assert worker.ended() == 1
        assert worker.errors.startswith('error: ')
        assert 'no weights' in worker.errors
        assert 'words.py' in worker.errors
        assert not [line for line in worker.lines if line['level'] == 'ERROR']


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (('worker', 'flow.yml', 'uper'), "did you mean 'upper'"),
        (('worker', 'flow.yml', 'upper', '--shard', '1'), "executor 'upper' has no shard 1"),
        (('worker', 'flow.yml', 'upper', '--part', 'after'), "executor 'upper' has no uses_after"),
        (('worker', 'flow.yml', 'upper', '--listen', 'nowhere'), 'is not the address of a worker'),
        (('gateway', 'flow.yml'), 'nobody says where upper is'),
        (('worker', 'flow.yml', 'upper', '--base', 'nowhere'), '--base nowhere: there is no such folder'),
        (('gateway', 'flow.yml', '--base', 'flow.yml'), 'folder with --base or HEADRACE_BASE'),
        (('gateway', 'flow.yml', '--at', 'uper=tcp:a:1'), "did you mean 'upper'"),
        (('gateway', 'flow.yml', '--at', 'upper=nowhere'), "'nowhere' does not say where replicas are"),
        (('gateway', 'flow.yml', '--at', 'upper=slices:upper:9090'), 'run in a Kubernetes cluster'),
        (('gateway', 'flow.yml', '--at', 'upper=tcp:a:1', '--health', 'x'), 'is no place to listen at'),
    ],
)
def test_what_cannot_be_is_said_with_exit_code_1(plain, words, told):
    done = headrace(*words, cwd=plain.file.parent)
    assert done.returncode == 1
    assert done.stderr.startswith('error: ')
    assert told in done.stderr
    assert 'Traceback' not in done.stderr
    assert done.stdout == ''


def test_a_gateway_waits_for_its_executors_and_says_for_whom(plain):
    places = plain.file.parent / 'places'
    gateway = plain.gateway(f'upper=file:{places}')
    wait_until(lambda: gateway.probe('/ready') == (503, 'waiting for a replica of upper\n'))
    assert gateway.probe('/live') == (200, 'ok\n')
    worker = plain.worker('upper')
    places.write_text(f'{worker.address}  # the first\n')
    assert gateway.ask()['text'] == 'HELLO'
    assert gateway.probe('/ready')[0] == 200
    worker.close()
    wait_until(lambda: gateway.probe('/ready') != (200, 'ok\n'))  # so long, it may only be started again
    status, told = gateway.probe('/ready')
    assert (status, told.startswith("executor 'upper' has no replica (file:")) == (503, True)
    assert gateway.page('/ready')[0] == 503
    another = plain.worker('upper')
    places.write_text(another.address.removeprefix('tcp:'))
    wait_until(lambda: gateway.probe('/ready')[0] == 200)
    assert gateway.ask()['tags']['pid'] == another.pid
    assert gateway.stop() == 0


def test_replicas_that_are_added_are_used_and_those_that_are_taken_out_finish(plain):
    places, begun, gate = (plain.file.parent / name for name in ('places', 'begun', 'gate'))
    first, second = plain.worker('upper'), plain.worker('upper')
    places.write_text(first.address)
    gateway = plain.gateway(f'upper=file:{places}')
    assert {gateway.ask()['tags']['pid'] for _ in range(5)} == {first.pid}
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(gateway.ask, 'still here', '/slow', begun=str(begun), gate=str(gate))
        wait_until(begun.exists)
        places.write_text(second.address)
        gateway.told(f'- {first.address}', 10)
        wait_until(lambda: gateway.ask()['tags']['pid'] == second.pid, 10)
        gate.touch()
        assert slow.result()['text'] == 'still here'


def test_a_gateway_whose_types_do_not_fit_says_so_and_exits_with_1(folder):
    flow = """
    executors:
      - {name: words, uses: words.py:Tokens}
      - {name: prices, uses: words.py:Prices}
    gateway: {protocol: http}
    """
    with parts_of(folder, flow) as parts:
        words, prices = parts.worker('words'), parts.worker('prices')
        gateway = parts.gateway(f'words={words.address}', f'prices={prices.address}')
        assert gateway.ended() == 1
        assert gateway.errors.startswith('error: ')
        assert "'prices' does not accept what 'words' gives" in gateway.errors


def test_who_answers_for_somebody_else_is_not_used(folder):
    flow = """
    executors:
      - {name: upper, uses: words.py:Upper}
      - {name: index, uses: words.py:Shard, shards: 2}
    gateway: {protocol: http}
    """
    with parts_of(folder, flow) as parts:
        upper, shard = parts.worker('upper'), parts.worker('index')
        gateway = parts.gateway(
            f'upper={upper.address}', f'index={shard.address}', f'index/shard-1={shard.address}'
        )
        wait_until(lambda: 'it is index, and not index/shard-1' in gateway.probe('/ready')[1])
        assert gateway.probe('/ready')[0] == 503
        assert gateway.stop() == 0


def test_a_gateway_that_ends_is_not_ready_at_once_and_serves_as_long_as_it_lingers(plain):
    worker = plain.worker('upper')
    gateway = plain.gateway(f'upper={worker.address}', linger='60')
    gateway.ready()
    gateway.signal()
    wait_until(lambda: gateway.probe('/ready') == (503, 'draining\n'))
    wait_until(lambda: gateway.page('/ready')[0] == 503)
    assert gateway.probe('/live')[0] == 200
    for _ in range(5):
        assert gateway.ask()['text'] == 'HELLO'  # each over a new connection
    gateway.signal(signal.SIGTERM)  # once more: at once
    assert gateway.ended() == 0


def test_two_gateways_beside_each_other(plain):
    worker = plain.worker('upper')
    gateways = [plain.gateway(f'upper={worker.address}') for _ in range(2)]
    assert [gateway.ask()['text'] for gateway in gateways] == ['HELLO'] * 2
    port = gateways[0].ready()['ports']['http']
    third = plain.start(
        *('gateway', str(plain.file), '--at', f'upper={worker.address}', '--port', str(port), '--port', '0')
    )
    assert third.ended() == 1
    assert str(port) in third.errors  # it does not take half of the other's requests


@pytest.mark.needs('openssl')
def test_certificates_between_gateway_and_workers(folder):
    authority = Authority(folder / 'ca')
    for name in ('worker', 'gateway'):
        authority.issue(name, name)
    files = {
        'authority': authority.certificate_file('ca'),
        'certificate': authority.certificate_file('worker'),
        'key': authority.key_file('worker'),
        'gateway_certificate': authority.certificate_file('gateway'),
        'gateway_key': authority.key_file('gateway'),
    }
    workers = json.dumps({name: str(file) for name, file in files.items()})
    flow = PLAIN.replace('[http, grpc]}', f'[http, grpc], security: {{workers: {workers}}}}}')
    with parts_of(folder, flow) as parts:
        worker = parts.worker('upper', listen='tcp+tls:127.0.0.1:0')
        port = worker.address.rpartition(':')[2]
        gateway = parts.gateway(f'upper=dns+tls:localhost:{port}')
        assert gateway.ask()['text'] == 'HELLO'
        stranger = parts.gateway(f'upper=tcp:127.0.0.1:{port}')
        wait_until(lambda: stranger.probe('/ready')[0] == 503)
        assert gateway.probe('/ready')[0] == 200


def test_an_executor_that_is_an_image_runs_what_the_image_holds(folder):
    (folder / 'code').mkdir()
    (folder / 'code' / 'config.yml').write_text('jtype: words.py:Upper\n')
    (folder / 'code' / 'words.py').write_text(CODE)
    with parts_of(folder, PLAIN.replace('uses: words.py:Upper', 'uses: docker://shop/upper:1')) as parts:
        nothing = parts.worker('upper')
        assert nothing.ended() == 1
        assert 'HEADRACE_USES=/app' in nothing.errors
        for worker in (
            parts.worker('upper', uses=str(folder / 'code')),
            parts.worker('upper', env={'HEADRACE_USES': 'code'}, base=str(folder)),
        ):
            gateway = parts.gateway(f'upper={worker.address}')
            assert gateway.ask()['text'] == 'HELLO'


def _may_unshare() -> bool:
    return (
        sys.platform == 'linux'
        and subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not _may_unshare(), reason='no mount namespaces for this user')
def test_every_address_of_a_name_is_a_replica_and_it_is_asked_again(plain):
    hosts = plain.file.parent / 'hosts'
    hosts.write_text('127.0.0.2 upper-of-a-test\n')
    first = plain.worker('upper', listen='tcp:127.0.0.2:0')
    port = first.address.rpartition(':')[2]
    second = plain.worker('upper', listen=f'tcp:127.0.0.3:{port}')
    second.ready()
    with_hosts = ('unshare', '-m', 'sh', '-c', f'mount --bind {hosts} /etc/hosts && exec "$@"', 'sh')
    gateway = plain.gateway(f'upper=dns:upper-of-a-test:{port}', before=with_hosts)
    assert {gateway.ask()['tags']['pid'] for _ in range(5)} == {first.pid}
    hosts.write_text('127.0.0.2 upper-of-a-test\n127.0.0.3 upper-of-a-test\n')
    gateway.told(f'+ tcp:127.0.0.3:{port}', 10)
    wait_until(lambda: {gateway.ask()['tags']['pid'] for _ in range(8)} == {first.pid, second.pid}, 10)
    hosts.write_text('127.0.0.3 upper-of-a-test\n')
    wait_until(lambda: {gateway.ask()['tags']['pid'] for _ in range(8)} == {second.pid}, 10)
    hosts.write_text('\n')  # the name has no address any more: what answers goes on
    gateway.told('cannot be resolved', 10)
    assert gateway.ask()['tags']['pid'] == second.pid

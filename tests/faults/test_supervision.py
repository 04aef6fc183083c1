"""Whatever ends is started again; what can never work is given up, and says why."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from storm import gateways, workers
from waiting import wait_until

from headrace import Document, Executor, Flow, requests
from headrace.cli import main
from headrace.errors import BadServer, Unavailable


class TellsItsName(Executor):
    """Says which process it is."""

    @requests
    def name(self, docs, **kwargs):
        for doc in docs:
            doc.text = f'{os.getpid()} {self.runtime_args.replica_id}'


class Once(TellsItsName):
    """It can be constructed only as long as a file is there."""

    def __init__(self, file: str, **kwargs):
        super().__init__(**kwargs)
        if not Path(file).exists():
            raise ValueError('no weights here')


class Moody(TellsItsName):
    """It ends by itself whenever a file is there, though nobody asks it anything."""

    def __init__(self, file: str, **kwargs):
        super().__init__(**kwargs)

        def leave():
            while not Path(file).exists():
                time.sleep(0.01)
            os._exit(7)

        threading.Thread(target=leave, daemon=True).start()


def pid_of(flow):
    return int(flow.post('/', Document())[0].text.split()[0])


def only(pids):
    (pid,) = pids
    return pid


def replaced(before):
    """The only worker, when it is another one than before."""
    return [each for each in workers() if each.pid != before.pid]


@pytest.mark.parametrize('protocol', ['grpc', 'http'])
def test_a_worker_that_is_killed_while_it_is_idle_is_started_again(protocol):
    with Flow(protocol=protocol).add(uses=TellsItsName, name='one') as flow:
        before = only(workers())
        assert pid_of(flow) == before.pid
        for _ in range(2):
            before = only(workers())
            before.kill()
            after = pid_of(flow)  # waits for it
            assert after != before.pid
        wait_until(flow.is_flow_ready)
        assert [path.name for path in Path(flow.session.running._directory).glob('*.sock')] == ['one.3.sock']


def test_of_several_replicas_only_the_one_that_ended_is_started_again(caplog):
    with Flow().add(uses=TellsItsName, name='one', replicas=3) as flow:
        first, second, third = workers()
        second.kill()
        after = wait_until(lambda: len(now := {each.pid for each in workers()} - {second.pid}) == 3 and now)
        assert {first.pid, third.pid} < after
        wait_until(flow.is_flow_ready)
        wait_until(
            lambda: {flow.post('/', Document())[0].text.split()[1] for _ in range(9)} == {'0', '1', '2'}
        )
    assert "executor 'one/rep-1' ended (killed by signal 9) and is started again in 0.1 s" in caplog.text


@pytest.mark.parametrize('protocol', ['grpc', 'http'])
def test_a_gateway_that_is_killed_comes_back_on_its_port(protocol):
    with Flow(protocol=protocol).add(uses=TellsItsName, name='one') as flow:
        worker = pid_of(flow)
        only(gateways()).kill()
        wait_until(lambda: answers(flow))
        assert pid_of(flow) == worker
        assert len(gateways()) == 1


def answers(flow):
    try:
        return flow.post('/', Document())
    except BadServer:
        return None


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
def test_who_cannot_be_constructed_again_is_given_up_with_the_reason(protocol, tmp_path, caplog):
    weights = tmp_path / 'weights'
    weights.touch()
    flow = Flow(protocol=protocol).add(uses=Once, name='once', uses_with={'file': str(weights)})
    with flow:
        weights.unlink()
        only(workers()).kill()
        with pytest.raises(
            Unavailable, match="(?s)'once' ended 5 times in a row and is given up.*no weights"
        ):
            flow.block()
        assert 'no weights here' in caplog.text
        with pytest.raises(BadServer, match=r"(?s)no weights here.*flow\.update\('once'\)"):
            flow.post('/', Document())
        assert not flow.is_flow_ready()
        pinged = CliRunner().invoke(main, ['ping', f'{protocol}://127.0.0.1:{flow.port}'])
        assert pinged.exit_code == 1
        assert re.search(
            r"executor 'once' cannot work \(given up: executor 'once' .*no weights", pinged.stderr
        )
        if protocol == 'http':
            with urllib.request.urlopen(f'http://127.0.0.1:{flow.port}/status') as answer:
                (once,) = json.load(answer)['executors']
            assert once['replicas']['once'].startswith('given up: ')
        weights.touch()
        flow.update('once', env={'ANYTHING': 'new'})
        assert pid_of(flow) == only(workers()).pid
        wait_until(flow.is_flow_ready)


def test_who_ends_by_itself_again_and_again_is_given_up_with_its_exit_status(tmp_path):
    mood = tmp_path / 'mood'
    with Flow().add(uses=Moody, name='moody', uses_with={'file': str(mood)}) as flow:
        mood.touch()
        with pytest.raises(Unavailable, match="'moody' ended 5 times.*exit status 7"):
            flow.block()


def test_a_flow_goes_on_with_the_replicas_that_are_left(tmp_path, caplog):
    weights = tmp_path / 'weights'
    weights.touch()
    settings = {'uses_with': {'file': str(weights)}, 'replicas': 2}
    with Flow().add(uses=Once, name='once', **settings) as flow:
        weights.unlink()
        first, second = workers()
        first.kill()
        wait_until(lambda: 'is given up' in caplog.text)
        assert pid_of(flow) == second.pid
        assert flow.is_flow_ready()
        stop = threading.Event()
        stop.set()
        flow.block(stop)  # it does not raise


@pytest.mark.alone
def test_a_flow_ends_at_once_though_something_waits_to_be_started_again(tmp_path, caplog):
    mood = tmp_path / 'mood'
    with Flow().add(uses=Moody, name='moody', uses_with={'file': str(mood)}):
        mood.touch()
        wait_until(lambda: 'again in 0.4 s' in caplog.text)
        begin = time.monotonic()
    assert time.monotonic() - begin < 5
    assert workers() == gateways() == []


def test_what_comes_before_and_after_the_shards_is_started_again_too():
    flow = Flow().add(uses=TellsItsName, name='one', shards=2, uses_before=TellsItsName, polling='ANY')
    with flow:
        assert len(workers()) == 3
        for each in workers():
            each.kill()
            assert pid_of(flow)
            wait_until(lambda: len(workers()) == 3)
        wait_until(flow.is_flow_ready)

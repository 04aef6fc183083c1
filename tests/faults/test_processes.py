"""Whatever happens to a Flow's parent or to its executors, nothing keeps running and no file stays."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from headrace import Document, Executor, Flow, requests
from headrace.errors import BadServer, ExecutorError, HeadraceError, StartError

PARENT = """\
import sys, time
from headrace import Executor, Flow, requests

class Patient(Executor):
    @requests
    {handler}

flow = Flow({settings}).add(uses=Patient, name='one').add(uses=Patient, name='two')
with flow:
    print(flow.port, flush=True)
    sys.stdin.readline()
    {then}
"""
IDLE = 'def foo(self, docs, **kwargs): pass'
ASYNC_LOOP = 'async def foo(self, docs, **kwargs):\n        while True: pass'
SYNC_LOOP = 'def foo(self, docs, **kwargs):\n        while True: pass'
STUCK_IN_C = (
    'async def foo(self, docs, **kwargs):\n'
    "        import ctypes; ctypes.PyDLL(None).sleep(1000)  # holds the interpreter's lock"
)
GONE_WITHIN_S = 10


def start(tmp_path, *, handler=IDLE, then='time.sleep(1000)', settings=''):
    """A script that runs a Flow; gives the process, its descendants and its port."""
    script = tmp_path / 'parent.py'
    script.write_text(PARENT.format(handler=handler, then=then, settings=settings))
    environment = {**os.environ, 'HEADRACE_RUNTIME_DIR': str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    line = parent.stdout.readline()
    assert line.strip().isdigit(), parent.communicate(timeout=10)[1]
    children = psutil.Process(parent.pid).children(recursive=True)
    assert len(children) == 3
    parent.stdin.write('go on\n')
    parent.stdin.flush()
    return parent, children, int(line)


def assert_all_gone(parent, children, port, tmp_path):
    try:
        _, alive = psutil.wait_procs(children, timeout=GONE_WITHIN_S)
        assert alive == []
        parent.communicate(timeout=GONE_WITHIN_S)
    finally:
        for process in [parent, *children]:
            if process.poll() is None if process is parent else process.is_running():
                process.kill()
    deadline = time.monotonic() + GONE_WITHIN_S
    while (left := list(tmp_path.glob('headrace-*'))) and time.monotonic() < deadline:
        os.sched_yield()
    assert left == []
    with pytest.raises(HeadraceError):
        from headrace import Client

        with Client(f'grpc://127.0.0.1:{port}') as client:
            client.post('/', Document(), timeout_s=1)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_no_orphan_after_a_signal_to_the_parent(tmp_path, number):
    parent, children, port = start(tmp_path)
    parent.send_signal(number)
    assert_all_gone(parent, children, port, tmp_path)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_block_ends_in_good_order(tmp_path, number):
    parent, children, port = start(tmp_path, then="flow.block(); print('in good order', flush=True)")
    parent.send_signal(number)
    assert 'in good order' in parent.stdout.readline()
    assert parent.wait(GONE_WITHIN_S) == 0
    assert_all_gone(parent, children, port, tmp_path)


def test_no_orphan_after_an_exception_in_the_with_block(tmp_path):
    parent, children, port = start(tmp_path, then="raise RuntimeError('mine')")
    error = parent.stderr.read()
    assert 'RuntimeError: mine' in error
    assert_all_gone(parent, children, port, tmp_path)


@pytest.mark.parametrize('handler', [ASYNC_LOOP, SYNC_LOOP, STUCK_IN_C], ids=['async', 'sync', 'native'])
def test_no_orphan_when_the_parent_is_killed_while_a_handler_never_ends(tmp_path, handler):
    parent, children, port = start(
        tmp_path, handler=handler, then="print('asking', flush=True); flow.post('/')"
    )
    assert 'asking' in parent.stdout.readline()
    parent.kill()
    assert_all_gone(parent, children, port, tmp_path)


def test_a_parent_that_ends_without_closing_leaves_nothing(tmp_path):
    parent, children, port = start(tmp_path, then='import os; os._exit(3)')
    assert_all_gone(parent, children, port, tmp_path)


class FailsToStart(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        raise ValueError('no weights here')


class NeverStarts(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        time.sleep(1000)


class DiesAtStart(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        os.kill(os.getpid(), signal.SIGKILL)


class Fragile(Executor):
    @requests(on='/die')
    def die(self, docs, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    @requests(on='/raise')
    def fail(self, docs, **kwargs):
        raise KeyError('colour')


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Afterwards no process and no socket is left."""
    monkeypatch.setenv('HEADRACE_RUNTIME_DIR', str(tmp_path))
    yield
    assert psutil.Process().children(recursive=True) == []
    assert list(tmp_path.glob('headrace-*')) == []


@pytest.mark.usefixtures('alone')
class TestStart:
    def test_a_constructor_that_raises_is_reported_with_name_and_line(self):
        with pytest.raises(
            ExecutorError, match=r"'broken'.*ValueError: no weights here.*test_processes.py.*\d+"
        ):
            Flow().add(uses=FailsToStart, name='broken').start()

    def test_a_constructor_that_never_ends_is_given_up(self):
        with pytest.raises(StartError, match="(?s)'slow' was not ready after 1.5 s.*timeout_ready_s"):
            Flow(timeout_ready_s=1.5).add(uses=NeverStarts, name='slow').start()

    def test_a_process_that_dies_while_it_starts_is_reported(self):
        with pytest.raises(StartError, match="'killed' ended while it started \\(killed by signal 9\\)"):
            Flow().add(uses=DiesAtStart, name='killed').start()

    def test_a_port_that_is_taken_is_reported_with_its_number(self):
        with Flow() as flow, pytest.raises(StartError, match=str(flow.port)):
            Flow(port=flow.port).start()

    def test_a_class_that_is_not_there_is_reported(self):
        with pytest.raises(HeadraceError, match='no_such_module'):
            Flow().add(uses='no_such_module:Encoder').start()


@pytest.mark.usefixtures('alone')
class TestRequests:
    def test_an_exception_of_a_handler_is_the_requests_error(self):
        with Flow().add(uses=Fragile, name='fragile') as flow:
            with pytest.raises(BadServer, match="fragile.*KeyError: 'colour'"):
                flow.post('/raise', Document())
            assert flow.is_flow_ready()

    def test_a_worker_that_dies_fails_the_request_and_is_missed(self):
        with Flow().add(uses=Fragile, name='fragile') as flow:
            with pytest.raises(BadServer, match="'fragile'.*lost"):
                flow.post('/die', Document())
            assert not flow.is_flow_ready()

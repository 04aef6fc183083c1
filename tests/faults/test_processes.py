"""Whatever happens to a Flow's parent or to its executors, nothing keeps running and no file stays."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest
from waiting import wait_until

from headrace import Client, Document, Executor, Flow, requests
from headrace.errors import BadServer, ExecutorError, HeadraceError, StartError

PARENT = """\
import signal, sys, threading, time
from headrace import Executor, Flow, requests

class Patient(Executor):
    @requests
    {handler}

def tell_when_blocked():
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        time.sleep(0.001)
    print('blocked', flush=True)

def signal_this_thread(number, once_in):
    # The main thread, deep in a wait, is not woken: as with a signal just before it began to wait.
    seen = 0
    while seen < 20:
        frame, names = sys._current_frames()[threading.main_thread().ident], []
        while frame is not None:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        seen = seen + 1 if names[0] == 'wait' and once_in in names else 0
        time.sleep(0.001)
    signal.pthread_kill(threading.get_ident(), number)

flow = Flow().add(uses=Patient, name='one').add(uses=Patient, name='two')
with flow:
    print(flow.port, flush=True)
    sys.stdin.readline()
    {then}
"""
# Not one long sleep: Python misses a signal that comes just before it.
SLEEP = 'while True: time.sleep(0.01)'
IDLE = 'def foo(self, docs, **kwargs): pass'
ASYNC_LOOP = 'async def foo(self, docs, **kwargs):\n        while True: pass'
SYNC_LOOP = 'def foo(self, docs, **kwargs):\n        while True: pass'
STUCK_IN_C = (
    'async def foo(self, docs, **kwargs):\n        '
    + (SLEEP_IN_C := 'import ctypes; ctypes.PyDLL(None).sleep(1000)')  # holds the interpreter's lock
)
GONE_WITHIN_S = 10


class Family:
    """A script that runs a Flow, and the processes that it started."""

    def __init__(self, folder, *, handler=IDLE, then=SLEEP):
        script = folder / 'parent.py'
        script.write_text(PARENT.format(handler=handler, then=then))
        self.folder = folder
        self.parent = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, 'HEADRACE_RUNTIME_DIR': str(folder)},
        )
        line = self.parent.stdout.readline()
        assert line.strip().isdigit(), self.parent.communicate(timeout=10)[1]
        self.port = int(line)
        self.children = psutil.Process(self.parent.pid).children(recursive=True)
        assert len(self.children) == 3
        self.parent.stdin.write('go on\n')
        self.parent.stdin.flush()

    def end(self):
        for process in self.children:
            if process.is_running():
                process.kill()
        if self.parent.poll() is None:
            self.parent.kill()
        self.parent.communicate(timeout=GONE_WITHIN_S)

    def assert_all_gone(self):
        _, alive = psutil.wait_procs(self.children, timeout=GONE_WITHIN_S)
        assert alive == []
        self.parent.wait(GONE_WITHIN_S)
        assert list(self.folder.glob('headrace-*')) == []
        with socket.socket() as again:  # the port is free
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(('127.0.0.1', self.port))


@pytest.fixture
def family(tmp_path):
    """Makes families, and ends them after the test."""
    made = []

    def make(**options):
        made.append(Family(tmp_path, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_no_orphan_after_a_signal_to_the_parent(family, number):
    it = family()
    it.parent.send_signal(number)
    it.assert_all_gone()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_block_ends_in_good_order(family, number):
    wait = (
        "threading.Thread(target=tell_when_blocked).start(); flow.block(); print('in good order', flush=True)"
    )
    it = family(then=wait)
    assert it.parent.stdout.readline() == 'blocked\n'
    it.parent.send_signal(number)
    assert it.parent.stdout.readline() == 'in good order\n'
    assert it.parent.wait(GONE_WITHIN_S) == 0
    it.assert_all_gone()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_block_ends_though_another_thread_receives_the_signal(family, number):
    then = (
        f'threading.Thread(target=signal_this_thread, args=({number:d}, "block")).start(); '
        "flow.block(); print('in good order', flush=True)"
    )
    it = family(then=then)
    assert it.parent.wait(GONE_WITHIN_S) == 0
    assert it.parent.stdout.read() == 'in good order\n'
    it.assert_all_gone()


def test_a_post_ends_though_another_thread_receives_the_signal(family):
    then = (
        f'threading.Thread(target=signal_this_thread, args=({signal.SIGINT:d}, "run_blocking")).start(); '
        "flow.post('/')"
    )
    it = family(
        handler='async def foo(self, docs, **kwargs): await __import__("asyncio").sleep(1000)', then=then
    )
    it.assert_all_gone()
    assert 'KeyboardInterrupt' in it.parent.stderr.read()


def test_no_orphan_after_an_exception_in_the_with_block(family):
    it = family(then="raise RuntimeError('mine')")
    assert it.parent.wait(GONE_WITHIN_S) == 1
    assert 'RuntimeError: mine' in it.parent.stderr.read()
    it.assert_all_gone()


@pytest.mark.parametrize('handler', [ASYNC_LOOP, SYNC_LOOP, STUCK_IN_C], ids=['async', 'sync', 'native'])
def test_no_orphan_when_the_parent_is_killed_while_a_handler_never_ends(family, handler):
    it = family(handler=handler, then="print('asking', flush=True); flow.post('/')")
    assert it.parent.stdout.readline() == 'asking\n'
    it.parent.kill()
    it.assert_all_gone()


STARTING = """\
import os, time
from headrace import Executor, Flow

class NeverStarts(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        open(os.environ['BEGUN'], 'w').close()
        time.sleep(1000)

Flow().add(uses=NeverStarts).start()
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_when_the_parent_ends_while_a_constructor_never_does(tmp_path, number):
    script, begun = tmp_path / 'starting.py', tmp_path / 'begun'
    script.write_text(STARTING)
    os.mkfifo(begun)
    env = {**os.environ, 'HEADRACE_RUNTIME_DIR': str(tmp_path), 'BEGUN': str(begun)}
    with subprocess.Popen([sys.executable, script], env=env, stderr=subprocess.DEVNULL) as parent:
        begun.read_text()
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) == 2
        parent.send_signal(number)
        assert parent.wait(GONE_WITHIN_S) == -number
    _, alive = psutil.wait_procs(children, timeout=GONE_WITHIN_S)
    for process in alive:
        process.kill()
    assert (alive, list(tmp_path.glob('headrace-*'))) == ([], [])


def test_no_orphan_when_the_parent_is_killed_after_a_worker_was_started_again(family):
    then = "sys.stdin.readline(); print('asking', flush=True); flow.post('/')"
    it = family(handler=STUCK_IN_C, then=then)
    it.children[-1].kill()
    psutil.wait_procs(it.children[-1:], timeout=GONE_WITHIN_S)
    parent = psutil.Process(it.parent.pid)
    it.children = wait_until(lambda: len(now := parent.children(recursive=True)) == 3 and now)
    it.parent.stdin.write('ask\n')
    it.parent.stdin.flush()
    assert it.parent.stdout.readline() == 'asking\n'
    it.parent.kill()
    it.assert_all_gone()


def test_a_parent_that_ends_without_closing_leaves_nothing(family):
    it = family(then='import os; os._exit(3)')
    assert it.parent.wait(GONE_WITHIN_S) == 3
    it.assert_all_gone()


def test_nothing_stays_though_a_client_still_waits_and_a_worker_is_stuck(family, tmp_path):
    begun = tmp_path / 'begun'
    os.mkfifo(begun)
    stuck = f"async def foo(self, docs, **kwargs):\n        open({str(begun)!r}, 'w').close(); {SLEEP_IN_C}"
    it = family(handler=stuck)
    client = Client(port=it.port)
    caught = []

    def ask():
        try:
            client.post('/', Document(), timeout_s=60)
        except HeadraceError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    begun.read_text()  # the worker is about to hold everything up
    it.parent.kill()
    it.assert_all_gone()
    thread.join(GONE_WITHIN_S)
    client.close()
    assert len(caught) == 1


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
    before = set(psutil.Process().children(recursive=True))  # helpers of Python, from tests before this one
    yield
    assert set(psutil.Process().children(recursive=True)) <= before
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

    def test_a_request_that_kills_every_worker_is_given_up_and_the_next_one_is_served(self):
        with Flow().add(uses=Fragile, name='fragile') as flow:
            with pytest.raises(BadServer, match="'fragile'.*'/die'.*3 processes died"):
                flow.post('/die', Document())
            with pytest.raises(BadServer, match='colour'):
                flow.post('/raise', Document())

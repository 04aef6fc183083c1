"""A process that we started, whatever it does; a start that fails leaves nothing."""

import asyncio
import os
import subprocess
import time

import psutil
import pytest
from waiting import until

from headrace import Document, Executor, Flow, requests
from headrace.errors import HeadraceError, StartError
from headrace.places.child import Child

MAINS = """\
import os, subprocess, sys, time

def deaf():
    time.sleep(1000)

def mother():
    subprocess.Popen(['sleep', '1000'])
    time.sleep(1000)

def forker():
    from headrace.wire.lifeline import Lifeline
    line = Lifeline.from_parent()
    line.report('hello')
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(3)

def dawdler():
    from headrace.wire.lifeline import Lifeline
    line = Lifeline.from_parent(lambda first: os.remove(first['file']))
    line.report({'here': True})
    time.sleep(1000)

def echo():
    from headrace.wire.lifeline import Lifeline
    line = Lifeline.from_parent()
    line.report({'heard': line.receive()})
    line.receive()
"""


@pytest.fixture
def env(tmp_path):
    (tmp_path / 'mains.py').write_text(MAINS)
    return {'PYTHONPATH': str(tmp_path)}


def open_fds():
    return set(os.listdir('/proc/self/fd'))


async def test_a_long_order_to_a_child_that_does_not_read_holds_nobody_up(env):
    child = await Child.spawn('it', 'mains:deaf', env)
    begin = time.monotonic()
    child.order(bytes(10_000_000))
    assert time.monotonic() - begin < 5
    child.kill()


async def test_a_long_order_arrives_in_linear_time(env):
    child = await Child.spawn('it', 'mains:echo', env)
    order = os.urandom(60_000_000)
    child.order(order)
    async with asyncio.timeout(30):
        assert (await child.message())['heard'] == order
    child.kill()


@pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='looks at the open files')
async def test_a_child_that_is_killed_gives_back_its_files_at_once(env):
    before = open_fds()
    child = await Child.spawn('it', 'mains:deaf', env)
    child.kill()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert open_fds() - before <= {name for name in open_fds() if int(name) > 10_000}


@pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='looks at the open files')
async def test_a_child_that_cannot_be_started_leaves_nothing(env, monkeypatch):
    monkeypatch.setattr('sys.executable', '/no/such/python')
    before = open_fds()
    with pytest.raises(StartError, match='the thing could not be started.*no/such/python'):
        await Child.spawn('the thing', 'mains:deaf', env)
    assert open_fds() == before


async def test_a_start_that_is_cancelled_leaves_nothing(env):
    before = set(psutil.Process().children())
    task = asyncio.ensure_future(Child.spawn('it', 'mains:deaf', env))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(psutil.Process().children()) <= before


async def test_what_a_child_has_started_ends_with_it(env):
    child = await Child.spawn('it', 'mains:mother', env)
    process = psutil.Process(child.pid)
    started = await until(process.children)
    child.kill()
    _, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []


async def test_the_end_of_a_child_is_seen_though_what_it_forked_lives_on(env):
    child = await Child.spawn('it', 'mains:forker', env)
    async with asyncio.timeout(20):
        assert await child.ended() == 'exit status 3'
    child.kill()


async def test_a_child_tidies_up_though_it_has_not_looked_at_its_first_order_yet(env, tmp_path):
    (tmp_path / 'file').touch()
    child = await Child.spawn('it', 'mains:dawdler', env)
    child.order({'file': str(tmp_path / 'file')})
    assert 'here' in await child.message()
    child._orders.close()  # as when we are gone
    async with asyncio.timeout(20):
        await child.ended()
    child.kill()
    assert not (tmp_path / 'file').exists()


class Idle(Executor):
    @requests
    def foo(self, docs, **kwargs):
        pass


class Spawner(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.child = subprocess.Popen(['sleep', '1000'])

    @requests
    def foo(self, docs, **kwargs):
        for doc in docs:
            doc.text = str(self.child.pid)


def test_what_an_executor_has_started_ends_with_the_flow():
    with Flow().add(uses=Spawner) as flow:
        pid = int(flow.post('/', Document())[0].text)
        process = psutil.Process(pid)
    psutil.wait_procs([process], timeout=5)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_folder_too_long_for_sockets_is_said_at_once(tmp_path, monkeypatch):
    folder = tmp_path / ('long' * 30)
    folder.mkdir()
    monkeypatch.setenv('HEADRACE_RUNTIME_DIR', str(folder))
    with pytest.raises(HeadraceError, match='(?s)longlong.*HEADRACE_RUNTIME_DIR'):
        Flow().add(uses=Idle).start()
    assert list(folder.iterdir()) == []


class Stubborn(Executor):
    """It cannot be closed."""

    @requests
    def foo(self, docs, **kwargs):
        pass

    def close(self):
        raise ValueError('it does not close')


def test_an_executor_that_cannot_be_closed_does_not_keep_the_flow(capfd):
    with Flow().add(uses=Stubborn, name='stubborn'):
        begin = time.monotonic()
    assert time.monotonic() - begin < 5
    error = capfd.readouterr().err
    assert 'it does not close' in error
    assert 'stubborn' in error


def test_in_process_every_executor_is_closed():
    closed = []

    class Closing(Executor):
        def close(self):
            closed.append(self.runtime_args.name)
            raise ValueError(f'{self.runtime_args.name} does not close')

    flow = Flow(place='in-process').add(uses=Closing, name='a').add(uses=Closing, name='b').start()
    with pytest.raises(ValueError, match='b does not close'):
        flow.close()
    assert closed == ['b', 'a']


def test_in_process_an_error_at_the_start_is_not_hidden_by_one_at_the_close():
    class Closing(Executor):
        def close(self):
            raise ValueError('does not close')

    class Broken(Executor):
        def __init__(self, **kwargs):
            raise KeyError('broken')

    with pytest.raises(HeadraceError, match='broken'):
        Flow(place='in-process').add(uses=Closing).add(uses=Broken).start()

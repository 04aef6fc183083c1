"""One replica behind a real socket: it comes, drains, is killed, is frozen, and comes back."""

import asyncio
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from waiting import turns, until

from headrace.errors import SpecError, Unavailable
from headrace.gateway import upstream as module
from headrace.gateway.upstream import Upstream
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.replicas import Replicas
from headrace.wire import Server
from tests.services.lonely_worker import INFO

WORKER = Path(__file__).parents[2] / 'services' / 'lonely_worker.py'


class Gate:
    """A handler that tells when it begins, and answers when it may."""

    def __init__(self):
        self.begun = asyncio.Semaphore(0)
        self.open = asyncio.Event()
        self.runs = 0

    async def __call__(self, batch, context):
        self.runs += 1
        self.begun.release()
        await self.open.wait()
        return batch


async def echo(batch, context):
    return batch


@asynccontextmanager
async def upstreams(*addresses, **options):
    """Replicas with an upstream for each address; nothing of them stays."""
    replicas = Replicas('lonely', info=INFO, **options)
    made = [Upstream(address, replicas, f'rep-{n}') for n, address in enumerate(addresses)]
    try:
        for each in made:
            each.start()
        yield replicas, *made
    finally:
        for each in made:
            await each.close()
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith('upstream')]


@asynccontextmanager
async def serving(handler, address):
    server = await Server(handler, INFO).listen(address)
    try:
        yield server
    finally:
        await server.close()


@pytest.fixture
def processes(tmp_path):
    """Starts workers as processes, and ends them after the test."""
    made = []

    def start(name):
        address = f'unix:{tmp_path}/{name}'
        (tmp_path / name).unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, str(WORKER), address], stdout=subprocess.PIPE, text=True)
        made.append(process)
        assert process.stdout.readline() == 'ready\n'
        return address, process

    yield start
    for process in made:
        process.kill()
        process.communicate()


@pytest.fixture
def impatient(monkeypatch):
    """Times in which a test can wait for silence."""
    for name, value in {'PING_EVERY_S': 0.02, 'LOOK_EVERY_S': 0.05, 'SUSPECT_S': 0.1, 'LOST_S': 0.3}.items():
        monkeypatch.setattr(module, name, value)


async def ask(replicas, s=0.0, on='/read', timeout_s=20, held_by=None):
    asked = Batch(parameters={'s': s, 'held_by': held_by})
    return (await replicas(asked, Context.within(on, timeout_s))).parameters['pid']


async def test_it_connects_and_adds_itself(tmp_path):
    async with serving(echo, f'unix:{tmp_path}/s') as server, upstreams(server.address) as (replicas, up):
        await up.open(timeout_s=10)
        assert (tuple(replicas.known), up.state) == (('rep-0',), 'healthy')
        assert await up.ping(5)
        await replicas(Batch(), Context())
        assert repr(up) == f'<Upstream rep-0 at unix:{tmp_path}/s healthy>'


async def test_a_replica_may_be_later_than_its_gateway(tmp_path):
    address = f'unix:{tmp_path}/s'
    async with upstreams(address) as (replicas, up):
        with pytest.raises(Unavailable, match='did not answer'):
            await up.open(timeout_s=0.05)
        waiting = asyncio.ensure_future(replicas(Batch(), Context()))
        async with serving(echo, address):
            async with asyncio.timeout(10):
                await waiting


async def test_a_replica_that_does_not_come_back_leaves_nothing_when_it_is_taken_out(tmp_path):
    address = f'unix:{tmp_path}/s'
    async with upstreams(address) as (replicas, up):
        async with serving(echo, address):
            await up.open(timeout_s=10)
        known = up._connection
        await until(lambda: up._connection is not known)  # it has tried to connect again, to nobody
        assert tuple(replicas.known) == ('rep-0',)
        assert await up.close()
        assert tuple(replicas.known) == ()


async def test_one_that_never_came_takes_nobody_out(tmp_path):
    async with serving(echo, f'unix:{tmp_path}/s') as server, upstreams(server.address) as (replicas, up):
        await up.open(timeout_s=10)
        other = Upstream(f'unix:{tmp_path}/nobody', replicas, 'rep-0')
        assert await other.close()
        assert tuple(replicas.known) == ('rep-0',)


def test_what_is_no_address_is_said_at_once():
    with pytest.raises(SpecError):
        Upstream('somewhere', Replicas('x'), 'rep-0')


async def test_a_lost_replica_is_connected_again_and_its_calls_run_again(tmp_path):
    address, gate = f'unix:{tmp_path}/s', Gate()
    async with upstreams(address) as (replicas, up):
        async with serving(gate, address):
            call = asyncio.ensure_future(replicas(Batch(), Context()))
            await gate.begun.acquire()
        await until(lambda: up.state == 'lost')
        assert not call.done()
        async with serving(echo, address), asyncio.timeout(10):
            await call
        assert gate.runs == 1


async def test_a_connection_that_breaks_between_two_looks_is_lost_at_once(tmp_path):
    """Its own word for that comes when another one is tried already."""
    address = f'unix:{tmp_path}/s'
    async with upstreams(address) as (replicas, up):
        async with serving(echo, address):
            await up.open(timeout_s=10)
            broken = up._connection
            gone = asyncio.get_running_loop().create_future()
            gone.set_result(False)
            broken.probe = lambda: gone
        (tmp_path / 's').unlink(missing_ok=True)  # nobody is there for a while
        broken._on_lost = broken._tell_lost = lambda *_: None  # it keeps silent
        await until(lambda: up._connection is not broken)
        assert up.state == 'lost'
        call = asyncio.ensure_future(replicas(Batch(), Context()))
        async with serving(echo, address), asyncio.timeout(10):
            await call


async def test_what_must_not_run_twice_fails_with_its_replica(tmp_path):
    address, gate = f'unix:{tmp_path}/s', Gate()
    async with upstreams(address) as (replicas, _):
        async with serving(gate, address):
            call = asyncio.ensure_future(replicas(Batch(), Context('/write')))
            await gate.begun.acquire()
        with pytest.raises(Unavailable, match='not idempotent') as caught:
            await call
        assert caught.value.begun


async def test_a_replica_that_drains_finishes_what_it_has_and_gets_nothing_new(tmp_path):
    gate = Gate()
    async with (
        serving(gate, f'unix:{tmp_path}/a') as first,
        serving(echo, f'unix:{tmp_path}/b') as second,
        upstreams(first.address) as (replicas, up),
    ):
        calls = [asyncio.ensure_future(replicas(Batch(), Context('/write'))) for _ in range(3)]
        for _ in calls:
            await gate.begun.acquire()
        draining = asyncio.ensure_future(first.drain(10))
        await until(lambda: up.state == 'draining')
        new = asyncio.ensure_future(replicas(Batch(), Context('/write')))
        other = Upstream(second.address, replicas, 'other')
        await other.open(timeout_s=10)
        async with asyncio.timeout(10):
            await new
            gate.open.set()
            await asyncio.gather(*calls)
            assert await draining
        assert gate.runs == 3
        await other.close()


async def test_calls_that_cross_the_drain_are_not_lost(tmp_path):
    """Those written before the worker's word came are refused as not begun, and go to the other."""
    async with (
        serving(echo, f'unix:{tmp_path}/a') as first,
        serving(echo, f'unix:{tmp_path}/b') as second,
        upstreams(first.address, second.address, max_queue=10_000) as (replicas, *both),
    ):
        for each in both:
            await each.open(timeout_s=10)
        calls = [asyncio.ensure_future(replicas(Batch(), Context('/write'))) for _ in range(500)]
        await turns(5)
        await first.close(10)
        async with asyncio.timeout(10):
            await asyncio.gather(*calls)


async def test_close_waits_for_what_is_under_way(tmp_path):
    gate = Gate()
    async with serving(gate, f'unix:{tmp_path}/s') as server, upstreams(server.address) as (replicas, up):
        call = asyncio.ensure_future(replicas(Batch(), Context()))
        await gate.begun.acquire()
        closing = asyncio.ensure_future(up.close(10))
        await asyncio.sleep(0)
        assert tuple(replicas.known) == ()
        gate.open.set()
        assert await closing
        await call


async def test_close_does_not_wait_for_ever(tmp_path):
    gate = Gate()
    async with serving(gate, f'unix:{tmp_path}/s') as server, upstreams(server.address) as (replicas, up):
        call = asyncio.ensure_future(replicas(Batch(), Context('/write')))
        await gate.begun.acquire()
        assert not await up.close(0.01)
        with pytest.raises(Unavailable):
            await call


async def test_a_killed_process_costs_no_request(processes):
    (a, first), (b, second) = processes('a'), processes('b')
    async with upstreams(a, b) as (replicas, *both):
        for each in both:
            await each.open(timeout_s=10)
        calls = [asyncio.ensure_future(ask(replicas, held_by=first.pid)) for _ in range(40)]
        await until(lambda: replicas.outstanding == 40)
        assert await both[0].ping(20)  # it has what was sent before
        first.kill()
        assert set(await asyncio.gather(*calls)) == {second.pid}
        first.wait()
        _, third = processes('a')
        await until(lambda: both[0].state == 'healthy')
        assert {await ask(replicas), await ask(replicas)} == {second.pid, third.pid}


async def test_a_frozen_process_is_routed_around_and_its_calls_go_elsewhere(processes, impatient):
    (a, first), (b, second) = processes('a'), processes('b')
    async with upstreams(a, b) as (replicas, up, _):
        await until(lambda: len(replicas.known) == 2)
        first.send_signal(signal.SIGSTOP)
        calls = [asyncio.ensure_future(ask(replicas)) for _ in range(20)]
        assert set(await asyncio.gather(*calls)) == {second.pid}
        assert up.state == 'lost'
        assert {await ask(replicas) for _ in range(4)} == {second.pid}
        first.send_signal(signal.SIGCONT)
        await until(lambda: up.state == 'healthy')
        assert {await ask(replicas) for _ in range(4)} == {first.pid, second.pid}
        assert replicas.outstanding == 0


async def test_a_frozen_process_that_has_what_must_not_run_twice_is_waited_for(processes, impatient):
    a, first = processes('a')
    async with upstreams(a) as (replicas, up):
        await up.open(timeout_s=10)
        first.send_signal(signal.SIGSTOP)
        call = asyncio.ensure_future(ask(replicas, on='/write'))
        await until(lambda: up.state == 'lost')
        first.send_signal(signal.SIGCONT)
        assert await call == first.pid


async def test_an_event_loop_that_is_held_up_is_no_dead_one(tmp_path, impatient):
    """A handler that blocks its worker's loop runs once, and its answer counts when it comes."""
    import threading
    import time

    runs = []

    async def blocks(batch, context):
        runs.append(context.request_id)
        time.sleep(0.8)  # noqa: ASYNC251 (that is what it is about)
        return batch

    address, ready, stop = f'unix:{tmp_path}/s', threading.Event(), threading.Event()

    async def serve():
        async with serving(blocks, address):
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert await asyncio.to_thread(ready.wait, 10)
        async with upstreams(address) as (replicas, up):
            await replicas(Batch(), Context())
            assert len(runs) == 1
            await until(lambda: up.state == 'healthy')
    finally:
        stop.set()
        thread.join()


async def test_sigterm_drains_a_process(processes):
    a, first = processes('a')
    async with upstreams(a) as (replicas, up):
        await up.open(timeout_s=10)
        calls = [asyncio.ensure_future(ask(replicas, s=0.3, on='/write')) for _ in range(10)]
        await until(lambda: replicas.outstanding == 10)
        assert await up.ping(20)  # it has what was sent before
        first.terminate()
        assert set(await asyncio.gather(*calls)) == {first.pid}
        await asyncio.to_thread(first.wait, 10)
        assert first.returncode == 0
        await until(lambda: up.state == 'lost')


async def test_a_server_that_accepts_and_says_nothing_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'CONNECT_S', 0.05)
    tries, talks = asyncio.Semaphore(0), set()

    async def mute(reader, writer):
        talks.add(asyncio.current_task())
        tries.release()
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(mute, tmp_path / 's')
    async with upstreams(f'unix:{tmp_path}/s') as (replicas, _), asyncio.timeout(10):
        for _ in range(3):
            await tries.acquire()
        assert tuple(replicas.known) == ()
    await asyncio.gather(*talks)  # who gave up has hung up: otherwise this takes for ever
    server.close()
    await server.wait_closed()


def test_infos_say_what_may_run_twice():
    assert isinstance(INFO, ExecutorInfo)
    assert not Replicas('x', info=INFO).is_idempotent('/write')
    assert Replicas('x').is_idempotent('/write')

"""A whole worker process: it drains when it is told to end, and a thread that hangs does not make it sick."""

import asyncio
import os
import struct
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from waiting import until

from headrace.errors import DeadlineExceeded
from headrace.gateway.upstream import Upstream
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.replicas import Replicas
from headrace.pipeline.reports import RESULTS
from headrace.spec import ExecutorSpec
from headrace.worker.orders import WorkerOrder

ROOT = str(Path(__file__).parents[3])
CODE = 'from headrace.worker.process import main; main()'


class Worker:
    """A worker process, and our end of the line to it."""

    def __init__(self, folder, name):
        self.address = f'unix:{folder}/{name}'
        reports, theirs = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, '-c', CODE, str(theirs)], stdin=subprocess.PIPE, pass_fds=[theirs]
        )
        os.close(theirs)
        self._reports = os.fdopen(reports, 'rb')
        spec = ExecutorSpec(name='slow', uses='tests.services.slow:Slow')
        self._tell(WorkerOrder(name, self.address, spec, str(folder), ROOT, (ROOT, *sys.path)))
        self.info = msgspec.convert(self._hear()['described'], ExecutorInfo)
        self._tell('construct')
        assert self._hear() == {'ready': self.address}
        self.pid = self.process.pid

    def _tell(self, message):
        data = msgspec.msgpack.encode(message)
        self.process.stdin.write(struct.pack('<I', len(data)) + data)
        self.process.stdin.flush()

    def _hear(self):
        (length,) = struct.unpack('<I', self._reports.read(4))
        return msgspec.msgpack.decode(self._reports.read(length))

    def end(self):
        self.process.kill()
        self.process.stdin.close()
        self._reports.close()
        self.process.wait()


@pytest.fixture
def worker(tmp_path):
    """Starts workers, and ends them after the test."""
    made = []

    def start(name):
        made.append(Worker(tmp_path, name))
        return made[-1]

    yield start
    for each in made:
        each.end()


@asynccontextmanager
async def joined(*workers):
    """The workers as replicas of one executor."""
    replicas = Replicas('slow', info=workers[0].info)
    upstreams = [Upstream(each.address, replicas, f'rep-{n}') for n, each in enumerate(workers)]
    try:
        for each in upstreams:
            await each.open(timeout_s=20)
        yield replicas, *upstreams
    finally:
        for each in upstreams:
            await each.close()


async def ask(replicas, on='/pid', *, timeout_s=20.0, **parameters):
    """Which process answered."""
    reply = await replicas(Batch(parameters=parameters), Context.within(on, timeout_s))
    (result,) = reply.parameters[RESULTS].values()
    return result['pid']


async def test_a_thread_that_outlives_its_deadline_leaves_its_replica_alive_and_others_do_the_work(worker):
    a, b = worker('a'), worker('b')
    async with joined(a, b) as (replicas, *upstreams):
        since = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await ask(replicas, '/slow', timeout_s=0.2, s=60)
        assert time.monotonic() - since < 5
        assert await upstreams[0].ping(5)
        assert await upstreams[1].ping(5)
        assert [each.state for each in upstreams] == ['healthy', 'healthy']
        assert len({await ask(replicas, timeout_s=10) for _ in range(10)}) == 1


async def test_calls_of_the_only_replica_wait_until_its_thread_is_free(worker):
    async with joined(worker('a')) as (replicas, upstream):
        with pytest.raises(DeadlineExceeded):
            await ask(replicas, '/slow', timeout_s=0.1, s=0.6)
        waiting = [asyncio.ensure_future(ask(replicas)) for _ in range(3)]
        late = asyncio.ensure_future(ask(replicas, timeout_s=0.05))
        with pytest.raises(DeadlineExceeded):
            await late
        assert upstream.state == 'healthy'
        assert len(set(await asyncio.gather(*waiting))) == 1


async def test_a_worker_that_is_told_to_end_finishes_what_it_has(worker):
    a, b = worker('a'), worker('b')
    async with joined(a, b) as (replicas, *upstreams):
        calls = [asyncio.ensure_future(ask(replicas, '/slow', s=0.2)) for _ in range(4)]
        await until(lambda: replicas.outstanding == 4)
        for each in upstreams:
            assert await each.ping(20)  # it has what was sent before
        a.process.terminate()
        assert await asyncio.to_thread(a.process.wait, 20) == 0
        assert sorted(await asyncio.gather(*calls)) == sorted([a.pid, a.pid, b.pid, b.pid])
        assert {await ask(replicas) for _ in range(4)} == {b.pid}

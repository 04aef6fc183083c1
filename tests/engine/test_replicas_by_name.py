"""Replicas behind one name, in containers with addresses of their own: shared, cut off, and new ones."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine import Engine
from waiting import wait_until

from headrace import Document, DocumentArray
from headrace.client import AsyncClient

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

WITHIN_S = 60.0
USED_WITHIN_S = 5.0

EXECUTOR = """
import os
from headrace import Executor, requests


class Encoder(Executor):
    @requests
    def encode(self, docs, **kwargs):
        for doc in docs:
            doc.text = os.uname().nodename
"""

FLOW = """
executors:
  - {name: encoder, uses: 'executor.py:Encoder'}
gateway: {protocol: http, port: 8080, host: 0.0.0.0, insecure: true}
"""


class Ship:
    """A gateway and replicas of its encoder, each in a container; replicas are found by a name."""

    def __init__(self, engine: Engine, image: str) -> None:
        self._engine = engine
        self._image = image
        self.network = engine.name('by-name')
        self._made: list[str] = []
        engine.run('network', 'create', '--label', engine.label, self.network)
        self.gateway = self._run('gateway', '-p', '127.0.0.1::8080', command=('gateway', '/app/flow.yml'))

    def _run(self, stem: str, *options: str, command: tuple[str, ...]) -> str:
        name = self._engine.name(stem)
        self._made.append(name)
        told = ('--at', 'encoder=dns:encoder:9090') if stem == 'gateway' else ('--listen', 'tcp:0.0.0.0:9090')
        fixed = ('--label', self._engine.label, '--hostname', name, '--network', self.network, '--name', name)
        self._engine.run('run', '-d', *fixed, *options, self._image, *command, *told)
        return name

    def worker(self) -> str:
        """One more replica; its name, which is what it answers."""
        return self._run(
            'encoder', '--network-alias', 'encoder', command=('worker', '/app/flow.yml', 'encoder')
        )

    def await_ready(self, *names: str) -> None:
        """Wait until these say that they are."""
        wait_until(
            lambda: all('is ready at' in self._said(name) for name in names),
            what=lambda: [self._said(name)[-500:] for name in names],
        )

    def _said(self, name: str) -> str:
        done = self._engine.call('logs', name)
        return done.stdout + done.stderr

    def cut_off(self, name: str) -> None:
        """Let nothing of it reach anybody any more."""
        self._engine.run('network', 'disconnect', '--force', self.network, name)

    @property
    def address(self) -> str:
        """Where its door is on this machine."""
        return 'http://' + self._engine.run('port', self.gateway, '8080/tcp').splitlines()[0]

    def close(self) -> None:
        """Leave nothing."""
        self._engine.run('rm', '--force', '--volumes', *self._made)
        self._engine.run('network', 'rm', self.network)


@pytest.fixture
def ship(
    engine: Engine, executor_image: Callable[[Path, str], str], tmp_path: Path, left_over: Callable[..., None]
) -> Iterator[Ship]:
    (tmp_path / 'executor.py').write_text(EXECUTOR)
    (tmp_path / 'flow.yml').write_text(FLOW)
    image = executor_image(tmp_path, engine.name('headrace-tests/by-name'))
    ship = Ship(engine, image)
    yield ship
    ship.close()
    engine.call('rmi', '--force', image)
    left_over(f'name={ship.network}')


async def _asked(client: AsyncClient, count: int, at_a_time: int = 8) -> Counter[str]:
    """Who answered so many requests; raises what any of them raises."""
    room = asyncio.Semaphore(at_a_time)

    async def ask() -> str:
        async with room:
            answer = await client.post('/', DocumentArray([Document()]), max_attempts=1)
        text: str = answer[0].text
        return text

    return Counter(await asyncio.gather(*(ask() for _ in range(count))))


async def _open(ship: Ship) -> AsyncClient:
    """A client of the gateway, when its doors are open."""
    client = AsyncClient(ship.address)
    async with asyncio.timeout(WITHIN_S):
        while not await client.is_flow_ready():
            pass
    return client


async def test_replicas_behind_one_name(ship: Ship) -> None:
    replicas = [ship.worker() for _ in range(3)]
    await asyncio.to_thread(ship.await_ready, *replicas)
    client = await _open(ship)

    # all are found, and each gets its share
    async with asyncio.timeout(USED_WITHIN_S):
        while len(await _asked(client, 30)) < 3:
            pass
    shares = await _asked(client, 900)
    assert set(shares) == set(replicas)
    assert all(abs(share - 300) <= 30 for share in shares.values()), shares

    # one is cut off while requests go on: none of them fails, and it gets no more
    under_way = asyncio.ensure_future(_asked(client, 2000))
    await asyncio.sleep(0)
    await asyncio.to_thread(ship.cut_off, replicas[0])
    assert not under_way.done()
    assert (await under_way).total() == 2000
    assert set(await _asked(client, 300)) == set(replicas[1:])

    # a new one is used, with no restart of the gateway
    new = ship.worker()
    await asyncio.to_thread(ship.await_ready, new)
    since = time.monotonic()
    while new not in await _asked(client, 12):
        assert time.monotonic() - since < USED_WITHIN_S
    await client.close()

"""Replicas behind one name, in containers with addresses of their own: shared, cut off, and new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from asking import Asking
from engine import Engine
from waiting import wait_until

from headrace import Client

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
    """A gateway and replicas of its encoder, each in a container; replicas are found by a name.

    Nothing is left of them after its block, however far it has come.
    """

    def __init__(self, engine: Engine, image: str) -> None:
        self._engine = engine
        self._image = image
        self.network = engine.name('by-name')
        self.made: list[str] = []
        self.address = ''

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._engine.run('rm', '--force', '--volumes', *self.made, check=False)
        self._engine.run('network', 'rm', self.network, check=False)

    def begin(self) -> Self:
        """Start the gateway; its door is at `address` on this machine."""
        self._engine.run('network', 'create', '--label', self._engine.label, self.network)
        gateway = self._run('gateway', '-p', '127.0.0.1::8080', command=('gateway', '/app/flow.yml'))
        self.address = 'http://' + self._engine.run('port', gateway, '8080/tcp').splitlines()[0]
        return self

    def _run(self, stem: str, *options: str, command: tuple[str, ...]) -> str:
        name = self._engine.name(stem)
        self.made.append(name)
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


@pytest.fixture
def ship(
    engine: Engine, executor_image: Callable[[Path, str], str], tmp_path: Path, left_over: Callable[..., None]
) -> Iterator[Ship]:
    (tmp_path / 'executor.py').write_text(EXECUTOR)
    (tmp_path / 'flow.yml').write_text(FLOW)
    image = executor_image(tmp_path, engine.name('headrace-tests/by-name'))
    try:
        with Ship(engine, image) as ship:
            yield ship.begin()
        left_over(f'name={ship.network}')
        left_over(*(f'name={name}' for name in ship.made))
    finally:
        engine.call('rmi', '--force', image)


def test_replicas_behind_one_name(ship: Ship) -> None:
    replicas = [ship.worker() for _ in range(3)]
    ship.await_ready(*replicas)
    with Client(ship.address) as client:
        wait_until(client.is_flow_ready, WITHIN_S)

    def asking(clients: int) -> Asking:
        return Asking(lambda: [ship.address], clients=clients)

    # all are found, and each gets its share: asked one at a time, or the quickest would get more
    with asking(clients=1) as shared:
        shared.until(lambda: set(shared.answers) == set(replicas), USED_WITHIN_S)
        before = shared.answers.copy()
        shared.more(900, WITHIN_S)
    shares = shared.answers - before
    assert all(abs(shares[name] - shares.total() / 3) <= 30 for name in replicas), shares

    # one is cut off while requests go on: none of them fails, and it gets no more
    with asking(clients=8) as cut:
        cut.more(100, WITHIN_S)
        ship.cut_off(replicas[0])
        cut.more(300, WITHIN_S)
    assert cut.failures == []
    with asking(clients=8) as without:
        without.more(300, WITHIN_S)
    assert without.failures == []
    assert set(without.answers) == set(replicas[1:])

    # a new one is used, with no restart of the gateway
    new = ship.worker()
    ship.await_ready(new)
    with asking(clients=8) as grown:
        grown.until(lambda: grown.answers[new] > 0, USED_WITHIN_S)
    assert grown.failures == []


def test_one_that_does_not_begin_leaves_nothing(engine: Engine, left_over: Callable[..., None]) -> None:
    with pytest.raises(pytest.fail.Exception), Ship(engine, 'headrace-tests/nowhere') as ship:
        ship.begin()
    left_over(f'name={ship.network}')

"""Processes that die, freeze or leave in the middle of an answer: an error in time, and nothing left over."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from waiting import wait_until

from headrace import BaseDoc, Client, Executor, Flow, requests
from headrace.errors import HeadraceError

IN_TIME_S = 5.0
"""How long a reader may wait for the news that its process is gone (a frozen one takes longer to tell)."""

FROZEN_S = 12.0


READER = """\
import sys, time
from headrace import Client
client = Client(host='127.0.0.1', port=int(sys.argv[2]), protocol=sys.argv[1])
for doc in client.stream_doc('/talk', [{}]):
    print('here', flush=True)
    time.sleep(0.01)
"""


class Token(BaseDoc):
    pid: int = 0
    number: int = 0


class Talker(Executor):
    """Says who it is, again and again; what it has begun is noted in a folder."""

    def __init__(self, folder: str = '', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = Path(folder)

    @requests(on='/talk')
    async def talk(self, doc: Token) -> AsyncIterator[Token]:
        try:
            for number in range(10**9):
                yield Token(pid=os.getpid(), number=number)
                await asyncio.sleep(0.001)
        finally:
            (self.folder / 'closed').write_text('')

    @requests(on='/plain')
    def talk_on_a_thread(self, doc: Token) -> Iterator[Token]:
        for number in range(10**9):
            yield Token(pid=os.getpid(), number=number)
            time.sleep(0.001)

    @requests(on='/late')
    async def late(self, doc: Token) -> AsyncIterator[Token]:
        """The first to try never gets to its first part."""
        try:
            (self.folder / 'begun').touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            (self.folder / 'pid').write_text(str(os.getpid()))
            await asyncio.Event().wait()
        for number in range(5):
            yield Token(pid=os.getpid(), number=number)

    @requests(on='/some')
    async def some(self, doc: Token) -> AsyncIterator[Token]:
        for number in range(300):
            yield Token(pid=os.getpid(), number=number)
            await asyncio.sleep(0.002)

    @requests(on='/pid')
    def pid(self, doc: Token) -> Token:
        return Token(pid=os.getpid())


@pytest.fixture(scope='module', params=['grpc', 'http'])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def flow(tmp_path: Path, protocol: str) -> Iterator[Flow]:
    given = {'folder': str(tmp_path)}
    with Flow(protocol=protocol).add(uses=Talker, name='talker', replicas=2, uses_with=given) as running:
        yield running


@pytest.mark.alone
@pytest.mark.parametrize('on', ['/talk', '/plain'])
def test_a_worker_killed_in_the_middle_is_an_error_in_time(flow: Flow, on: str) -> None:
    seen = []
    with pytest.raises(HeadraceError, match='not sent again: a part of its answer had come'):
        for doc in flow.client.stream_doc(on, [Token()]):
            seen.append(doc.number)
            if len(seen) == 50:
                victim, killed = doc.pid, time.monotonic()
                os.kill(victim, signal.SIGKILL)
    assert time.monotonic() - killed < IN_TIME_S
    assert seen == list(range(len(seen)))
    assert len(seen) >= 50
    assert flow.post('/pid', Token())[0].pid != victim  # the other one serves on


def test_a_worker_killed_before_its_first_part_costs_nothing(flow: Flow, tmp_path: Path) -> None:
    parts = flow.client.stream_doc('/late', [Token()])
    taken: list[Token] = []

    def kill() -> None:
        wait_until(lambda: (tmp_path / 'pid').exists() and bool((tmp_path / 'pid').read_text()))
        os.kill(int((tmp_path / 'pid').read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    taken += parts
    killer.join()
    assert [doc.number for doc in taken] == list(range(5))
    assert {doc.pid for doc in taken} != {int((tmp_path / 'pid').read_text())}


@pytest.mark.alone
def test_a_frozen_worker_is_given_up(flow: Flow) -> None:
    seen, victim = 0, None
    try:
        with pytest.raises(HeadraceError, match='has not been heard of'):
            for doc in flow.client.stream_doc('/talk', [Token()]):
                seen += 1
                if seen == 20:
                    victim, frozen = psutil.Process(doc.pid), time.monotonic()
                    victim.suspend()
        assert time.monotonic() - frozen < FROZEN_S
    finally:
        if victim is not None:
            victim.resume()


def test_a_gateway_that_dies_ends_its_generators(flow: Flow, tmp_path: Path, protocol: str) -> None:
    client = Client(host='127.0.0.1', port=flow.port, protocol=protocol)
    parts = client.stream_doc('/talk', [Token()])
    assert [next(parts).number for _ in range(3)] == [0, 1, 2]
    gateway = next(
        each for each in psutil.Process().children(recursive=True) if 'gateway' in ' '.join(each.cmdline())
    )
    gateway.kill()
    with pytest.raises(HeadraceError):
        for _ in parts:
            pass
    wait_until((tmp_path / 'closed').exists, IN_TIME_S)
    client.close()


def test_fewer_replicas_wait_for_answers_under_way(flow: Flow) -> None:
    readers = [flow.client.stream_doc('/some', [Token()]) for _ in range(4)]
    first = [next(reader) for reader in readers]
    assert len({doc.pid for doc in first}) == 2
    flow.scale('talker', 1)
    for reader in readers:
        assert [doc.number for doc in reader] == list(range(1, 300))


def test_a_reader_that_dies_ends_the_generator(flow: Flow, tmp_path: Path, protocol: str) -> None:
    command = [sys.executable, '-c', READER, protocol, str(flow.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b'here\n'
        reader.kill()
    wait_until((tmp_path / 'closed').exists, IN_TIME_S)


def test_kills_among_many_readers_never_turn_parts_round(flow: Flow) -> None:
    """Each reader has a prefix of its answer, and then all of it or an error."""
    failed = whole = 0
    for turn in range(6):
        first = '/talk' if turn % 2 else '/some'  # what is killed would never have ended
        readers = [flow.client.stream_doc(on, [Token()]) for on in (first, '/some', '/some', '/some')]
        seen: list[list[int]] = [[] for _ in readers]
        for number, reader in enumerate(readers):
            try:
                for doc in reader:
                    seen[number].append(doc.number)
                    if turn % 2 and number == 0 and len(seen[0]) == 10:
                        os.kill(doc.pid, signal.SIGKILL)
                whole += 1
            except HeadraceError:
                failed += 1
        for numbers in seen:
            assert numbers == list(range(len(numbers)))
    assert whole >= 12
    assert 3 <= failed <= 12

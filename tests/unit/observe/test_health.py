"""The port for probes: it answers while the process is busy, and while its event loop is stuck."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from headrace.errors import SpecError, StartError
from headrace.observe import health as module
from headrace.observe.health import LONGEST_HEAD, MOST_CONNECTIONS, Health, host_and_port


@pytest.fixture
def health() -> Iterator[Health]:
    made = Health('it loads')
    made.open('127.0.0.1:0')
    yield made
    made.close()


def got(health: Health, path: str) -> tuple[int, str]:
    try:
        with urlopen(f'http://{health.address}{path}', timeout=20) as reply:
            return reply.status, reply.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def sent(health: Health, data: bytes) -> bytes:
    """What comes back for these bytes, to the end of the connection."""
    host, port = host_and_port(health.address)
    with socket.create_connection((host, port), timeout=20) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        received = b''
        try:
            while part := line.recv(65536):
                received += part
        except ConnectionResetError:
            pass
        return received


def test_a_process_that_loads_lives_and_is_not_ready(health):
    assert got(health, '/live') == (200, 'ok\n')
    assert got(health, '/ready') == (503, 'it loads\n')
    health.reason = ''
    assert got(health, '/ready') == (200, 'ok\n')
    health.reason = 'two\nlines'
    assert got(health, '/ready') == (503, 'two lines\n')


def test_metrics_are_there_when_something_is_measured(health):
    assert got(health, '/metrics')[0] == 404
    health.metrics = lambda accept: (f'for {accept}\n'.encode(), 'text/plain')
    reply = sent(health, b'GET /metrics?x=1 HTTP/1.0\r\nAccept: text/x\r\n\r\n')
    assert reply.startswith(b'HTTP/1.1 200 OK\r\n')
    assert reply.endswith(b'for text/x\n')


def test_a_probe_of_bash_and_one_that_wants_no_body(health):
    assert sent(health, b'GET /live HTTP/1.0\r\n\r\n').endswith(b'\r\n\r\nok\n')
    assert sent(health, b'HEAD /live HTTP/1.1\r\nhost: x\r\n\r\n').endswith(b'\r\n\r\n')


@pytest.mark.parametrize(
    ('data', 'status'),
    [
        (b'POST /live HTTP/1.1\r\n\r\n', b'405'),
        (b'GET /nowhere HTTP/1.1\r\n\r\n', b'404'),
        (b'GET\r\n\r\n', b'400'),
        (b'\xff\xfe\r\n\r\n', b'400'),
    ],
)
def test_what_is_not_asked_for(health, data, status):
    assert sent(health, data).split(b' ')[1] == status


@pytest.mark.parametrize('data', [b'', b'GET /live HTTP/1.1\r\n', b'x' * (4 * LONGEST_HEAD)])
def test_who_asks_nothing_or_too_much_gets_nothing_and_others_go_on(health, data):
    assert sent(health, data) == b''
    assert got(health, '/live')[0] == 200


def test_more_connections_than_there_is_room_for_are_closed_and_do_not_stay(health, monkeypatch):
    monkeypatch.setattr(module, 'REQUEST_S', 0.5)
    where = host_and_port(health.address)
    idle = [socket.create_connection(where, timeout=20) for _ in range(MOST_CONNECTIONS + 8)]
    try:
        deadline = time.monotonic() + 20
        while True:  # those that dawdle are given up, and then there is room
            try:
                assert got(health, '/live')[0] == 200
                break
            except OSError:
                assert time.monotonic() < deadline
    finally:
        for line in idle:
            line.close()


def test_who_says_nothing_keeps_no_probe_away(health):
    """A probe that fails has a container ended: whoever reaches the port must not be able to have that."""
    where = host_and_port(health.address)
    idle = [socket.create_connection(where, timeout=20) for _ in range(3 * MOST_CONNECTIONS)]
    try:
        for _ in range(5):
            assert got(health, '/live')[0] == 200
        assert idle[0].recv(1) == b''  # the oldest has made room
    finally:
        for line in idle:
            line.close()


async def test_who_has_asked_is_answered_however_many_come_who_say_nothing(health, monkeypatch):
    monkeypatch.setattr(module, 'ASK_S', 60.0)
    monkeypatch.setattr(module, 'REQUEST_S', 60.0)
    where = host_and_port(health.address)
    is_asked, may_answer = asyncio.Event(), asyncio.Event()

    async def ready() -> str:
        is_asked.set()
        await may_answer.wait()
        return ''

    def crowd() -> None:
        idle = [socket.create_connection(where, timeout=20) for _ in range(3 * MOST_CONNECTIONS)]
        assert got(health, '/live')[0] == 200  # all of them have been let in
        for line in idle:
            line.close()

    health.reason, health.ready = '', ready
    health.watch()
    asking = asyncio.create_task(asyncio.to_thread(got, health, '/ready'))
    await is_asked.wait()
    await asyncio.to_thread(crowd)
    may_answer.set()
    assert (await asking)[0] == 200


async def test_an_event_loop_that_is_stuck_is_not_live(health, monkeypatch):
    monkeypatch.setattr(module, 'STUCK_S', 0.3)
    health.reason = ''
    health.watch()
    assert (await asyncio.to_thread(got, health, '/live'))[0] == 200
    answers: list[tuple[int, str]] = []
    done = threading.Event()

    def look() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            answer = got(health, '/live')
            if answer[0] == 503:
                answers.extend((answer, got(health, '/ready')))
                break
        done.set()

    threading.Thread(target=look).start()
    done.wait(25)  # the loop does not run meanwhile
    assert [status for status, _ in answers] == [503, 503]
    assert 'event loop' in answers[0][1]
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(got, health, '/live'))[0] != 200:
            pass


async def test_the_process_itself_says_whether_it_can_work(health):
    here = asyncio.get_running_loop()
    told = ['no replica of encoder']

    async def ready() -> str:
        assert asyncio.get_running_loop() is here
        if told[0] == 'fail':
            raise RuntimeError
        return told[0]

    health.reason = ''
    health.ready = ready
    health.watch()
    assert await asyncio.to_thread(got, health, '/ready') == (503, 'no replica of encoder\n')
    told[0] = ''
    assert await asyncio.to_thread(got, health, '/ready') == (200, 'ok\n')
    told[0] = 'fail'
    assert (await asyncio.to_thread(got, health, '/ready'))[0] == 503


async def test_an_answer_that_does_not_come_is_a_no(health, monkeypatch):
    monkeypatch.setattr(module, 'ASK_S', 0.05)

    async def ready() -> str:
        await asyncio.sleep(60)
        return ''

    health.reason, health.ready = '', ready
    health.watch()
    status, text = await asyncio.to_thread(got, health, '/ready')
    assert (status, 'did not say' in text) == (503, True)


def test_a_port_that_is_taken_and_a_place_that_is_none(health):
    with pytest.raises(StartError, match='nothing can listen at'):
        Health().open(health.address)
    for wrong in ('', '9091', ':9091', 'a:b', 'a:99999'):
        with pytest.raises(SpecError, match='no place to listen at'):
            host_and_port(wrong)

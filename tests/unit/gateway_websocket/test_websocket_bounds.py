"""What a connection may hold, leave unread or keep waiting; and how it ends."""

from __future__ import annotations

import asyncio
import socket as sockets
from types import SimpleNamespace
from typing import Any

import pytest
from waiting import until, until_still
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from headrace.gateway.unread import UNREAD_TIMEOUT_S
from headrace.gateway.websocket import connection as connections
from headrace.gateway.websocket.connection import Connection


def server_side(gateway: SimpleNamespace) -> list[Connection]:
    """The gateway's ends of all WebSockets."""
    door = gateway.server._doors['http']
    return [each for each in door._connections() if isinstance(each, Connection)]


async def test_a_client_that_vanishes_cancels_its_work(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.say(id='w', endpoint='/wait')
    await socket.say(id='e', endpoint='/endless', data=[{'title': ''}], stream=True)
    await asyncio.wait_for(gateway.shop.started.wait(), 30)
    await socket.hear()
    socket.raw.transport.abort()
    await asyncio.wait_for(gateway.shop.cancelled.wait(), 30)
    await asyncio.wait_for(gateway.shop.left.wait(), 30)
    await until(lambda: gateway.server.admission.requests == 0)
    assert not server_side(gateway)


async def test_a_client_that_closes_cancels_its_work(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.say(id='w', endpoint='/wait')
    await asyncio.wait_for(gateway.shop.started.wait(), 30)
    await socket.raw.close()
    await asyncio.wait_for(gateway.shop.cancelled.wait(), 30)


async def test_a_client_that_does_not_read_stops_its_generator(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(max_queue=1)
    await socket.say(
        id='e', endpoint='/endless', data=[{'title': ''}], stream=True, parameters={'size': 10_000}
    )
    (side,) = await ends(gateway)
    await until(lambda: side.transport.get_write_buffer_size() > 0)
    for _ in range(3):  # until the sockets between us are full, too
        await until_still(lambda: gateway.shop.made)
    assert gateway.server.admission.requests == 1
    side.hurry()
    for _ in range(UNREAD_TIMEOUT_S + 1):
        side.hurry()
    await asyncio.wait_for(gateway.shop.left.wait(), 30)
    await until(lambda: gateway.server.admission.requests == 0)


async def ends(gateway: SimpleNamespace) -> list[Connection]:
    await until(lambda: server_side(gateway))
    return server_side(gateway)


async def test_the_window_of_requests(open_gateway: Any) -> None:
    gateway = await open_gateway(prefetch=2)
    socket = await gateway.dial()
    for number in range(6):
        await socket.say(id=number, endpoint='/wait')
    await until(lambda: len(gateway.shop.seen) == 2)
    (side,) = server_side(gateway)
    await until(lambda: side._pauses)
    assert gateway.server.admission.requests == 2
    gateway.shop.release.set()
    assert [(await socket.hear())['id'] for _ in range(6)] == list(range(6))


async def test_who_keeps_below_the_window_is_always_heard(open_gateway: Any) -> None:
    gateway = await open_gateway(prefetch=2)
    socket = await gateway.dial()
    for number in range(2):
        await socket.say(id=number, endpoint='/wait')
    await until(lambda: len(gateway.shop.seen) == 2)
    await socket.say(type='cancel', id=0)
    await asyncio.wait_for(gateway.shop.cancelled.wait(), 30)
    assert (await socket.ask(id='n', endpoint='/echo'))['id'] == 'n'


async def test_no_room_in_the_gateway(open_gateway: Any) -> None:
    gateway = await open_gateway(max_requests=1)
    socket = await gateway.dial()
    await socket.say(id='w', endpoint='/wait')
    told = await socket.ask(id='n', endpoint='/echo')
    assert (told['id'], told['error']['status']) == ('n', 429)
    assert told['error']['retry_after_s'] > 0


async def test_a_message_that_is_too_large(open_gateway: Any) -> None:
    gateway = await open_gateway(max_body_bytes=100_000)
    socket = await gateway.dial()
    with pytest.raises(ConnectionClosed):
        await socket.raw.send('x' * 5_000_000)
        await socket.raw.recv()
    assert (await socket.closed())[0] == 1009


async def test_no_room_for_a_large_message(open_gateway: Any) -> None:
    gateway = await open_gateway(max_bytes=1_000_000, max_body_bytes=2_000_000)
    first, second = await gateway.dial(), await gateway.dial()
    await first.say(id='w', endpoint='/wait', data=[{'text': 'x' * 400_000}])
    await asyncio.wait_for(gateway.shop.started.wait(), 30)
    with pytest.raises(ConnectionClosed):
        await second.say(id='n', endpoint='/echo', data=[{'text': 'x' * 900_000}])
        await second.hear()
    code, reason = await second.closed()
    assert code == 1013
    assert 'bytes' in (reason or '')


async def test_a_message_that_comes_too_slowly(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    head = Frame(Opcode.TEXT, b'{' + b' ' * 1000).serialize(mask=True)
    socket.raw.transport.write(head[:100])
    (side,) = await ends(gateway)
    await until(lambda: side._pending_bytes)
    for _ in range(connections.MESSAGE_TIMEOUT_S + 1):
        side.hurry()
    assert (await socket.closed())[0] == 1008


async def test_a_peer_that_is_not_there_any_more(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    (side,) = await ends(gateway)
    socket.raw.transport.pause_reading()  # as if the cable were cut: no pong
    for _ in range(2 * connections.PING_S):
        side.hurry()
    await until(lambda: not server_side(gateway))


async def test_a_peer_that_answers_stays(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    (side,) = await ends(gateway)
    for _ in range(3):
        for _ in range(connections.PING_S):
            side.hurry()
        await until(lambda: side._quiet_s == 0)
    assert (await socket.ask(endpoint='/echo'))['type'] == 'reply'


@pytest.mark.parametrize('kind', ['frames', 'messages'])
async def test_pings_that_nobody_reads_are_bounded(gateway: SimpleNamespace, kind: str) -> None:
    loop = asyncio.get_running_loop()
    with sockets.create_connection(('127.0.0.1', gateway.port)) as raw:
        raw.setblocking(False)
        await loop.sock_sendall(
            raw,
            b'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            b'Sec-WebSocket-Protocol: headrace.json.v1\r\n'
            b'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
        )
        await loop.sock_recv(raw, 65536)
        (side,) = await ends(gateway)
        ping = Frame(Opcode.PING, b'x' * 120)
        if kind == 'messages':
            ping = Frame(Opcode.TEXT, b'{"type": "ping", "id": "%b"}' % (b'x' * 100))
        flood = ping.serialize(mask=True) * 1000
        sending = asyncio.create_task(flooding(loop, raw, flood))
        await until(lambda: 'owed' in side._pauses)
        assert side.transport.get_write_buffer_size() < 4_000_000
        sending.cancel()
    await until(lambda: not server_side(gateway))


async def flooding(loop: asyncio.AbstractEventLoop, raw: sockets.socket, data: bytes) -> None:
    while True:
        await loop.sock_sendall(raw, data)


async def test_fragments_of_nothing_take_no_memory(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    (side,) = await ends(gateway)
    empty = Frame(Opcode.CONT, b'', fin=False).serialize(mask=True)
    socket.raw.transport.write(Frame(Opcode.TEXT, b'{"id":1,', fin=False).serialize(mask=True) + empty * 5000)
    socket.raw.transport.write(Frame(Opcode.PING, b'all?').serialize(mask=True))
    await until(lambda: side._pending_bytes >= 5000 * 6)
    assert len(side._parts) == 1
    socket.raw.transport.write(Frame(Opcode.CONT, b'"endpoint":"/echo"}').serialize(mask=True))
    assert (await socket.hear())['id'] == 1


async def test_fragments(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.raw.send(iter(['{"id": 1, ', '"endpoint"', ': "/echo"}']))
    assert (await socket.hear())['id'] == 1


@pytest.mark.parametrize(
    ('frame', 'code'),
    [
        (Frame(Opcode.TEXT, b'\xff\xfe'), 1007),
        (Frame(Opcode.BINARY, b'{}'), 1003),
        (Frame(Opcode.CONT, b'{}'), 1002),
        (Frame(Opcode.TEXT, b'{}', rsv1=True), 1002),
        (Frame(Opcode.PING, b'x' * 126), 1002),
    ],
)
async def test_frames_that_end_a_connection(gateway: SimpleNamespace, frame: Frame, code: int) -> None:
    socket = await gateway.dial()
    object.__setattr__(frame, 'check', lambda: None)
    socket.raw.transport.write(frame.serialize(mask=True))
    assert (await socket.closed())[0] == code


async def test_farewell_and_drain(gateway: SimpleNamespace) -> None:
    busy, idle = await gateway.dial(), await gateway.dial()
    await busy.say(id='w', endpoint='/wait')
    await asyncio.wait_for(gateway.shop.started.wait(), 30)
    stopping = asyncio.create_task(gateway.server.stop(30))
    for socket in (busy, idle):
        assert await socket.hear() == {'type': 'farewell'}
        await socket.say(id='late', endpoint='/echo')
        assert (await socket.hear())['id'] == 'late'
        await socket.say(type='end')
    assert await idle.closed() == (1001, '')
    gateway.shop.release.set()
    assert (await busy.hear())['id'] == 'w'
    assert await busy.closed() == (1001, '')
    await asyncio.wait_for(stopping, 30)


async def test_a_stop_without_grace(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.say(id='w', endpoint='/wait')
    await asyncio.wait_for(gateway.shop.started.wait(), 30)
    stopping = asyncio.create_task(gateway.server.stop(0.01))
    assert await socket.hear() == {'type': 'farewell'}
    told = await socket.hear()
    assert (told['id'], told['error']['status']) == ('w', 503)
    assert await socket.closed() == (1001, '')
    await asyncio.wait_for(stopping, 30)
    assert gateway.shop.cancelled.is_set()

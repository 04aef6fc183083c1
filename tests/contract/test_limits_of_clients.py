"""Rates, heads, connections and streams of clients: over each limit, and the server is well."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack, suppress
from typing import Any

import grpc
import pytest
import websockets
from limited import Open, is_well, over_grpc, over_http
from waiting import until

from headrace.gateway.arrivals import SPARE
from headrace.gateway.http import server as http_server
from headrace.proto import headrace_pb2 as pb

ON_UVLOOP = True
"""As gateways are."""


@pytest.mark.parametrize('protocol', ['http', 'grpc', 'websocket'])
async def test_a_client_that_asks_too_often(limited: Open, refusals: Any, protocol: str) -> None:
    it = await limited(requests_per_s=0.01, burst=3)
    small, statuses = b'{"data": [{}]}', []
    for _ in range(4):
        if protocol == 'http':
            statuses.append(await over_http(it, small))
        elif protocol == 'grpc':
            statuses.append((await over_grpc(it, pb.Request()))[1])
        else:
            break
    if protocol == 'websocket':
        address = f'ws://127.0.0.1:{it.ports["websocket"]}/'
        async with websockets.connect(address, subprotocols=['headrace.json.v1'], proxy=None) as socket:
            for _ in range(4):
                await socket.send(small.decode())
                told = json.loads(await asyncio.wait_for(socket.recv(), 20))
                statuses.append((told.get('error') or told).get('status', 200))
    assert statuses[-1] in (429, 413)  # gRPC has one status for both
    assert [line['status'] for line in refusals if line['reason'] == 'RateLimited'][:1] == [429]
    assert len(refusals) == sum(status != 200 for status in statuses)
    assert (await it.http.get('/health')).status_code == 200


async def test_who_asks_too_often_hears_when_to_come_again(limited: Open) -> None:
    it = await limited(requests_per_s=0.25, burst=1)
    await it.http.post('/post', json={})
    answer = await it.http.post('/post', json={})
    assert (answer.status_code, answer.headers['retry-after']) == (429, '4')
    assert answer.json()['error'] == 'RateLimited'


HEADS = {
    'a long URL': (b'GET /' + b'x' * 2000 + b' HTTP/1.1\r\nhost: x\r\n\r\n', 414),
    'a long query': (b'GET /search?a=' + b'x' * 2000 + b' HTTP/1.1\r\nhost: x\r\n\r\n', 414),
    'many headers': (
        b'GET /health HTTP/1.1\r\nhost: x\r\n' + b''.join(b'x-%d: y\r\n' % i for i in range(20)) + b'\r\n',
        431,
    ),
    'large headers': (b'GET /health HTTP/1.1\r\nhost: x\r\nx-y: ' + b'z' * 3000 + b'\r\n\r\n', 431),
    'headers without end': (b'GET /health HTTP/1.1\r\nhost: x\r\nx-y: ' + b'z' * 3000, 431),
}


async def raw(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.readuntil(b'\r\n'), 20)
    finally:
        writer.close()


@pytest.mark.parametrize('name', HEADS)
async def test_heads_of_requests(limited: Open, refusals: Any, name: str) -> None:
    it = await limited(headers=10, header_bytes=2048, url_bytes=1024)
    data, status = HEADS[name]
    assert int((await raw(it.ports['http'], data)).split()[1]) == status
    assert [line['status'] for line in refusals] == [status]
    await is_well(it)


async def test_metadata_over_grpc(limited: Open, refusals: Any) -> None:
    it = await limited(header_bytes=2048)
    call = it.channel.unary_unary('/headrace.v1.Headrace/Call')
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(pb.Request().SerializeToString(), metadata=[('x-large', 'y' * 4000)])
    assert caught.value.code().name == 'RESOURCE_EXHAUSTED'
    assert len(refusals) <= 1  # where gRPC itself refuses, nobody is told
    await is_well(it)


async def open_sockets(port: int, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    return [await asyncio.open_connection('127.0.0.1', port) for _ in range(count)]


GET = b'GET /health HTTP/1.1\r\nhost: x\r\n\r\n'


@pytest.mark.parametrize('limit', ['connections', 'connections_per_host'])
async def test_connections(limited: Open, refusals: Any, limit: str) -> None:
    it = await limited(**{limit: 5})
    sockets = await open_sockets(it.ports['http'], 5)
    for reader, writer in sockets:
        writer.write(GET)
        assert (await reader.readuntil(b'\r\n')).split()[1] == b'200'
    assert (await raw(it.ports['http'], GET)).split()[1] == b'429'
    assert [line['status'] for line in refusals] == [429]
    for _, writer in sockets:
        writer.close()
        await writer.wait_closed()

    async def is_let_in() -> bool:
        return (await raw(it.ports['http'], GET)).split()[1] == b'200'

    await until(is_let_in)
    await is_well(it)


async def asks(channel: grpc.aio.Channel, method: str = '/headrace.v1.Headrace/Call') -> str:
    """The status of a call, and its words."""
    try:
        await channel.unary_unary(method)(b'', timeout=20)
    except grpc.aio.AioRpcError as error:
        return f'{error.code().name} {error.details()}'
    return 'OK'


@pytest.mark.parametrize('limit', ['connections', 'connections_per_host'])
async def test_connections_of_grpc(limited: Open, refusals: Any, limit: str) -> None:
    """One more is told so, whatever it asks for, with one line in all; then there is room again."""
    it = await limited(**{limit: 5})
    async with AsyncExitStack() as stack:
        target = f'127.0.0.1:{it.ports["grpc"]}'
        apart = [('grpc.use_local_subchannel_pool', 1)]  # a connection of its own
        channels = [grpc.aio.insecure_channel(target, options=apart) for _ in range(6)]
        for channel in channels:
            await stack.enter_async_context(channel)
        *first, last = channels
        assert [await asks(channel) for channel in first] == ['OK'] * 5
        for method in ('/headrace.v1.Headrace/Call', '/grpc.health.v1.Health/Check'):
            assert re.match('RESOURCE_EXHAUSTED .* 5 connections', await asks(last, method))
        (line,) = refusals
        assert (line['status'], line['protocol'], line['host']) == (429, 'grpc', '127.0.0.1')
        assert await asks(first[0]) == 'OK'
        await first.pop().close()

        async def is_let_in() -> bool:
            return await asks(last) == 'OK'

        await until(is_let_in)  # on a new connection, when the one that was refused has ended
        assert await asks(last) == 'OK'
        for channel in (*first, last):
            await channel.close()
    await is_well(it)


async def test_connections_that_are_refused_do_not_take_the_room_of_others(
    limited: Open, refusals: Any
) -> None:
    """Those that one client is refused are not counted with all, and few of them stay to be told."""
    it = await limited(connections=20, connections_per_host=5)
    for door in ('grpc', 'http'):
        sockets = await open_sockets(it.ports[door], 5 + SPARE + 10)
        async with asyncio.timeout(20):
            closed = [asyncio.create_task(ended(reader)) for reader, _ in sockets]
            await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)
        other = await asyncio.open_connection('127.0.0.1', it.ports[door], local_addr=('127.0.0.2', 0))
        if door == 'http':
            other[1].write(GET)
        assert await other[0].read(1)  # gRPC begins with its settings
        assert {line['host'] for line in refusals} == {'127.0.0.1'}
        for task in closed:
            task.cancel()
        for _, writer in (*sockets, other):
            writer.close()


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait for the end of a connection."""
    with suppress(ConnectionError):
        while await reader.read(4096):
            pass


@pytest.mark.parametrize(
    'sent', [b'', b'GET / HTTP/1.1\r\n', b'POST /post HTTP/1.1\r\ncontent-length: 99\r\n\r\n{']
)
async def test_clients_that_dawdle(limited: Open, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """Hundreds of sockets that send a byte now and then are closed, while others are served."""
    monkeypatch.setattr(http_server, 'HEADERS_TIMEOUT_S', 1)
    monkeypatch.setattr(http_server, 'BODY_TIMEOUT_S', 1)
    it = await limited()
    sockets = await open_sockets(it.ports['http'], 300)
    for _, writer in sockets:
        writer.write(sent)
    await is_well_in(it, 2.0)

    async def ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not (reader.at_eof() or writer.is_closing()):
            writer.write(b'x')
            try:
                async with asyncio.timeout(0.3):
                    await reader.read(4096)
            except TimeoutError:
                pass
            except ConnectionError:
                break
        writer.close()

    async with asyncio.timeout(30):
        await asyncio.gather(*(ends(reader, writer) for reader, writer in sockets))
    await is_well(it)


async def is_well_in(it: Any, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        assert (await it.http.post('/post', json={'data': [{'text': 'a'}]})).status_code == 200


async def test_streams_of_one_client(limited: Open, refusals: Any) -> None:
    it = await limited(streams_per_client=2)
    open_stream = it.channel.stream_stream('/headrace.v1.Headrace/Stream')
    streams = [open_stream() for _ in range(2)]
    for stream in streams:
        await stream.write(pb.Request(request_id='a').SerializeToString())
        await stream.read()
    third = open_stream()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await third.write(pb.Request().SerializeToString())
        await third.read()
    assert caught.value.code().name == 'RESOURCE_EXHAUSTED'
    assert [line['status'] for line in refusals] == [429]
    for stream in streams:
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
    await is_well(it)

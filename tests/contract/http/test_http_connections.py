"""Connections: limits on what a client may send, word of its leaving, and the end of the server."""

import asyncio
import json
import tracemalloc

import pytest

from headrace.errors import StartError
from headrace.gateway import serve
from headrace.gateway.http import server as http_server
from headrace.pipeline import Graph
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec
from headrace.spec.limits import LimitsSpec


class Wire:
    """One raw connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self):
        head = await asyncio.wait_for(self.reader.readuntil(b'\r\n\r\n'), 10)
        status = int(head.split(b' ', 2)[1])
        headers = dict(line.split(b': ', 1) for line in head.split(b'\r\n')[1:] if line)
        body = await self.reader.readexactly(int(headers.get(b'content-length', 0)))
        return status, headers, body

    async def send_until_cut_off(self, data):
        for _ in range(100_000):
            await self.send(data)
            await asyncio.sleep(0)

    async def ends(self):
        return await asyncio.wait_for(self.reader.read(), 10)


@pytest.fixture
async def dial():
    wires = []

    async def dialled(port):
        wires.append(Wire(*await asyncio.open_connection('127.0.0.1', port)))
        return wires[-1]

    yield dialled
    for wire in wires:
        wire.writer.close()
        await asyncio.gather(wire.writer.wait_closed(), return_exceptions=True)


def post(path, body=b'{}', *headers):
    lines = [b'POST %b HTTP/1.1' % path, b'host: x', b'content-length: %d' % len(body), *headers]
    return b'\r\n'.join(lines) + b'\r\n\r\n' + body


async def test_a_body_that_says_it_is_too_large_is_refused_unread(open_gateway, dial):
    gateway = await open_gateway(max_body_bytes=1000)
    wire = await dial(gateway.port)
    await wire.send(
        b'POST /index HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\nexpect: 100-continue\r\n\r\n'
    )
    status, _, body = await wire.reply()
    assert status == 413
    assert '1000 bytes' in json.loads(body)['detail']


async def test_a_chunked_body_is_refused_when_it_becomes_too_large(open_gateway, dial):
    gateway = await open_gateway(max_body_bytes=300_000)
    wire = await dial(gateway.port)
    await wire.send(b'POST /index HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n')
    chunk = b'%x\r\n%b\r\n' % (1 << 16, b' ' * (1 << 16))
    tracemalloc.start()
    try:
        for _ in range(200):
            await wire.send(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    status, _, _ = await wire.reply()
    assert status == 413
    assert peak < 4_000_000  # 13 MB were sent
    await wire.send(b'0\r\n\r\n' + post(b'/echo'))  # the connection is still good
    assert (await wire.reply())[0] == 200


async def test_a_sender_that_never_stops_is_cut_off(open_gateway, dial, monkeypatch):
    monkeypatch.setattr(http_server, 'MAX_DISCARDED_BYTES', 1_000_000)
    gateway = await open_gateway(max_body_bytes=1000)
    wire = await dial(gateway.port)
    await wire.send(b'POST /index HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n')
    with pytest.raises(ConnectionError):
        await wire.send_until_cut_off(b' ' * 65536)


async def test_a_body_of_just_the_limit_is_taken(open_gateway, dial):
    body = b'{"data": []' + b' ' * 1000 + b'}'  # the answer, which has the same limit, is shorter
    gateway = await open_gateway(max_body_bytes=len(body))
    wire = await dial(gateway.port)
    await wire.send(post(b'/echo', body))
    assert (await wire.reply())[0] == 200


async def test_headers_have_a_limit(gateway, dial):
    wire = await dial(gateway.port)
    await wire.send(b'GET / HTTP/1.1\r\n')
    with pytest.raises(ConnectionError):
        await wire.send_until_cut_off(b'x-y: %b\r\n' % (b'z' * 1000))


async def test_headers_that_are_just_too_large_are_a_431(gateway, dial):
    wire = await dial(gateway.port)
    await wire.send(b'GET / HTTP/1.1\r\nx-y: ' + b'z' * LimitsSpec().header_bytes)
    assert (await wire.reply())[0] == 431


async def test_what_is_not_http_is_refused(gateway, dial):
    wire = await dial(gateway.port)
    await wire.send(b'\x16\x03\x01 hello\r\n\r\n')
    assert (await wire.ends()).startswith(b'HTTP/1.1 400 ')


@pytest.mark.parametrize('sent', [b'', b'GET / HT', b'GET / HTTP/1.1\r\nhost: x\r\nx-y: '])
async def test_a_client_that_dawdles_over_its_headers_is_cut_off(gateway, dial, monkeypatch, sent):
    monkeypatch.setattr(http_server, 'HEADERS_TIMEOUT_S', 0)
    wire = await dial(gateway.port)
    await wire.send(sent)
    assert await wire.ends() == b''


async def test_a_body_that_does_not_come_is_a_408(open_gateway, dial):
    gateway = await open_gateway(timeout_s=0.05)
    wire = await dial(gateway.port)
    await wire.send(b'POST /index HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{')
    status, headers, _ = await wire.reply()
    assert status == 408
    assert headers[b'connection'] == b'close'


@pytest.mark.parametrize('size', [2, 500_000])
async def test_a_client_that_leaves_cancels_its_request(gateway, dial, size):
    wire = await dial(gateway.port)
    await wire.send(post(b'/wait', b'{}'.ljust(size)))
    await asyncio.wait_for(gateway.shop.started.wait(), 5)
    wire.writer.transport.abort()
    await asyncio.wait_for(gateway.shop.cancelled.wait(), 5)
    assert gateway.shop.seen[0].cancelled


async def test_a_client_that_leaves_in_its_body_harms_nobody(gateway, dial):
    wire = await dial(gateway.port)
    await wire.send(b'POST /index HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{')
    wire.writer.transport.abort()
    assert (await gateway.client.get('/health')).status_code == 200
    assert gateway.shop.seen == []


async def test_pipelined_requests_are_answered_in_order(gateway, dial):
    wire = await dial(gateway.port)
    names = [b'first', b'second', b'third']
    await wire.send(b''.join(post(b'/echo', b'{}', b'x-request-id: ' + name) for name in names))
    assert [(await wire.reply())[1][b'x-request-id'] for _ in names] == names


async def test_a_client_that_leaves_cancels_a_request_that_others_wait_behind(gateway, dial):
    wire = await dial(gateway.port)
    await wire.send(post(b'/wait') + post(b'/echo'))
    await asyncio.wait_for(gateway.shop.started.wait(), 5)
    wire.writer.transport.abort()
    # Reading is paused while a request waits behind another: the loss shows when the first is answered.
    gateway.shop.release.set()
    assert (await gateway.client.get('/health')).status_code == 200


async def test_a_stop_lets_what_was_accepted_finish(gateway, dial):
    wire, idle = await dial(gateway.port), await dial(gateway.port)
    await wire.send(post(b'/wait'))
    await asyncio.wait_for(gateway.shop.started.wait(), 5)
    stopping = asyncio.create_task(gateway.server.stop(5))
    assert await idle.ends() == b''
    with pytest.raises(OSError):
        await dial(gateway.port)
    gateway.shop.release.set()
    status, headers, _ = await wire.reply()
    assert status == 200
    assert headers[b'connection'] == b'close'
    await asyncio.wait_for(stopping, 5)


async def test_a_stop_that_can_wait_no_longer_says_so(gateway, dial):
    wire = await dial(gateway.port)
    await wire.send(post(b'/wait'))
    await asyncio.wait_for(gateway.shop.started.wait(), 5)
    await gateway.server.stop(0.05)
    status, _, body = await wire.reply()
    assert status == 503
    assert json.loads(body)['detail'] == 'the server is stopping'
    assert gateway.shop.seen[0].cancelled


async def test_a_port_that_is_taken_is_a_start_error(gateway):
    spec = GatewaySpec(protocols=('http',), ports=(gateway.port,))
    with pytest.raises(StartError, match=f'cannot listen on port {gateway.port} of 127.0.0.1'):
        await serve(Graph([]), FlowInfo('f', (), ()), spec)


async def test_an_upgrade_that_nobody_knows_is_an_ordinary_request(gateway, dial):
    wire = await dial(gateway.port)
    await wire.send(b'GET /health HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    assert (await wire.reply())[0] == 200

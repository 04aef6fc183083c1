"""Clients that are slow, or only sit there: memory stays bounded, and others are served."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import httpx
import psutil
import pytest
from waiting import until

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.client import AsyncClient
from headrace.gateway import serve, unread
from headrace.gateway.grpc import unread as grpc_unread
from headrace.gateway.http import server as http_server
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.spec import GatewaySpec

ON_UVLOOP = True
"""As gateways are."""

LARGE = 2_000_000


async def enlarge(batch: Batch, context: Context) -> Batch:
    """Small requests, large answers."""
    if context.endpoint == '/large':
        batch.docs.append(Document('x' * LARGE))
    return batch


class Gateway:
    """A gateway in this process, and raw connections to it."""

    def __init__(self, stack: AsyncExitStack, server: Any) -> None:
        self.server = server
        self.room = server.admission
        self._stack = stack

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.server.ports["http"]}'

    async def dial(self, host: str = '127.0.0.1') -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(
            '127.0.0.1', self.server.ports['http'], local_addr=(host, 0), limit=1 << 16
        )
        self._stack.callback(writer.close)
        return reader, writer

    async def until(self, condition: Any) -> None:
        await until(condition, 10, lambda: self.room)


@pytest.fixture
async def open_gateway() -> AsyncIterator[Any]:
    """Open a gateway with both doors before `enlarge`."""
    async with AsyncExitStack() as stack:

        async def opened(**spec: Any) -> Gateway:
            server = await serve(
                enlarge, FlowInfo('x', (), ()), GatewaySpec(protocols=('grpc', 'http'), **spec)
            )
            stack.push_async_callback(server.stop, 0)
            return Gateway(stack, server)

        yield opened


def asking(endpoint: str) -> bytes:
    body = json.dumps({'execEndpoint': endpoint}).encode()
    return b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b' % (len(body), body)


async def test_answers_that_nobody_reads_fill_the_room_and_no_more(open_gateway: Any) -> None:
    """Forty connections that ask for 2 MB, again and again, and never read."""
    it = await open_gateway(max_bytes=20 * LARGE, max_body_bytes=2 * LARGE)
    before = psutil.Process().memory_info().rss
    for _ in range(40):
        _, writer = await it.dial()
        writer.write(asking('/large') * 50)
    await it.until(lambda: it.room.size > 15 * LARGE)
    async with httpx.AsyncClient(base_url=it.url, trust_env=False) as same:
        assert (await same.post('/post', json={})).status_code == 429  # this host has had its share
    transport = httpx.AsyncHTTPTransport(local_address='127.0.0.2')
    async with httpx.AsyncClient(base_url=it.url, transport=transport) as other:
        assert (await other.post('/post', json={})).status_code == 200
    assert psutil.Process().memory_info().rss - before < 60 * LARGE  # 4 GB were asked for
    assert it.room.size <= 41 * (LARGE + 1000)


async def test_who_never_reads_is_cut_off(open_gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, 'UNREAD_TIMEOUT_S', 1)
    it = await open_gateway()
    _, writer = await it.dial()
    writer.write(asking('/large') * 5)
    await it.until(lambda: it.room.size > LARGE)
    await it.until(lambda: it.room.requests == 0)


async def test_who_reads_slowly_gets_everything(open_gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, 'UNREAD_TIMEOUT_S', 1)
    it = await open_gateway()
    reader, writer = await it.dial()
    writer.write(asking('/large'))
    head = await reader.readuntil(b'\r\n\r\n')
    left = int(head.lower().partition(b'content-length: ')[2].split(b'\r')[0])
    assert left > LARGE
    for _ in range(6):  # longer than the patience with those who read nothing
        left -= len(await reader.read(1 << 16))
        await asyncio.sleep(0.4)
    await reader.readexactly(left)
    await it.until(lambda: it.room.requests == 0)


async def test_a_stream_that_never_reads_is_not_read_from(
    open_gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc_unread, 'UNREAD_TIMEOUT_S', 2)
    it = await open_gateway(max_bytes=20 * LARGE, max_body_bytes=2 * LARGE, prefetch=1000)
    before = psutil.Process().memory_info().rss
    async with grpc.aio.insecure_channel(f'127.0.0.1:{it.server.ports["grpc"]}') as channel:
        silent = channel.stream_stream('/headrace.v1.Headrace/Stream')()
        request = pb.Request(endpoint='/large').SerializeToString()

        async def ask() -> None:
            for _ in range(3000):
                await silent.write(request)

        asks = asyncio.create_task(ask())
        await it.until(lambda: it.room.size > 15 * LARGE)
        call = channel.unary_unary('/headrace.v1.Headrace/Call')
        with pytest.raises(grpc.aio.AioRpcError, match='its share|has room for'):
            await call(request)
        assert psutil.Process().memory_info().rss - before < 60 * LARGE  # 6 GB were asked for
        await it.until(lambda: it.room.requests == 0)  # it is ended, and its room is there for others
        assert await call(request)
        asks.cancel()
        await asyncio.gather(asks, return_exceptions=True)
        silent.cancel()


@pytest.mark.alone
async def test_a_body_that_trickles_in_is_given_up(
    open_gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, 'BODY_TIMEOUT_S', 2)
    it = await open_gateway()
    reader, writer = await it.dial()
    writer.write(b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n')

    async def trickle() -> None:
        while True:
            writer.write(b' ')
            await asyncio.sleep(0.2)

    trickling = asyncio.create_task(trickle())
    begun = time.monotonic()
    head = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), 10)
    trickling.cancel()
    assert head.startswith(b'HTTP/1.1 408')
    assert b'connection: close' in head
    assert 1 < time.monotonic() - begun < 6
    await it.until(lambda: it.room.requests == 0)


async def test_a_slow_but_steady_body_is_taken(open_gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, 'BODY_TIMEOUT_S', 1)
    it = await open_gateway()
    reader, writer = await it.dial()
    size = 8 * 20_000
    writer.write(b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n{' % size)
    for _ in range(8):  # more than the bytes that are asked for in a second, for longer than the patience
        writer.write(b' ' * (20_000 - 1))
        await asyncio.sleep(0.4)
    writer.write(b'}' + b' ' * 6)
    assert (await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), 10)).startswith(b'HTTP/1.1 200')


async def test_a_grpc_message_that_never_comes_is_given_up(open_gateway: Any) -> None:
    it = await open_gateway(timeout_s=0.3)
    async with grpc.aio.insecure_channel(f'127.0.0.1:{it.server.ports["grpc"]}') as channel:
        silent = channel.stream_unary('/headrace.v1.Headrace/Call')()
        with pytest.raises(grpc.aio.AioRpcError, match='not complete in time'):
            await silent
    await it.until(lambda: it.room.requests == 0)


class Shout(Executor):
    @requests
    async def shout(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.text = doc.text.upper()


async def test_two_thousand_idle_connections_cost_little() -> None:
    flow = Flow(asyncio=True).config_gateway(protocols=['http', 'grpc']).add(uses=Shout)
    async with flow, AsyncExitStack() as stack:
        port = flow.ports['http']
        processes = psutil.Process().children(recursive=True)
        before = sum(process.memory_info().rss for process in processes)
        idle = []
        for number in range(2000):
            local = (f'127.0.0.{number % 4 + 2}', 0)
            _, writer = await asyncio.open_connection('127.0.0.1', port, local_addr=local)
            if number % 2:
                writer.write(b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-le')  # and nothing more
            idle.append(writer)
            stack.callback(writer.transport.abort)
        for url in (f'http://127.0.0.1:{port}', f'grpc://127.0.0.1:{flow.ports["grpc"]}'):
            async with AsyncClient(url) as client:
                assert (await client.post('/', Document('hello'), timeout_s=5)).texts == ['HELLO']
        grown = sum(process.memory_info().rss for process in processes) - before
        print(f'{grown / len(idle):.0f} bytes for each connection')
        assert grown < 2000 * 50_000

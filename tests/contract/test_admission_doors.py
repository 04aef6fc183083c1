"""A gateway that is full says so at once, on every protocol, and has its room back however requests end."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import grpc
import httpx
import pytest
from waiting import until

from headrace.errors import ExecutorFailure
from headrace.gateway import serve
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.spec import GatewaySpec

ON_UVLOOP = True
"""As gateways are."""

INFO = FlowInfo('shop', (), ())
Open = Callable[..., Awaitable[SimpleNamespace]]


class Behind:
    """A handler that holds '/hold' until `release`, and fails or answers others."""

    def __init__(self) -> None:
        self.held = 0
        self.holds = asyncio.Event()
        self.release = asyncio.Event()

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        if context.endpoint == '/hold':
            self.held += 1
            self.holds.set()
            try:
                await self.release.wait()
            finally:
                self.held -= 1
        elif context.endpoint == '/fail':
            await asyncio.sleep(0)
            raise ExecutorFailure('it failed', executor='one', endpoint='/fail')
        elif context.endpoint == '/crash':
            raise KeyError('crash')
        return batch


@pytest.fixture
async def gateway() -> AsyncIterator[Open]:
    """Open a gateway with both doors: `http` and `grpc` are clients, `room` is its admission."""
    async with AsyncExitStack() as stack:

        async def opened(**spec: Any) -> SimpleNamespace:
            behind = Behind()
            server = await serve(behind, INFO, GatewaySpec(protocols=('grpc', 'http'), **spec))
            stack.push_async_callback(server.stop, 0)
            url = f'http://127.0.0.1:{server.ports["http"]}'
            http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)
            await stack.enter_async_context(http)
            channel = grpc.aio.insecure_channel(f'127.0.0.1:{server.ports["grpc"]}')
            stack.push_async_callback(channel.close)
            return SimpleNamespace(
                behind=behind, room=server.admission, ports=server.ports, http=http, channel=channel
            )

        yield opened


def asking(endpoint: str, **more: Any) -> bytes:
    return bytes(pb.Request(endpoint=endpoint, **more).SerializeToString())


def call(it: SimpleNamespace, endpoint: str, **options: Any) -> Any:
    return it.channel.unary_unary('/headrace.v1.Headrace/Call')(asking(endpoint), **options)


async def hold(it: SimpleNamespace) -> asyncio.Task[Any]:
    """A request that is under way until `release`."""
    task = asyncio.create_task(it.http.post('/post', json={'execEndpoint': '/hold'}))
    await asyncio.wait_for(it.behind.holds.wait(), 10)
    return task


async def empty(room: Any) -> None:
    """Wait until nothing is held any more; what never leaves fails the test."""
    await until(lambda: not room.requests)
    assert (room.requests, room.size, room.waiting, room.clients) == (0, 0, 0, {})


async def test_http_refuses_before_the_body_is_sent(gateway: Open) -> None:
    it = await gateway(max_requests=1)
    held = await hold(it)
    reader, writer = await asyncio.open_connection('127.0.0.1', it.ports['http'])
    writer.write(b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n')  # and nothing more
    head = (await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), 5)).lower()
    body = json.loads(await reader.readexactly(int(head.partition(b'content-length: ')[2].split(b'\r')[0])))
    writer.close()
    assert head.startswith(b'http/1.1 429 too many requests')
    assert b'content-type: application/problem+json' in head
    assert b'retry-after: 1\r' in head
    assert body['error'] == 'Overloaded'
    assert body['retry_after_s'] == 1.0
    it.behind.release.set()
    assert (await held).status_code == 200
    await empty(it.room)
    assert (await it.http.post('/post', json={})).status_code == 200


async def test_a_connection_that_was_refused_can_be_used_again(gateway: Open) -> None:
    it = await gateway(max_requests=1)
    held = await hold(it)
    refused = [await it.http.post('/post', content=b'{}' + b' ' * 1_000_000) for _ in range(3)]
    assert [answer.status_code for answer in refused] == [429] * 3
    it.behind.release.set()
    await held
    assert (await it.http.post('/post', json={})).status_code == 200


async def test_grpc_refuses_before_the_message_is_sent(gateway: Open) -> None:
    it = await gateway(max_requests=1)
    held = await hold(it)
    silent = it.channel.stream_unary('/headrace.v1.Headrace/Call')()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await asyncio.wait_for(silent, 5)
    trailing = dict(refused.value.trailing_metadata())
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert trailing['grpc-retry-pushback-ms'] == '1000'
    assert pb.Error.FromString(trailing['headrace-error-bin']).retry_after_s == 1.0
    it.behind.release.set()
    await held
    await empty(it.room)
    await call(it, '/')
    await empty(it.room)


async def test_a_stream_goes_on_after_a_refusal(gateway: Open) -> None:
    it = await gateway(max_requests=1)
    stream = it.channel.stream_stream('/headrace.v1.Headrace/Stream')(metadata=(('headrace-order', 'any'),))
    await stream.write(asking('/hold', request_id='held'))
    await asyncio.wait_for(it.behind.holds.wait(), 10)
    await stream.write(asking('/', request_id='refused'))
    reply = pb.Reply.FromString(await stream.read())
    assert (reply.request_id, reply.error.kind) == ('refused', 'Overloaded')
    assert reply.error.status == 'RESOURCE_EXHAUSTED'
    assert reply.error.retry_after_s == 1.0
    it.behind.release.set()
    assert pb.Reply.FromString(await stream.read()).request_id == 'held'
    await stream.write(asking('/', request_id='again'))
    assert not pb.Reply.FromString(await stream.read()).HasField('error')
    await stream.done_writing()
    assert await stream.read() == grpc.aio.EOF
    await empty(it.room)


async def test_doors_share_their_room(gateway: Open) -> None:
    it = await gateway(max_requests=1)
    held = await hold(it)
    with pytest.raises(grpc.aio.AioRpcError, match='holds 1 requests'):
        await call(it, '/')
    it.behind.release.set()
    await held


async def test_bytes_are_bounded_too(gateway: Open) -> None:
    it = await gateway(max_bytes=100_000)
    large = json.dumps({'execEndpoint': '/hold', 'parameters': {'x': 'y' * 60_000}}).encode()
    held = asyncio.create_task(it.http.post('/post', content=large))
    await asyncio.wait_for(it.behind.holds.wait(), 10)
    assert (await it.http.post('/post', content=large)).status_code == 429

    async def in_chunks() -> AsyncIterator[bytes]:
        yield large

    assert (await it.http.post('/post', content=in_chunks())).status_code == 429
    with pytest.raises(grpc.aio.AioRpcError, match='RESOURCE_EXHAUSTED'):
        await call(it, '/' + 'x' * 60_000)
    assert (await it.http.post('/post', content=b' ' * 100_001)).status_code == 413
    it.behind.release.set()
    assert (await held).status_code == 200
    await empty(it.room)


async def test_one_client_cannot_lock_out_another(gateway: Open) -> None:
    it = await gateway(max_requests=16)
    flood = [asyncio.create_task(it.http.post('/post', json={'execEndpoint': '/hold'})) for _ in range(40)]
    transport = httpx.AsyncHTTPTransport(local_address='127.0.0.2')  # another host, as far as one can see
    refused, _ = await asyncio.wait(flood, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    async with httpx.AsyncClient(transport=transport, base_url=it.http.base_url) as modest:
        assert (await modest.post('/post', json={})).status_code == 200
    assert next(iter(refused)).result().status_code == 429
    it.behind.release.set()
    statuses = [(await answer).status_code for answer in flood]
    assert sorted(set(statuses)) == [200, 429]
    assert statuses.count(200) == 14  # seven eighths
    await empty(it.room)


class Visitors:
    """Requests of every kind, over both doors."""

    def __init__(self, it: SimpleNamespace, chance: random.Random) -> None:
        self.it = it
        self.chance = chance
        self.ways = [
            *(self.over_http, self.broken, self.nonsense),
            *(self.over_grpc, self.bad_message, self.no_message, self.on_a_stream),
        ]

    def endpoint(self) -> str:
        return self.chance.choice(['/hold', '/fail', '/crash', '/'])

    async def over_http(self) -> None:
        parameters = {'x': 'y' * self.chance.randrange(20_000)}
        body = json.dumps({'execEndpoint': self.endpoint(), 'parameters': parameters})
        await self.it.http.post('/post', content=body, headers={'x-headrace-timeout-s': '0.3'})

    async def broken(self) -> None:
        _, writer = await asyncio.open_connection('127.0.0.1', self.it.ports['http'])
        sent = b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\n{"data": [' + b' ' * 100
        try:
            writer.write(sent[: self.chance.randrange(len(sent))])
            await asyncio.sleep(self.chance.random() / 10)
        finally:
            writer.close()

    async def nonsense(self) -> None:
        content = self.chance.choice([b'{', b'[]', b'x' * 100_001, b'{"data": 7}'])
        await self.it.http.post('/post', content=content)

    async def over_grpc(self) -> None:
        await call(self.it, self.endpoint(), timeout=self.chance.choice([0.01, 0.3]))

    async def bad_message(self) -> None:
        message = self.chance.choice([b'\xff\xff', b'x' * 100_001])
        await self.it.channel.unary_unary('/headrace.v1.Headrace/Call')(message)

    async def no_message(self) -> None:
        silent = self.it.channel.stream_unary('/headrace.v1.Headrace/Call')(timeout=0.2)
        if self.chance.random() < 0.5:
            await silent.done_writing()
        await silent

    async def on_a_stream(self) -> None:
        order = (('headrace-order', 'any'),) if self.chance.random() < 0.5 else None
        stream = self.it.channel.stream_stream('/headrace.v1.Headrace/Stream')(metadata=order, timeout=0.5)
        for number in range(self.chance.randrange(10)):
            await stream.write(asking(self.endpoint(), request_id=str(number), timeout_s=0.2))
            if self.chance.random() < 0.3:
                await stream.write(asking('', request_id=str(number), cancel=True))
        if self.chance.random() < 0.5:
            await stream.done_writing()
            while await stream.read() is not grpc.aio.EOF:
                pass
        else:
            stream.cancel()


@pytest.mark.parametrize('seed', range(4))
async def test_the_room_comes_back_however_requests_end(gateway: Open, seed: int) -> None:
    """Requests of every kind, left alone or given up at a random moment."""
    chance = random.Random(seed)
    it = await gateway(max_requests=32, max_bytes=400_000, max_body_bytes=100_000)
    visitors = Visitors(it, chance)
    held = {'execEndpoint': '/hold'}
    tasks = [asyncio.create_task(it.http.post('/post', json=held)) for _ in range(11)]
    await until(lambda: it.room.requests == 11)
    tasks += [asyncio.create_task(chance.choice(visitors.ways)()) for _ in range(150)]
    most = 0
    while any(not task.done() for task in tasks):
        await asyncio.sleep(0.005)
        most = max(most, it.room.requests)
        assert it.room.requests <= 32
        assert it.room.size <= 400_000 + 32 * 500  # answers, as small as they are here, are not refused
        if chance.random() < 0.5:
            chance.choice(tasks).cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await empty(it.room)
    assert it.behind.held == 0
    assert most > 10

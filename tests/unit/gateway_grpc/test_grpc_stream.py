"""Stream: many requests, a reply for each."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from headrace.errors import CodecError, ExecutorFailure
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc.caller import Caller
from headrace.gateway.grpc.exchange import Exchange
from headrace.gateway.grpc.peers import Peers
from headrace.gateway.grpc.reception import Reception, Visit
from headrace.gateway.grpc.stream import Stream
from headrace.gateway.identity import Identity
from headrace.gateway.window import Window
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.spec import GatewaySpec

ANY_ORDER = (('headrace-order', 'any'),)
FAREWELL = ('headrace-farewell', 'reply')


class Controlled:
    """A handler whose requests end when the test says so, by request id."""

    def __init__(self) -> None:
        self.open: dict[str, asyncio.Event] = {}
        self.contexts: dict[str, Context] = {}
        self.changed = asyncio.Event()

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        event = self.open[context.request_id] = asyncio.Event()
        self.contexts[context.request_id] = context
        self.changed.set()
        try:
            await event.wait()
        finally:
            del self.open[context.request_id]
            self.changed.set()
        return batch

    async def reach(self, *names: str) -> None:
        async with asyncio.timeout(20):
            while set(self.open) != set(names):
                self.changed.clear()
                await self.changed.wait()


async def send(call: Any, stubs: Any, *names: str, **fields: Any) -> None:
    for name in names:
        await call.write(stubs.pb.Request(request_id=name, **fields))


async def received(call: Any) -> list[Any]:
    replies = []
    while (reply := await call.read()) is not grpc.aio.EOF:
        replies.append(reply)
    return replies


async def shout(batch: Batch, context: Context) -> Batch:
    if context.endpoint == '/fail':
        raise ExecutorFailure('broken', executor='shout', help='do not')
    batch.docs.text = [text.upper() for text in batch.docs.text]
    return batch


async def test_each_request_has_its_reply(serve: Any, dial: Any, stubs: Any) -> None:
    call = stubs.stub(dial(await serve(shout))).Stream()
    for name in 'abc':
        request = stubs.pb.Request(request_id=name)
        request.rows.documents.add(text=name)
        await call.write(request)
    await call.done_writing()
    replies = await received(call)
    assert [(reply.request_id, reply.rows.documents[0].text) for reply in replies] == [
        ('a', 'A'),
        ('b', 'B'),
        ('c', 'C'),
    ]


@pytest.mark.parametrize(
    ('metadata', 'expected'), [((), ['a', 'b', 'c']), (ANY_ORDER, ['c', 'b', 'a'])], ids=['in order', 'any']
)
async def test_order(serve: Any, dial: Any, stubs: Any, metadata: Any, expected: list[str]) -> None:
    handler = Controlled()
    call = stubs.stub(dial(await serve(handler))).Stream(metadata=metadata)
    await send(call, stubs, 'a', 'b', 'c')
    await call.done_writing()
    await handler.reach('a', 'b', 'c')
    left = ['a', 'b', 'c']
    for name in ('c', 'b', 'a'):
        handler.open[name].set()
        left.remove(name)
        await handler.reach(*left)
    assert [reply.request_id for reply in await received(call)] == expected


async def test_a_failed_request_does_not_end_the_stream(serve: Any, dial: Any, stubs: Any) -> None:
    call = stubs.stub(dial(await serve(shout))).Stream()
    await send(call, stubs, 'a')
    await send(call, stubs, 'b', endpoint='/fail')
    await send(call, stubs, 'c', json=b'nonsense')
    await send(call, stubs, 'd')
    await call.done_writing()
    replies = await received(call)
    assert [(reply.request_id, reply.error.status) for reply in replies] == [
        ('a', ''),
        ('b', 'INTERNAL'),
        ('c', 'INVALID_ARGUMENT'),
        ('d', ''),
    ]
    error = replies[1].error
    assert (error.kind, error.message, error.help) == ('ExecutorFailure', 'broken', 'do not')
    assert (error.executor, error.endpoint, error.request_id) == ('shout', '/fail', 'b')
    assert await call.code() is grpc.StatusCode.OK


async def test_a_withdrawn_request_is_cancelled_and_has_no_reply(serve: Any, dial: Any, stubs: Any) -> None:
    handler = Controlled()
    call = stubs.stub(dial(await serve(handler))).Stream()
    await send(call, stubs, 'a', 'b')
    await handler.reach('a', 'b')
    await send(call, stubs, 'a', cancel=True)
    await send(call, stubs, 'unknown', cancel=True)
    await handler.reach('b')
    assert handler.contexts['a'].cancelled
    handler.open['b'].set()
    await call.done_writing()
    assert [reply.request_id for reply in await received(call)] == ['b']


async def test_a_request_has_a_time_of_its_own(serve: Any, dial: Any, stubs: Any) -> None:
    handler = Controlled()
    call = stubs.stub(dial(await serve(handler))).Stream()
    await send(call, stubs, 'a', timeout_s=1)
    assert (await call.read()).error.status == 'DEADLINE_EXCEEDED'
    assert handler.contexts['a'].cancelled
    await call.done_writing()


async def test_a_client_that_leaves_cancels_everything(serve: Any, dial: Any, stubs: Any) -> None:
    handler = Controlled()
    call = stubs.stub(dial(await serve(handler))).Stream()
    await send(call, stubs, 'a', 'b')
    await handler.reach('a', 'b')
    call.cancel()
    await handler.reach()
    assert all(context.cancelled for context in handler.contexts.values())


async def test_only_so_many_requests_are_worked_on(serve: Any, dial: Any, stubs: Any) -> None:
    handler = Controlled()
    call = stubs.stub(dial(await serve(handler, prefetch=2))).Stream()
    await send(call, stubs, 'a', 'b', 'c')
    await handler.reach('a', 'b')
    handler.open['b'].set()  # its reply waits for that of `a`, and so its place stays taken
    await handler.reach('a')
    handler.open['a'].set()
    await handler.reach('c')
    handler.open['c'].set()
    await call.done_writing()
    assert [reply.request_id for reply in await received(call)] == ['a', 'b', 'c']


async def test_bytes_that_are_no_request_end_the_stream(serve: Any, dial: Any) -> None:
    call = dial(await serve(shout)).stream_stream('/headrace.v1.Headrace/Stream')()
    await call.write(b'\x7a\xff\xff')
    assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert 'headrace.v1.Request' in await call.details()


async def test_a_stopping_server_finishes_what_it_took(serve: Any, dial: Any, stubs: Any) -> None:
    handler = Controlled()
    server = await serve(handler)
    call = stubs.stub(dial(server)).Stream()
    await send(call, stubs, 'a')
    await handler.reach('a')
    stopping = asyncio.ensure_future(server.stop(20))
    await asyncio.sleep(0)
    handler.open['a'].set()
    assert [reply.request_id for reply in await received(call)] == ['a']
    await stopping


async def test_who_asks_for_a_farewell_says_himself_what_is_the_last(
    serve: Any, dial: Any, stubs: Any
) -> None:
    server = await serve(shout)
    call = stubs.stub(dial(server)).Stream(metadata=(*ANY_ORDER, FAREWELL))
    await send(call, stubs, 'a')
    assert (await call.read()).request_id == 'a'
    stopping = asyncio.ensure_future(server.stop(20))
    assert (await call.read()) == stubs.pb.Reply()
    await send(call, stubs, 'b', 'c')  # as they were on their way
    await call.done_writing()
    assert {reply.request_id for reply in await received(call)} == {'b', 'c'}
    assert await call.code() is grpc.StatusCode.OK
    await stopping


async def test_who_asks_for_a_farewell_and_does_not_heed_it_holds_up_a_stop_for_a_moment_only(
    serve: Any, dial: Any, stubs: Any
) -> None:
    server = await serve(shout)
    call = stubs.stub(dial(server)).Stream(metadata=(FAREWELL,))
    await send(call, stubs, 'a')
    await call.read()
    async with asyncio.timeout(10):
        await server.stop(60)
    assert await received(call) == [stubs.pb.Reply()]


async def test_an_idle_stream_does_not_hold_up_a_stop(serve: Any, dial: Any, stubs: Any) -> None:
    server = await serve(shout)
    call = stubs.stub(dial(server)).Stream()
    await send(call, stubs, 'a')
    await call.read()
    async with asyncio.timeout(5):
        await server.stop(60)


async def test_a_handler_that_is_cancelled_by_itself_is_an_error(serve: Any, dial: Any, stubs: Any) -> None:
    async def give_up(batch: Batch, context: Context) -> Batch:
        raise asyncio.CancelledError

    call = stubs.stub(dial(await serve(give_up))).Stream()
    await send(call, stubs, 'a')
    reply = await call.read()
    assert reply.error.status == 'CANCELLED'
    await call.done_writing()


async def test_a_window_has_room_for_bytes() -> None:
    window = Window(10, 100)
    await window.enter(500)  # larger than all there is, but alone
    entering = asyncio.ensure_future(window.enter(1))
    await asyncio.sleep(0)
    assert not entering.done()
    window.leave(500)
    await entering
    await window.enter(99)
    entering = asyncio.ensure_future(window.enter(1))
    await asyncio.sleep(0)
    assert not entering.done()
    window.leave(1)
    await entering


async def test_a_window_without_limit_has_room_for_all() -> None:
    window = Window(0, 1 << 30)
    for _ in range(5_000):
        await window.enter(1)


async def test_bytes_that_are_no_request_wait_for_the_reply_that_is_being_written() -> None:
    entrance = Entrance.into(shout, FlowInfo('shop', (), ()), GatewaySpec())
    stream = Stream(Exchange(entrance), Reception(entrance, Peers()), Window(10, 1000), in_order=True)
    writing, release = asyncio.Event(), asyncio.Event()
    messages = iter([pb.Request().SerializeToString(), b'\x7a\xff\xff'])
    written: list[str] = []

    async def read() -> bytes:
        if written:
            await writing.wait()
        written.append('begun')
        return next(messages)

    async def write(reply: bytes) -> None:
        writing.set()
        await release.wait()
        written.append('ended')

    visit = Visit(Caller('10.0.0.1', {}, None), 'one', identity=Identity('10.0.0.1'))
    running = asyncio.create_task(stream.run(read, write, visit))
    await writing.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not running.done(), 'gRPC takes no status in the middle of a message'
    release.set()
    with pytest.raises(CodecError):
        await running
    assert written[-1] == 'ended'

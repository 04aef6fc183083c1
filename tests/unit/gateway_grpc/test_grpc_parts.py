"""An answer in parts: Generate, and requests with `parts` in Stream."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from typing import Any

import grpc
import pytest

from headrace.documents import DocList, Document
from headrace.errors import ExecutorFailure
from headrace.gateway.grpc import unread
from headrace.pipeline import Batch, Context

ANY_ORDER = (('headrace-order', 'any'),)
AHEAD = 2000
"""More parts than all buffers between an executor and its client hold."""


class Words:
    """Answers with the words of a text, one part each; a part waits until the test lets it be made."""

    def __init__(self, *, is_free: bool = True) -> None:
        self.free = asyncio.Semaphore(10**6 if is_free else 0)
        self.begun = asyncio.Semaphore(0)
        self.made = 0
        self.closed = asyncio.Event()
        self.contexts: list[Context] = []

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        return Batch(DocList([Document(word) for word in batch.docs[0].text.split()]))

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        self.contexts.append(context)
        self.begun.release()
        text = batch.docs[0].text
        words = itertools.repeat('x' * 10_000) if text == 'endless' else text.split()
        try:
            for word in words:
                await self.free.acquire()
                if word == 'fail':
                    raise ExecutorFailure('out of words', executor='words')
                self.made += 1
                yield Batch(DocList([Document(word)]), batch.parameters)
        finally:
            self.closed.set()


def asked(stubs: Any, text: str, **fields: Any) -> Any:
    request = stubs.pb.Request(**fields)
    request.rows.documents.add(text=text)
    return request


async def told(call: Any) -> list[Any]:
    """Of each reply its request, its text (or status), and whether more is to come."""
    replies = []
    while (reply := await call.read()) is not grpc.aio.EOF:
        text = reply.error.status or ' '.join(document.text for document in reply.rows.documents)
        replies.append((reply.request_id, text, reply.more))
    return replies


async def closed(words: Words) -> None:
    async with asyncio.timeout(20):
        await words.closed.wait()


async def test_generate_gives_each_part_as_soon_as_it_is_there(serve: Any, dial: Any, stubs: Any) -> None:
    words = Words(is_free=False)
    call = stubs.stub(dial(await serve(words))).Generate(asked(stubs, 'a b c', request_id='one'))
    for word in 'abc':
        words.free.release()
        reply = await call.read()
        assert (reply.request_id, reply.rows.documents[0].text, reply.more) == ('one', word, False)
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize('form', ['json', 'columns', 'rows'])
async def test_parts_have_the_form_of_the_request(serve: Any, dial: Any, stubs: Any, form: str) -> None:
    from headrace.documents.codec import columns

    request = stubs.pb.Request()
    if form == 'json':
        request.json = b'[{"text": "a b"}]'
    elif form == 'columns':
        request.columns = b''.join(columns.encode(DocList([Document('a b')])))
    else:
        request.rows.documents.add(text='a b')
    call = stubs.stub(dial(await serve(Words()))).Generate(request)
    assert [reply.WhichOneof('documents') async for reply in call] == [form, form]


async def test_who_generates_nothing_answers_in_one_part(serve: Any, dial: Any, stubs: Any) -> None:
    async def echo(batch: Batch, context: Context) -> Batch:
        return batch

    call = stubs.stub(dial(await serve(echo))).Generate(asked(stubs, 'a b'))
    assert [text for _, text, _ in await told(call)] == ['a b']


async def test_an_error_comes_after_the_parts_before_it(serve: Any, dial: Any, stubs: Any) -> None:
    call = stubs.stub(dial(await serve(Words()))).Generate(asked(stubs, 'a b fail c', request_id='one'))
    assert (await call.read()).rows.documents[0].text == 'a'
    assert (await call.read()).rows.documents[0].text == 'b'
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    error = stubs.pb.Error.FromString(dict(caught.value.trailing_metadata())['headrace-error-bin'])
    assert (error.message, error.executor, error.request_id) == ('out of words', 'words', 'one')


@pytest.mark.parametrize('ending', ['cancel', 'deadline', 'timeout_s'])
async def test_whoever_leaves_ends_the_generator(serve: Any, dial: Any, stubs: Any, ending: str) -> None:
    words = Words(is_free=False)
    words.free.release()
    timeout_s = 1 if ending == 'timeout_s' else 0
    call = stubs.stub(dial(await serve(words))).Generate(
        asked(stubs, 'a b', timeout_s=timeout_s), timeout=1 if ending == 'deadline' else None
    )
    await call.read()
    if ending == 'cancel':
        call.cancel()
    else:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await closed(words)
    assert words.contexts[0].cancelled


async def test_a_client_that_disconnects_ends_the_generator(serve: Any, dial: Any, stubs: Any) -> None:
    words = Words()
    channel = dial(await serve(words))
    call = stubs.stub(channel).Generate(asked(stubs, 'endless'))
    await call.read()
    await channel.close()
    await closed(words)


@pytest.mark.parametrize('method', ['Generate', 'Stream', 'Stream any'])
async def test_a_client_that_does_not_read_holds_up_the_generator(
    serve: Any, dial: Any, stubs: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any, method: str
) -> None:
    monkeypatch.setattr(unread, 'UNREAD_TIMEOUT_S', 1)
    words = Words()
    stub = stubs.stub(dial(await serve(words)))
    if method == 'Generate':
        call = stub.Generate(asked(stubs, 'endless'))
    else:
        call = stub.Stream(metadata=ANY_ORDER if method.endswith('any') else ())
        await call.write(asked(stubs, 'endless', parts=True))
    await closed(words)  # as the client has not read for too long
    assert 'ExecuteBatchError' not in caplog.text
    assert words.made < AHEAD
    assert words.contexts[0].cancelled
    call.cancel()


async def test_a_stream_gives_parts_and_an_end(serve: Any, dial: Any, stubs: Any) -> None:
    call = stubs.stub(dial(await serve(Words()))).Stream()
    await call.write(asked(stubs, 'a b', request_id='1', parts=True))
    await call.write(asked(stubs, 'c d', request_id='2'))
    await call.write(asked(stubs, 'e fail', request_id='3', parts=True))
    await call.write(asked(stubs, 'f', request_id='4', parts=True))
    await call.done_writing()
    assert await told(call) == [
        ('1', 'a', True),
        ('1', 'b', True),
        ('1', '', False),
        ('2', 'c d', False),
        ('3', 'e', True),
        ('3', 'INTERNAL', False),
        ('4', 'f', True),
        ('4', '', False),
    ]
    assert await call.code() is grpc.StatusCode.OK


async def test_parts_come_as_they_are_made_if_any_order_will_do(serve: Any, dial: Any, stubs: Any) -> None:
    words = Words(is_free=False)
    call = stubs.stub(dial(await serve(words))).Stream(metadata=ANY_ORDER)
    await call.write(asked(stubs, 'a b', request_id='1', parts=True))
    await call.write(asked(stubs, 'c d', request_id='2', parts=True))
    for _ in range(2):
        await words.begun.acquire()
    seen = []
    for _ in range(2):
        words.free.release()
        seen.append((await call.read()).request_id)
    assert seen == ['1', '2'], 'both are in work at once'
    for _ in range(2):
        words.free.release()
    await call.done_writing()
    rest = await told(call)
    assert [reply for reply in rest if reply[0] == '1'] == [('1', 'b', True), ('1', '', False)]
    assert [reply for reply in rest if reply[0] == '2'] == [('2', 'd', True), ('2', '', False)]


async def test_more_parts_than_the_buffers_hold_arrive_in_order(serve: Any, dial: Any, stubs: Any) -> None:
    text = ' '.join(map(str, range(300)))
    call = stubs.stub(dial(await serve(Words()))).Stream()
    for name in 'ab':
        await call.write(asked(stubs, text, request_id=name, parts=True))
    await call.done_writing()
    replies = await told(call)
    assert [text for name, text, more in replies if name == 'a' and more] == text.split()
    assert [name for name, _, _ in replies] == ['a'] * 301 + ['b'] * 301


@pytest.mark.parametrize('metadata', [(), ANY_ORDER], ids=['in order', 'any'])
async def test_a_withdrawn_request_ends_its_generator(
    serve: Any, dial: Any, stubs: Any, metadata: Any
) -> None:
    words = Words(is_free=False)
    call = stubs.stub(dial(await serve(words))).Stream(metadata=metadata)
    await call.write(asked(stubs, 'a b', request_id='1', parts=True))
    words.free.release()
    assert (await call.read()).more
    await call.write(stubs.pb.Request(request_id='1', cancel=True))
    await closed(words)
    assert words.contexts[0].cancelled
    words.free.release()
    await call.write(asked(stubs, 'c', request_id='2'))
    await call.done_writing()
    assert [name for name, _, _ in await told(call)] == ['2']


async def test_a_stopping_server_finishes_the_parts_it_owes(serve: Any, dial: Any, stubs: Any) -> None:
    words = Words(is_free=False)
    server = await serve(words)
    call = stubs.stub(dial(server)).Stream()
    await call.write(asked(stubs, 'a b', request_id='1', parts=True))
    words.free.release()
    await call.read()
    stopping = asyncio.ensure_future(server.stop(20))
    words.free.release()
    assert await told(call) == [('1', 'b', True), ('1', '', False)]
    await stopping


async def test_a_generator_holds_its_room_until_it_ends(serve: Any, dial: Any, stubs: Any) -> None:
    words = Words(is_free=False)
    server = await serve(words, max_requests=1)
    stub = stubs.stub(dial(server))
    call = stub.Generate(asked(stubs, 'a b'))
    words.free.release()
    await call.read()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Call(asked(stubs, 'c'))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    words.free.release()
    assert len(await told(call)) == 1
    assert (await stub.Call(asked(stubs, 'c'))).rows.documents[0].text == 'c'


@pytest.mark.parametrize('timeout_s', [-1.0, float('nan'), 1e300, float('inf')])
async def test_a_time_that_is_none_is_refused(serve: Any, dial: Any, stubs: Any, timeout_s: float) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stubs.stub(dial(await serve(Words()))).Call(asked(stubs, 'a', timeout_s=timeout_s))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

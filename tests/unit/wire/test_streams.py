"""Answers in parts on a socket: order, windows, cancellation, deadlines, drains and losses."""

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import until

from headrace import Document, DocumentArray
from headrace.errors import (
    Cancelled,
    DeadlineExceeded,
    ExecutorFailure,
    ProtocolError,
    RequestError,
    Unavailable,
)
from headrace.pipeline import Batch, Context
from headrace.wire import Server, connect
from headrace.wire.calls import pack_call, pack_reply, unpack_call, unpack_reply
from headrace.wire.frames import HEADER, Kind, pack, unpack
from headrace.wire.windows import WINDOW_BYTES, WINDOW_ITEMS, Credit


class Counter:
    """A worker that counts as long as it may."""

    def __init__(self, count=10**9, *, size=0, error=None, waits_at=None):
        self.count = count
        self.size = size
        self.error = error
        self.waits_at = waits_at
        self.made = 0
        self.closed = asyncio.Event()

    async def __call__(self, batch, context):
        return Batch(DocumentArray([Document(text='whole')]), batch.parameters)

    async def stream(self, batch, context):
        try:
            while self.made < self.count:
                if self.made == self.waits_at:
                    await asyncio.Event().wait()
                self.made += 1
                yield Batch(DocumentArray([Document(text=f'{self.made}{" " * self.size}')]), batch.parameters)
                await asyncio.sleep(0)
            if self.error is not None:
                raise self.error
        finally:
            self.closed.set()


class Serving:
    """A handler behind a socket, and a connection to it."""

    def __init__(self, handler, folder, **bounds):
        self.server = Server(handler, **bounds)
        self._address = f'unix:{folder}/s'

    async def __aenter__(self):
        await self.server.listen(self._address)
        self.connection = await connect(self.server.address)
        return self

    async def __aexit__(self, *error):
        await self.connection.close()
        await self.server.close()

    def stream(self, context=None, **parameters):
        return aclosing(
            self.connection.stream(Batch(DocumentArray.empty(1), parameters), context or Context('/count'))
        )


def number(part):
    return int(part.docs[0].text)


async def test_all_parts_in_order_and_the_parameters_once(tmp_path):
    async with Serving(Counter(1000), tmp_path) as s:
        given = Batch(DocumentArray.empty(1), {'k': 1})
        seen = []
        async for part in s.connection.stream(given, Context('/count')):
            assert part.parameters is given.parameters
            seen.append(number(part))
        assert seen == list(range(1, 1001))
        assert repr(s.connection).endswith('open, 0 waiting>')
        assert s.server.calls == 0


async def test_one_that_answers_at_once_gives_one_part(tmp_path):
    async def plain(batch, context):
        return Batch(DocumentArray([Document(text='only')]), {'more': 1})

    async with Serving(plain, tmp_path) as s, s.stream() as parts:
        assert [(part.docs.texts, part.parameters) async for part in parts] == [(['only'], {'more': 1})]


async def test_nothing_at_all(tmp_path):
    async with Serving(Counter(0), tmp_path) as s, s.stream() as parts:
        assert [part async for part in parts] == []


async def test_a_reader_that_waits_stops_the_worker(tmp_path):
    counter = Counter()
    async with Serving(counter, tmp_path) as s, s.stream() as parts:
        for taken in range(1, 60):
            assert number(await anext(parts)) == taken
            if taken % 20 == 0:
                pings = [
                    await s.connection.ping(5) for _ in range(20)
                ]  # the connection itself is not held up
                assert all(pings)
            assert counter.made <= taken + WINDOW_ITEMS + 1
        reply = await s.connection(Batch(DocumentArray.empty(1)), Context('/'))
        assert reply.docs.texts == ['whole']


async def test_large_parts_are_bounded_in_bytes(tmp_path):
    counter = Counter(size=WINDOW_BYTES // 2)
    async with Serving(counter, tmp_path) as s, s.stream() as parts:
        assert number(await anext(parts)) == 1
        for _ in range(20):
            assert await s.connection.ping(5)
        assert counter.made <= 5
        assert [number(await anext(parts)) for _ in range(20)] == list(range(2, 22))


async def test_one_part_larger_than_the_window(tmp_path):
    async with Serving(Counter(3, size=3 * WINDOW_BYTES), tmp_path) as s, s.stream() as parts:
        assert [number(part) async for part in parts] == [1, 2, 3]


async def test_leaving_ends_the_work(tmp_path):
    counter = Counter()
    async with Serving(counter, tmp_path) as s:
        async with s.stream() as parts:
            await anext(parts)
        await asyncio.wait_for(counter.closed.wait(), 5)
        await until(lambda: s.server.calls == 0)


async def test_cancelling_the_request_ends_the_work_also_while_it_waits(tmp_path):
    counter, context = Counter(waits_at=3), Context('/count')
    async with Serving(counter, tmp_path) as s, s.stream(context) as parts:
        for _ in range(3):
            await anext(parts)
        waiting = asyncio.ensure_future(anext(parts))
        await asyncio.sleep(0)
        context.cancel()
        with pytest.raises(Cancelled):
            await waiting
        await asyncio.wait_for(counter.closed.wait(), 5)


async def test_the_deadline_ends_it_at_both_ends(tmp_path):
    counter = Counter(waits_at=3)
    async with Serving(counter, tmp_path) as s:
        seen = []
        with pytest.raises(DeadlineExceeded):
            async with s.stream(Context.within('/count', 0.1)) as parts:
                async for part in parts:
                    seen.append(number(part))
        assert seen == [1, 2, 3]
        await asyncio.wait_for(counter.closed.wait(), 5)


async def test_a_worker_ends_what_its_reader_has_forgotten(tmp_path):
    """A caller that neither reads nor cancels, as one whose process hangs: the worker keeps the deadline."""
    counter = Counter()
    server = await Server(counter).listen(f'unix:{tmp_path}/s')
    reader, writer = await asyncio.open_unix_connection(f'{tmp_path}/s')
    call = pack_call(1, Batch(DocumentArray.empty(1)), Context.within('/count', 0.1), (2, 1000))
    writer.write(b''.join(map(bytes, call)))
    await asyncio.wait_for(counter.closed.wait(), 5)
    assert counter.made <= 4
    kinds = []
    while not kinds or kinds[-1] != Kind.ERROR:
        head = await reader.readexactly(HEADER.size)
        kinds.append(head[4])
        await reader.readexactly(int.from_bytes(head[:4], 'little'))
    assert kinds == [Kind.HELLO, Kind.ITEM, Kind.ITEM, Kind.ERROR]
    writer.close()
    await server.close()


@pytest.mark.parametrize('error', [RequestError('too dark'), ExecutorFailure('bug'), Unavailable('closed')])
async def test_an_error_comes_after_the_parts_before_it(tmp_path, error):
    async with Serving(Counter(5, error=error), tmp_path) as s:
        seen = []
        with pytest.raises(type(error), match=error.message):
            async for part in s.connection.stream(Batch(DocumentArray.empty(1)), Context('/count')):
                seen.append(number(part))
        assert seen == [1, 2, 3, 4, 5]


async def test_a_lost_connection_gives_what_came_and_then_says_so(tmp_path):
    async with Serving(Counter(waits_at=3), tmp_path) as s:
        seen = []
        with pytest.raises(Unavailable, match='is lost') as raised:
            async with s.stream() as parts:
                async for part in parts:
                    seen.append(number(part))
                    if len(seen) == 3:
                        for peer in list(s.server.peers):
                            peer.stream.close(Unavailable('pulled'))
        assert seen == [1, 2, 3]
        assert raised.value.begun
        with pytest.raises(Unavailable) as refused:
            await anext(s.connection.stream(Batch(DocumentArray.empty(1)), Context('/count')))
        assert not refused.value.begun


async def test_a_draining_worker_finishes_its_streams(tmp_path):
    counter = Counter(100)
    async with Serving(counter, tmp_path) as s, s.stream() as parts:
        assert number(await anext(parts)) == 1
        draining = asyncio.ensure_future(s.server.drain(10))
        await until(lambda: not s.connection.is_open)
        assert not draining.done()
        assert [number(part) async for part in parts] == list(range(2, 101))
        assert await draining


async def test_a_drain_that_takes_too_long_ends_them(tmp_path):
    counter = Counter()
    async with Serving(counter, tmp_path) as s:
        with pytest.raises(Unavailable):
            async with s.stream() as parts:
                await anext(parts)
                await s.server.close(0.05)
                async for _ in parts:
                    pass
        await asyncio.wait_for(counter.closed.wait(), 5)


async def test_streams_count_as_calls(tmp_path):
    async with Serving(Counter(), tmp_path, max_calls=1) as s, s.stream() as parts:
        await anext(parts)
        with pytest.raises(Unavailable, match='under way'):
            await anext(s.connection.stream(Batch(DocumentArray.empty(1)), Context('/count')))


async def test_a_silent_worker_is_given_up(tmp_path):
    async with Serving(Counter(waits_at=1), tmp_path) as s, s.stream() as parts:
        await anext(parts)
        waiting = asyncio.ensure_future(anext(parts))
        await asyncio.sleep(0)
        s.connection.give_up('silent for long', lambda context: False)  # it has begun: nobody else can help
        with pytest.raises(Unavailable, match='silent for long'):
            await waiting


async def test_a_silent_worker_that_has_not_begun_is_given_up_if_another_may_do_it(tmp_path):
    async with Serving(Counter(waits_at=0), tmp_path) as s, s.stream() as parts:
        waiting = asyncio.ensure_future(anext(parts))
        await until(lambda: s.server.calls == 1)
        s.connection.give_up('silent for long', lambda context: False)
        await asyncio.sleep(0)
        assert not waiting.done()
        s.connection.give_up('silent for long', lambda context: True)
        with pytest.raises(Unavailable, match='silent for long'):
            await waiting


@settings(max_examples=30)
@given(counts=st.lists(st.integers(0, 60), min_size=1, max_size=8))
def test_many_at_once(tmp_path_factory, counts):
    async def handler(batch, context):
        raise AssertionError

    async def stream(batch, context):
        for each in range(batch.parameters['n']):
            yield Batch(DocumentArray([Document(text=f'{each}')]), batch.parameters)
            if each % 3 == 0:
                await asyncio.sleep(0)

    async def read(s, count):
        async with s.stream(n=count) as parts:
            return [number(part) async for part in parts]

    async def run():
        handler.stream = stream
        async with Serving(handler, tmp_path_factory.mktemp('w')) as s:
            seen = await asyncio.gather(*(read(s, count) for count in counts))
            assert seen == [list(range(count)) for count in counts]

    asyncio.run(run())


# --- frames and windows


def test_a_call_says_its_window():
    batch = Batch(DocumentArray.empty(1))
    _, _, window = unpack_call(unpack(b''.join(map(bytes, pack_call(1, batch, Context(), (3, 400))))))
    assert window == [3, 400]
    _, _, none = unpack_call(unpack(b''.join(map(bytes, pack_call(1, batch, Context())))))
    assert none == []


def test_an_item_is_packed_as_a_reply_is():
    batch = Batch(DocumentArray([Document(text='x')]), {'k': 1})
    frame = unpack(b''.join(map(bytes, pack_reply(4, batch, batch, Kind.ITEM))))
    assert (frame.kind, frame.call) == (6, 4)
    assert unpack_reply(frame, batch).docs.texts == ['x']


@pytest.mark.parametrize('window', [None, 3, [1], [1, 2, 3], [-1, 5], [1, 'x'], [True, 1], [1, 1 << 40]])
def test_a_window_that_is_none(window):
    with pytest.raises(ProtocolError):
        Credit(window)


def test_what_may_be_sent():
    credit = Credit((2, 100))
    credit.use(150)
    assert not credit.is_open  # one part may have more, which is owed then
    credit.grant((1, 50))
    assert not credit.is_open
    credit.grant((0, 1))
    assert credit.is_open
    assert repr(credit) == '<Credit for 2 parts, 1 bytes>'


async def test_a_worker_that_sends_more_than_it_may_is_cut_off(tmp_path):
    async def serve(reader, writer):
        writer.write(b''.join(map(bytes, pack(Kind.HELLO, 0, None))))
        await reader.readexactly(HEADER.size)
        batch = Batch(DocumentArray.empty(1))
        item = b''.join(map(bytes, pack_reply(1, batch, batch, Kind.ITEM)))
        writer.write(item * (WINDOW_ITEMS + 1))
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / 's')
    connection = await connect(f'unix:{tmp_path}/s')
    seen = 0
    parts = connection.stream(Batch(DocumentArray.empty(1)), Context())
    first = asyncio.ensure_future(anext(parts))
    await asyncio.wait_for(connection.ended, 5)
    assert (await first).docs
    with pytest.raises(Unavailable, match='more parts of an answer than it was granted'):
        async for _ in parts:
            seen += 1
    assert seen == WINDOW_ITEMS - 1
    await connection.close()
    server.close()
    await server.wait_closed()

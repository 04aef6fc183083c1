"""Connections whose other end does not read, and callers that leave at the worst moment."""

import asyncio
import gc
import weakref

import pytest
from waiting import turns, until

from headrace import DocumentArray
from headrace.errors import (
    Cancelled,
    DeadlineExceeded,
    HeadraceError,
    ProtocolError,
    RequestError,
    Unavailable,
)
from headrace.pipeline import Batch, Context, Payload
from headrace.wire import Server, connect
from headrace.wire.frames import Kind, pack

LARGE = 8_000_000


def heavy():
    return Batch(sources=[('', Payload(segments=[bytes(LARGE)]))])


class DeafWorker:
    """It says hello, and then (`says`) something else, but never reads."""

    def __init__(self, folder, says=b''):
        self._path = f'{folder}/deaf'
        self._says = says

    async def __aenter__(self):
        self.writers = []

        async def serve(reader, writer):
            reader._transport.pause_reading()
            writer.write(b''.join(pack(Kind.HELLO, 0, None)) + self._says)
            self.writers.append(writer)

        self._server = await asyncio.start_unix_server(serve, self._path)
        self.connection = await connect(f'unix:{self._path}')
        return self

    async def __aexit__(self, *error):
        self.connection.abort()
        for writer in self.writers:
            writer.transport.abort()
        self._server.close()


async def congested(worker):
    """A call that fills the socket."""
    task = asyncio.ensure_future(worker.connection(heavy(), Context()))
    await until(lambda: worker.connection._stream.is_congested)
    return task


async def test_a_deadline_holds_while_the_worker_does_not_read(tmp_path):
    async with DeafWorker(tmp_path) as worker, asyncio.timeout(10):
        first = await congested(worker)
        with pytest.raises(DeadlineExceeded):
            await worker.connection(heavy(), Context.within('/', 0.05))
        first.cancel()


@pytest.mark.parametrize('way', ['context', 'task'])
async def test_a_caller_may_leave_while_the_worker_does_not_read(tmp_path, way):
    async with DeafWorker(tmp_path) as worker, asyncio.timeout(10):
        first = await congested(worker)
        context = Context()
        call = asyncio.ensure_future(worker.connection(heavy(), context))
        await turns()
        context.cancel() if way == 'context' else call.cancel()
        with pytest.raises(Cancelled if way == 'context' else asyncio.CancelledError):
            await call
        first.cancel()


async def test_a_call_that_waits_for_its_turn_to_write_ends_with_the_connection(tmp_path):
    async with DeafWorker(tmp_path) as worker, asyncio.timeout(10):
        calls = [await congested(worker)]
        calls += [asyncio.ensure_future(worker.connection(heavy(), Context())) for _ in range(3)]
        await turns()
        worker.writers[0].transport.abort()
        for call in calls:
            with pytest.raises(Unavailable):
                await call


async def test_close_does_not_wait_for_a_worker_that_does_not_read(tmp_path):
    async with DeafWorker(tmp_path) as worker, asyncio.timeout(10):
        first = await congested(worker)
        await worker.connection.close()
        with pytest.raises(Unavailable):
            await first


async def test_a_request_that_cannot_be_sent_is_forgotten(tmp_path):
    async with DeafWorker(tmp_path) as worker:
        with pytest.raises(RequestError, match='the parameters cannot be sent'):
            await worker.connection(Batch(parameters={'x': object()}), Context())
        assert repr(worker.connection).endswith('open, 0 waiting>')


@pytest.mark.parametrize('meta', [None, ['nothing', []], [None, []], [7, [['', 0]]]])
async def test_a_reply_that_is_not_understood_ends_the_call(tmp_path, meta):
    async with DeafWorker(tmp_path) as worker, asyncio.timeout(10):
        call = asyncio.ensure_future(worker.connection(Batch(), Context()))
        await turns()
        worker.writers[0].write(b''.join(pack(Kind.REPLY, 1, meta)))
        with pytest.raises(Unavailable, match='a reply frame is not understood|announces no documents'):
            await call


async def test_calls_on_a_lost_connection_keep_nothing_alive(tmp_path):
    class Watched(Batch):
        __slots__ = ('__weakref__',)

    async with DeafWorker(tmp_path) as worker:
        await worker.connection.close()
        seen = []
        for _ in range(3):
            batch = Watched()
            seen.append(weakref.ref(batch))
            with pytest.raises(Unavailable):
                await worker.connection(batch, Context())
            del batch
        gc.collect()
        assert [ref() for ref in seen] == [None] * 3


class Serving:
    """A worker, and a raw socket to it."""

    def __init__(self, handler, folder):
        self.server = Server(handler)
        self._path = f'{folder}/s'

    async def __aenter__(self):
        await self.server.listen(f'unix:{self._path}')
        self.reader, self.writer = await asyncio.open_unix_connection(self._path)
        await self.reader.readexactly(17)
        (self.peer,) = self.server.peers
        return self

    async def __aexit__(self, *error):
        self.writer.transport.abort()
        await self.server.close()


def call_frame(number, batch=None):
    from headrace.wire.calls import pack_call

    return b''.join(pack_call(number, batch or Batch(DocumentArray.empty(1)), Context()))


def cancel_frame(number):
    return b''.join(pack(Kind.CANCEL, number, None))


async def echo(batch, context):
    return batch


async def big(batch, context):
    return heavy()


async def test_a_call_that_is_cancelled_before_it_begins_is_over(tmp_path):
    async with Serving(echo, tmp_path) as s:
        s.writer.write(call_frame(1) + cancel_frame(1) + b''.join(pack(Kind.PING, 2, None)))
        async with asyncio.timeout(10):
            await s.reader.readexactly(17)  # the answer to the ping: all before it was read
        assert await s.server.drain(5)
        assert not s.peer.calls


async def test_a_call_that_is_cancelled_while_its_reply_waits_is_over(tmp_path):
    async with Serving(big, tmp_path) as s, asyncio.timeout(10):
        s.reader._transport.pause_reading()
        s.writer.write(call_frame(1) + call_frame(2) + call_frame(3))
        await until(lambda: s.peer.stream.is_congested and len(s.peer.calls) == 2)
        s.writer.write(cancel_frame(2) + cancel_frame(3))
        await until(lambda: not s.peer.calls)


@pytest.mark.parametrize('last', [1, 100_000], ids=['one number', 'many numbers'])
async def test_a_peer_that_sends_and_never_reads_fills_no_memory(tmp_path, last):
    pings = b''.join(b''.join(pack(Kind.PING, min(number, last), None)) for number in range(1, 100_001))
    async with Serving(big, tmp_path) as s:
        s.reader._transport.pause_reading()
        s.writer.write(call_frame(200_000))
        await until(lambda: s.peer.stream.is_congested)
        before = s.peer.stream._transport.get_write_buffer_size()
        s.writer.write(pings)
        await turns(2000)
        assert len(s.peer.calls) < 20_000
        assert len(asyncio.all_tasks()) < 20_000
        assert s.peer.stream._transport.get_write_buffer_size() == before


async def test_close_does_not_wait_for_a_peer_that_does_not_read(tmp_path):
    async with Serving(big, tmp_path) as s, asyncio.timeout(10):
        s.reader._transport.pause_reading()
        s.writer.write(call_frame(1))
        await until(lambda: s.peer.stream.is_congested)
        await s.server.close()
        assert not s.server.peers


async def test_close_sends_what_was_answered(tmp_path):
    """Also where the peer reads slowly: when `close` is over, the process may end."""
    async with Serving(big, tmp_path) as s, asyncio.timeout(10):
        s.reader._transport.pause_reading()
        s.writer.write(call_frame(1))
        await until(lambda: s.peer.stream.is_congested and not s.peer.calls)
        closing = asyncio.ensure_future(s.server.close(5))
        await turns()
        assert not closing.done()
        s.reader._transport.resume_reading()
        assert len(await s.reader.read()) > LARGE
        await closing


@pytest.mark.parametrize(
    'error',
    [
        HeadraceError('a file called \udcff'),
        KeyError('\udcff'),
        HeadraceError(ValueError('an error as the message')),
        type('Silent', (HeadraceError,), {'__init__': lambda self: None})(),
        type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})(),
    ],
    ids=['surrogate', 'surrogate of others', 'object', 'no message', 'no text'],
)
async def test_every_error_is_answered(tmp_path, error):
    async def fail(batch, context):
        raise error

    server = await Server(fail).listen(f'unix:{tmp_path}/s')
    connection = await connect(server.address)
    with pytest.raises(HeadraceError) as caught:
        await connection(Batch(), Context.within('/', 10))
    assert not isinstance(caught.value, DeadlineExceeded | ProtocolError)
    await connection.close()
    await server.close()


async def test_a_callback_that_fails_harms_nobody_else(tmp_path):
    begun, told = asyncio.Event(), asyncio.Event()

    async def handler(batch, context):
        if context.endpoint == '/leave':
            context.on_cancel(lambda: 1 / 0)
            context.on_cancel(told.set)
            begun.set()
            await asyncio.get_running_loop().create_future()
        return batch

    server = await Server(handler).listen(f'unix:{tmp_path}/s')
    connection = await connect(server.address)
    context = Context('/leave')
    call = asyncio.ensure_future(connection(Batch(), context))
    async with asyncio.timeout(10):
        await begun.wait()
        context.cancel()
        with pytest.raises(Cancelled):
            await call
        await told.wait()
        assert len(await connection(Batch(DocumentArray.empty(2)), Context())) == 2
    await connection.close()
    await server.close()


@pytest.mark.parametrize('meta', [b'\x91' * 100_000 + b'\xc0', b'\xa2\xff\xfe'], ids=['deep', 'text'])
def test_damage_is_a_protocol_error(meta):
    from headrace.wire.frames import HEADER, VERSION, unpack

    data = HEADER.pack(len(meta), Kind.CALL, 0, VERSION, 1, len(meta)) + meta
    with pytest.raises(ProtocolError, match='damaged'):
        unpack(bytearray(data))


def test_a_length_that_is_only_announced_takes_no_memory():
    import psutil

    from headrace.wire.frames import HEADER, VERSION
    from headrace.wire.stream import FrameStream

    process = psutil.Process()
    stream = FrameStream(lambda frame: None, lambda reason: None)
    before = process.memory_info().rss
    head = HEADER.pack(1 << 30, Kind.CALL, 0, VERSION, 1, 0)
    stream.get_buffer(-1)[: len(head)] = head
    stream.buffer_updated(len(head))
    assert stream._large is not None
    assert process.memory_info().rss - before < 1 << 28


def test_the_largest_frame_that_may_be_sent_may_be_received():
    from headrace.wire.stream import FrameStream

    sent = b''.join(pack(Kind.CALL, 1, None, [bytes(1000)]))
    frames = []
    stream = FrameStream(frames.append, lambda reason: None, max_frame_bytes=len(sent) - 16)
    stream.get_buffer(-1)[: len(sent)] = sent
    stream.buffer_updated(len(sent))
    assert len(frames) == 1

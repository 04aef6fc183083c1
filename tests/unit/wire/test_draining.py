"""What a worker refuses, what it says before it ends, and what a caller may conclude from that."""

import asyncio

import pytest
from waiting import turns, until

from headrace import DocumentArray
from headrace.errors import ExecutorFailure, Overloaded, Unavailable
from headrace.pipeline import Batch, Context, Payload
from headrace.wire import Connection, Server, connect
from headrace.wire.calls import pack_call
from headrace.wire.faults import from_data, to_data
from headrace.wire.frames import HEADER, Kind, pack


class Gate:
    """A handler that answers when it may, except '/now' at once."""

    def __init__(self):
        self.begun = asyncio.Semaphore(0)
        self.open = asyncio.Event()

    async def __call__(self, batch, context):
        if context.endpoint != '/now':
            self.begun.release()
            await self.open.wait()
        return batch


class Serving:
    """A gate behind a socket, and a connection to it."""

    def __init__(self, folder, **limits):
        self.gate = Gate()
        self.server = Server(self.gate, **limits)
        self.drained, self.lost = [], []
        self._address = f'unix:{folder}/s'

    async def __aenter__(self):
        await self.server.listen(self._address)
        self.connection = Connection(
            self._address,
            on_drain=lambda: self.drained.append(self.connection.is_open),
            on_lost=lambda: self.lost.append(self.connection.is_open),
        )
        await self.connection.open()
        return self

    async def __aexit__(self, *error):
        self.gate.open.set()
        await self.connection.close()
        await self.server.close()

    async def begin(self, endpoint='/', docs=1):
        call = asyncio.ensure_future(self.connection(Batch(DocumentArray.empty(docs)), Context(endpoint)))
        call.add_done_callback(lambda done: done.cancelled() or done.exception())
        await self.gate.begun.acquire()
        return call

    async def now(self):
        """A call that is answered at once."""
        return await self.connection(Batch(DocumentArray.empty(1)), Context('/now'))


async def test_too_many_calls_are_refused_and_cancel_and_ping_are_not_delayed(tmp_path):
    async with Serving(tmp_path, max_calls=3) as s, asyncio.timeout(10):
        calls = [await s.begin() for _ in range(3)]
        with pytest.raises(Overloaded, match='3 requests') as caught:
            await s.now()
        assert not caught.value.begun
        assert await s.connection.ping(5)
        calls[0].cancel()
        await until(lambda: s.server.calls < 3)
        await s.now()
        s.gate.open.set()
        await asyncio.gather(*calls[1:])
        assert (s.server.calls, s.server.bytes) == (0, 0)


async def test_too_many_bytes_are_refused_but_one_call_may_have_any_size(tmp_path):
    async with Serving(tmp_path, max_bytes=10_000) as s, asyncio.timeout(10):
        large = Batch(sources=[('', Payload(segments=[bytes(50_000)]))])
        call = asyncio.ensure_future(s.connection(large, Context()))
        await s.gate.begun.acquire()
        with pytest.raises(Overloaded):
            await s.now()
        s.gate.open.set()
        await call
        await s.now()
        assert s.server.bytes == 0


async def test_limits_are_of_all_connections(tmp_path):
    async with Serving(tmp_path, max_calls=1) as s, asyncio.timeout(10):
        await s.begin()
        other = await connect(s.server.address)
        with pytest.raises(Overloaded):
            await other(Batch(), Context('/now'))
        await other.close()


async def test_a_peer_that_never_reads_its_refusals_fills_no_memory(tmp_path):
    async with Serving(tmp_path, max_calls=1) as s, asyncio.timeout(30):
        await s.begin()
        reader, writer = await asyncio.open_unix_connection(f'{tmp_path}/s')
        await reader.readexactly(17)
        reader._transport.pause_reading()
        (peer,) = (each for each in s.server.peers if not each.calls)
        frame = b''.join(pack_call(1, Batch(), Context('/now')))
        writer.write(frame * 100_000)
        await turns(3000)
        assert peer.stream.unsent < 4_000_000
        assert await s.connection.ping(5)
        reader._transport.resume_reading()
        for _ in range(100_000):  # all are answered when it reads
            head = await reader.readexactly(HEADER.size)
            await reader.readexactly(HEADER.unpack(head)[0])
        writer.transport.abort()


async def test_a_drain_is_told_before_it_is_felt(tmp_path):
    async with Serving(tmp_path) as s, asyncio.timeout(10):
        call = await s.begin()
        draining = asyncio.ensure_future(s.server.drain(10))
        await until(lambda: s.drained)
        assert not s.connection.is_open
        with pytest.raises(Unavailable, match='about to end') as caught:
            await s.now()
        assert not caught.value.begun
        assert await s.connection.ping(5)  # it lives
        s.gate.open.set()
        assert await draining
        await call
        assert (s.drained, s.lost) == ([False], [])


async def test_a_call_that_crosses_the_drain_is_refused_as_not_begun(tmp_path):
    async with Serving(tmp_path) as s, asyncio.timeout(10):
        crossing = asyncio.ensure_future(s.now())
        await asyncio.sleep(0)  # written, not yet read
        assert await s.server.drain(10)
        with pytest.raises(Unavailable) as caught:
            await crossing
        assert not caught.value.begun


async def test_a_connection_is_not_ended_while_calls_may_be_on_their_way(tmp_path):
    """The peer has said that none is: what the worker did not read would be lost, and nobody knew."""
    async with Serving(tmp_path) as s, asyncio.timeout(10):
        calls = [asyncio.ensure_future(s.now()) for _ in range(50)]
        await asyncio.sleep(0)
        await s.server.close(10)
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert not [each for each in results if isinstance(each, Unavailable) and each.begun]


async def test_a_peer_that_does_not_answer_the_drain_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setattr('headrace.wire.server.ACK_S', 0.01)
    async with Serving(tmp_path) as s, asyncio.timeout(10):
        _, writer = await asyncio.open_unix_connection(f'{tmp_path}/s')
        await turns()
        assert await s.server.drain(10)
        writer.transport.abort()


async def test_a_lost_connection_says_which_calls_had_begun(tmp_path):
    async with Serving(tmp_path) as s, asyncio.timeout(10):
        begun = await s.begin()
        big = Batch(sources=[('', Payload(segments=[bytes(30_000_000)]))])
        filling = asyncio.ensure_future(s.connection(big, Context()))
        await until(lambda: s.connection._stream.is_congested)
        unwritten = asyncio.ensure_future(s.now())
        await asyncio.sleep(0)
        s.connection.abort()
        results = await asyncio.gather(begun, filling, unwritten, s.now(), return_exceptions=True)
        assert [each.begun for each in results] == [True, True, False, False]
        assert s.lost == [False]


async def test_a_drain_turns_away_what_waits_to_be_written(tmp_path):
    async def serve(reader, writer):
        writer.write(b''.join(pack(Kind.HELLO, 0, None)))
        reader._transport.pause_reading()
        await told.wait()
        writer.write(b''.join(pack(Kind.DRAIN, 0, None)))
        await over.wait()
        writer.transport.abort()

    told, over = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_unix_server(serve, tmp_path / 's')
    connection = await connect(f'unix:{tmp_path}/s')
    big = Batch(sources=[('', Payload(segments=[bytes(30_000_000)]))])
    filling = asyncio.ensure_future(connection(big, Context()))
    await until(lambda: connection._stream.is_congested)
    waiting = asyncio.ensure_future(connection(Batch(), Context()))
    await asyncio.sleep(0)
    told.set()
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable) as caught:
            await waiting
        assert not caught.value.begun
        assert not filling.done()
        over.set()
        with pytest.raises(Unavailable):
            await filling
    await connection.close()
    server.close()
    await server.wait_closed()


class TestGiveUp:
    async def test_the_answer_of_a_call_that_was_given_up_may_still_come(self, tmp_path):
        async with Serving(tmp_path) as s, asyncio.timeout(10):
            kept, given_up = await s.begin('/keep'), await s.begin('/give', docs=3)
            s.connection.give_up('it is silent', lambda context: context.endpoint == '/give')
            with pytest.raises(Unavailable, match='silent') as caught:
                await given_up
            assert caught.value.begun
            s.connection.give_up('once more', lambda context: context.endpoint == '/give')
            s.gate.open.set()
            assert len(await caught.value.late) == 3
            assert len(await kept) == 1

    async def test_who_does_not_want_it_any_more_cancels_it(self, tmp_path):
        async with Serving(tmp_path) as s, asyncio.timeout(10):
            call = await s.begin()
            s.connection.give_up('it is silent', lambda context: True)
            with pytest.raises(Unavailable) as caught:
                await call
            assert s.server.calls == 1
            caught.value.late.cancel()
            await until(lambda: not s.server.calls)
            assert repr(s.connection).endswith('0 waiting>')

    async def test_it_ends_with_the_connection(self, tmp_path):
        async with Serving(tmp_path) as s, asyncio.timeout(10):
            call = await s.begin()
            s.connection.give_up('it is silent', lambda context: True)
            with pytest.raises(Unavailable) as caught:
                await call
            await s.connection.close()
            with pytest.raises(Unavailable, match='lost'):
                await caught.value.late


@pytest.mark.parametrize('begun', [True, False])
@pytest.mark.parametrize('answered', [True, False])
def test_what_may_be_sent_again_travels(begun, answered):
    error = Unavailable('x', begun=begun)
    error.answered = answered
    again = from_data(to_data(error))
    assert (again.begun, again.answered) == (begun, answered)
    assert not from_data(to_data(Overloaded('x', retry_after_s=0))).begun


@pytest.mark.parametrize('value', ['yes', None, [1], {}])
def test_nonsense_of_a_peer_is_no_value(value):
    assert from_data({'class': 'Unavailable', 'message': 'x', 'begun': value}).begun is True
    assert not hasattr(from_data({'class': 'ExecutorFailure', 'message': 'x', 'begun': True}), 'begun')
    assert isinstance(from_data(to_data(ExecutorFailure('x'))), ExecutorFailure)

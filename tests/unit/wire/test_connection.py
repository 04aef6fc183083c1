import asyncio
import os

import numpy as np
import pytest

from headrace import Document, DocumentArray
from headrace.documents.schema import schema_of
from headrace.errors import (
    Cancelled,
    DeadlineExceeded,
    ExecutorFailure,
    HeadraceError,
    Overloaded,
    ProtocolError,
    SpecError,
    Unavailable,
)
from headrace.gateway.security.authority import Authority
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.hops import Timing
from headrace.wire import Server, connect
from headrace.wire.address import parse
from headrace.wire.calls import pack_error, unpack_error
from headrace.wire.faults import from_data, to_data
from headrace.wire.frames import Kind, pack, unpack
from headrace.wire.tls import WORKER_NAME, CertificateFiles, client_contexts, worker_contexts

SCHEMA = schema_of(Document)
INFO = ExecutorInfo('encoder', (EndpointInfo('/', 'docs', SCHEMA, SCHEMA),), 'Encodes.')


async def echo(batch, context):
    return batch


@pytest.fixture(params=['unix', 'tcp', 'tcp+tls'])
def address(request, tmp_path):
    return f'unix:{tmp_path}/s' if request.param == 'unix' else f'{request.param}:127.0.0.1:0'


@pytest.fixture(scope='module', autouse=True)
def _certificates(tmp_path_factory):
    """Of a worker and a gateway, for addresses that want them; others pass over them."""
    authority = Authority(tmp_path_factory.mktemp('ca'))
    for name, contexts in (('worker', worker_contexts), ('gateway', client_contexts)):
        files = authority.issue(name, name), authority.key_file(name), authority.certificate_file('ca')
        TLS[name] = contexts(CertificateFiles(*map(str, files)))


TLS = {}


class Serving:
    """A handler behind a socket, and a connection to it."""

    def __init__(self, handler, address):
        self.server = Server(handler, INFO)
        self._address = address

    async def __aenter__(self):
        await self.server.listen(self._address, TLS['worker'])
        self.connection = await connect(self.server.address, tls=TLS['gateway'])
        return self

    async def __aexit__(self, *error):
        await self.connection.close()
        await self.server.close()


async def test_a_connection_is_a_handler(address):
    async def handler(batch, context):
        docs = batch.docs
        docs.text = [f'{text} {context.endpoint} {context.trace}' for text in docs.text]
        return Batch(docs, {**batch.parameters, 'seen': True})

    async with Serving(handler, address) as s:
        docs = DocumentArray([Document(text='hello')])
        docs.embedding = np.ones((1, 512), np.float32)
        reply = await s.connection(Batch(docs, {'k': [1, None]}), Context('/x', trace='t'))
        assert reply.docs.texts == ['hello /x t']
        assert (reply.docs.embeddings == 1).all()
        assert reply.parameters == {'k': [1, None], 'seen': True}
        assert s.connection.info == INFO


async def test_arrays_of_ten_megabytes_arrive_intact(address):
    docs = DocumentArray.empty(3)
    docs.tensor = np.random.default_rng(1).random((3, 1_000_000), np.float64)
    async with Serving(echo, address) as s:
        reply = await s.connection(Batch(docs), Context())
        assert np.array_equal(reply.docs.tensors, docs.tensors)


async def test_a_handler_may_use_its_arrays_again_for_the_next_request(address):
    """An answer is on its way for a while; what it says is decided when the handler returns."""
    array = np.zeros((100, 20_000), np.float32)

    async def handler(batch, context):
        array[:] = batch.parameters['n']
        docs = DocumentArray.empty(100)
        docs.embedding = array
        return Batch(docs)

    async with Serving(handler, address) as s:
        calls = (s.connection(Batch(parameters={'n': n}), Context()) for n in range(5))
        for n, reply in enumerate(await asyncio.gather(*calls)):
            assert (reply.docs.embeddings == n).all()


async def test_many_calls_share_the_connection_and_do_not_wait_for_each_other(address):
    gate = asyncio.Event()

    async def handler(batch, context):
        if context.endpoint == '/wait':
            await gate.wait()
        return batch

    async with Serving(handler, address) as s:
        slow = asyncio.ensure_future(s.connection(Batch(DocumentArray.empty(1)), Context('/wait')))
        replies = await asyncio.gather(
            *(s.connection(Batch(DocumentArray([Document(text=str(n))])), Context('/')) for n in range(500))
        )
        assert [reply.docs[0].text for reply in replies] == [str(n) for n in range(500)]
        assert not slow.done()
        gate.set()
        assert len(await slow) == 1


async def test_sources_of_a_join_keep_their_names(address):
    async def names(batch, context):
        found = {name: payload.docs().texts for name, payload in batch.sources}
        return Batch(parameters={'found': found})

    from headrace.pipeline import Payload

    sources = [
        ('left', Payload(DocumentArray([Document(text='l')]))),
        ('right', Payload(DocumentArray([Document(text='r' * 37), Document(text='r2')]))),
        ('none', Payload(DocumentArray())),
    ]
    async with Serving(names, address) as s:
        reply = await s.connection(Batch(sources=sources), Context())
    assert reply.parameters['found'] == {'left': ['l'], 'right': ['r' * 37, 'r2'], 'none': []}


@pytest.mark.parametrize(
    'error',
    [
        ExecutorFailure('it broke', executor='e', endpoint='/x', traceback='line 1', help='mend it'),
        Overloaded('too much', retry_after_s=2.5),
        SpecError('wrong', help='right'),
    ],
)
async def test_an_error_arrives_as_itself(address, error):
    async def fail(batch, context):
        raise error

    async with Serving(fail, address) as s:
        with pytest.raises(type(error)) as caught:
            await s.connection(Batch(), Context())
    assert vars(caught.value) == vars(error)
    assert str(caught.value) == str(error)


async def test_an_error_says_where_the_time_of_its_call_went(address):
    async def fail(batch, context):
        error = ExecutorFailure('it broke', executor='e')
        error.timing = Timing(0.25, 0.125, 0.5, 3, 'only here', 2)
        raise error

    async with Serving(fail, address) as s:
        with pytest.raises(ExecutorFailure) as caught:
            await s.connection(Batch(), Context())
    assert caught.value.timing == Timing(0.25, 0.125, 0.5, 3)


def test_peers_of_earlier_builds_understand_each_others_errors():
    error = ExecutorFailure('it broke', executor='e')
    assert unpack_error(unpacked(pack(Kind.ERROR, 1, to_data(error)))).timing is None
    error.timing = Timing(0.25, 0.125, 0.5, 3)
    assert from_data(unpacked(pack_error(1, error)).meta).message == 'it broke'


@pytest.mark.parametrize('told', [7, 'x', [1.0], ['a', 'b', 'c', 'd'], [0.0, 0.0, 0.0, float('inf')]])
def test_an_error_whose_timing_is_nonsense_is_not_understood(told):
    frame = unpacked(pack(Kind.ERROR, 1, {'class': 'Unavailable', 'message': 'x', 'timing': told}))
    assert isinstance(unpack_error(frame), ProtocolError)


def unpacked(buffers):
    return unpack(bytearray(b''.join(buffers)))


async def test_a_fault_of_the_handler_is_an_internal_error_and_the_worker_lives_on(address):
    async def fail(batch, context):
        if context.endpoint == '/fail':
            raise KeyError('x')
        return batch

    async with Serving(fail, address) as s:
        with pytest.raises(HeadraceError, match="internal error.*: KeyError: 'x'"):
            await s.connection(Batch(), Context('/fail'))
        assert len(await s.connection(Batch(), Context())) == 0


async def test_a_late_answer_is_not_waited_for_and_the_worker_is_told(address):
    told = asyncio.Event()

    async def slow(batch, context):
        context.on_cancel(told.set)
        await asyncio.get_running_loop().create_future()

    async with Serving(slow, address) as s:
        with pytest.raises(DeadlineExceeded, match="no answer from '/slow' in time"):
            await s.connection(Batch(), Context.within('/slow', 0.05))
        async with asyncio.timeout(10):
            await told.wait()
        assert repr(s.connection).endswith('open, 0 waiting>')


@pytest.mark.parametrize('way', ['context', 'task'])
async def test_a_caller_that_leaves_cancels_the_work(address, way):
    begun, told = asyncio.Event(), asyncio.Event()

    async def slow(batch, context):
        context.on_cancel(told.set)
        begun.set()
        await asyncio.get_running_loop().create_future()

    async with Serving(slow, address) as s:
        context = Context()
        task = asyncio.ensure_future(s.connection(Batch(), context))
        async with asyncio.timeout(10):
            await begun.wait()
            context.cancel() if way == 'context' else task.cancel()
            with pytest.raises(Cancelled if way == 'context' else asyncio.CancelledError):
                await task
            await told.wait()


async def test_a_lost_connection_ends_every_call(address):
    barrier = asyncio.Barrier(11)

    async def never(batch, context):
        await barrier.wait()
        await asyncio.get_running_loop().create_future()

    async with Serving(never, address) as s:
        calls = [asyncio.ensure_future(s.connection(Batch(), Context())) for _ in range(10)]
        await barrier.wait()
        assert '10 waiting' in repr(s.connection)
        await s.server.close()
        for call in calls:
            with pytest.raises(Unavailable, match="'encoder'.*lost"):
                await call
        with pytest.raises(Unavailable):
            await s.connection(Batch(), Context())
        assert not await s.connection.ping(1)


async def test_nobody_there_is_said_in_time(tmp_path):
    with pytest.raises(Unavailable, match=r'no worker answered at unix:.* within 0.1 s'):
        await connect(f'unix:{tmp_path}/nobody', timeout_s=0.1)


async def test_drain_lets_accepted_calls_finish_and_takes_no_new_connection(address):
    begun, gate = asyncio.Event(), asyncio.Event()

    async def slow(batch, context):
        begun.set()
        await gate.wait()
        return batch

    async with Serving(slow, address) as s:
        call = asyncio.ensure_future(s.connection(Batch(DocumentArray.empty(1)), Context()))
        await begun.wait()
        assert not await s.server.drain(0.01)
        draining = asyncio.ensure_future(s.server.drain(10))
        gate.set()
        assert await draining
        assert len(await call) == 1


async def test_ping(address):
    async with Serving(echo, address) as s:
        assert await s.connection.ping(5)


async def test_many_calls_at_once_pause_the_reading_and_all_are_answered(address):
    async with Serving(echo, address) as s:
        replies = await asyncio.gather(*(s.connection(Batch(), Context()) for _ in range(5000)))
    assert len(replies) == 5000


async def raw(server):
    _, path, port = parse(server.address)
    if not port:
        return await asyncio.open_unix_connection(path)
    is_secured = server.address.startswith('tcp+tls')
    secured = {'ssl': TLS['gateway'].now(), 'server_hostname': WORKER_NAME} if is_secured else {}
    return await asyncio.open_connection(path, port, **secured)


@pytest.mark.parametrize(
    'data',
    [
        b'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
        os.urandom(1000),
        b'\xff' * 64,
        b''.join(pack(99, 1, None)),
        b''.join(pack(Kind.CALL, 1, None)),
        b''.join(pack(Kind.CALL, 1, ['/', 'id', 'soon', '', '', {}, [['', 5]]])),
        b''.join(pack(Kind.CALL, 1, ['/', 'id', None, '', '', {}, [['', 10**12]]])),
        b''.join(pack(Kind.CALL, 1, ['/', 'id', None, '', '', {}, [['', -1]]], [b'abc'])),
        b''.join(pack(Kind.CALL, 1, ['/', 'id', None, '', '', {}, []])),
    ],
    ids=['http', 'random', 'ones', 'kind', 'meta', 'deadline', 'size', 'negative', 'empty'],
)
async def test_a_peer_that_talks_nonsense_is_cut_off_and_the_others_are_served(address, data):
    async with Serving(echo, address) as s:
        reader, writer = await raw(s.server)
        writer.write(data)
        if writer.can_write_eof():  # over TLS nobody can be half gone
            writer.write_eof()
            async with asyncio.timeout(10):
                await reader.read()  # until the server closes
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        assert len(await s.connection(Batch(DocumentArray.empty(2)), Context())) == 2


async def test_a_payload_of_nonsense_is_the_calls_error_only(address):
    from headrace.pipeline import Payload

    async def look(batch, context):
        return Batch(batch.docs)

    async with Serving(look, address) as s:
        with pytest.raises(HeadraceError):
            await s.connection(Batch(sources=[('', Payload(segments=[os.urandom(100)]))]), Context())
        assert len(await s.connection(Batch(DocumentArray.empty(1)), Context())) == 1


async def test_a_worker_that_speaks_another_version_is_refused(tmp_path):
    async def serve(reader, writer):
        data = bytearray(b''.join(pack(Kind.HELLO, 0, None)))
        data[6:8] = (77).to_bytes(2, 'little')
        writer.write(data)
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / 's')
    with pytest.raises((Unavailable, ProtocolError), match='version 77'):
        await connect(f'unix:{tmp_path}/s', timeout_s=5)
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize('text', ['', 'unix:', 'tcp:host', 'tcp::80', 'tcp:host:99999', 'http://x'])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(SpecError, match='unix:/path'):
        parse(text)

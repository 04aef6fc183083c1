"""Sockets under hostile bytes: a worker cuts the peer off and serves on; a caller's every call ends."""

import asyncio

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import Document, DocumentArray
from headrace.errors import HeadraceError
from headrace.pipeline import Batch, Context
from headrace.wire import Connection, Server, connect
from headrace.wire.address import parse
from headrace.wire.calls import pack_call, pack_reply
from headrace.wire.frames import HEADER, VERSION, Kind, pack

EXAMPLES = 400

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def good(window=()) -> bytes:
    docs = DocumentArray([Document(text='x' * n) for n in range(3)])
    call = pack_call(7, Batch(docs), Context('/', request_id='r', trace='t'), window)
    return b''.join(map(bytes, call))


def item(call: int) -> bytes:
    docs = Batch(DocumentArray([Document(text='part')]))
    return b''.join(map(bytes, pack_reply(call, docs, docs, Kind.ITEM)))


@st.composite
def mutated(draw):
    """A good call, or part of an answer, with some bytes changed, dropped or repeated."""
    data = bytearray(draw(st.sampled_from([good(), good((2, 100)), item(1), item(4)])))
    for _ in range(draw(st.integers(1, 6))):
        position = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(['flip', 'cut', 'insert']))
        if kind == 'flip':
            data[position] ^= 1 << draw(st.integers(0, 7))
        elif kind == 'cut' and len(data) > 2:
            del data[position : position + draw(st.integers(1, 20))]
        else:
            data[position:position] = draw(st.binary(max_size=20))
        if not data:
            break
    return bytes(data)


@st.composite
def framed(draw):
    """A frame whose header is right and whose content is anything."""
    meta = msgspec.msgpack.encode(draw(values))
    payload = draw(st.binary(max_size=64))
    kind = draw(st.sampled_from([*Kind, 0, 255]))
    padding = bytes(-(HEADER.size + len(meta)) % 16)
    body = meta + padding + payload
    return HEADER.pack(len(body), kind, 0, VERSION, draw(st.integers(0, 3)), len(meta)) + body


class Look:
    """Touches what came, as an executor would."""

    async def __call__(self, batch, context):
        return Batch(DocumentArray([Document(text=str(len(batch.docs)))]), {'got': batch.parameters})

    async def stream(self, batch, context):
        for _ in range(50):
            yield await self(batch, context)


async def attack(folder, streams):
    server = await Server(Look()).listen(f'unix:{folder}/s')
    _, path, _ = parse(server.address)
    try:
        for data in streams:
            reader, writer = await asyncio.open_unix_connection(path)
            async with asyncio.timeout(10):
                writer.write(data)
                writer.write_eof()
                await reader.read()
            writer.close()
        connection = await connect(server.address)
        reply = await connection(Batch(DocumentArray.empty(2)), Context())
        assert reply.docs.texts == ['2']
        parts = [part async for part in connection.stream(Batch(DocumentArray.empty(2)), Context())]
        assert [part.docs.texts for part in parts] == [['2']] * 50
        await connection.close()
    finally:
        await server.close()


@st.composite
def streaming(draw):
    """A stream that is asked for, and then grants, cancellations and other calls of any kind."""
    windows = st.lists(st.integers(-1, 2**33), max_size=3) | values
    frames = [good(draw(st.tuples(st.integers(0, 60), st.integers(0, 2**31 - 1))))]
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from([Kind.WINDOW, Kind.CANCEL, Kind.PING]))
        meta = draw(windows) if kind == Kind.WINDOW else None
        frames.append(b''.join(map(bytes, pack(kind, draw(st.sampled_from([7, 7, 8])), meta))))
    return b''.join(frames)


@settings(max_examples=EXAMPLES)
@given(
    data=st.lists(
        mutated() | framed() | streaming() | st.binary(min_size=1, max_size=200), min_size=1, max_size=5
    )
)
def test_hostile_streams(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp('w')
    asyncio.run(attack(folder, data))


async def read(connection):
    async for part in connection.stream(Batch(DocumentArray.empty(1)), Context()):
        assert isinstance(part, Batch)


async def befool(folder, said):
    """A caller whose worker says anything; its calls end when that worker does, at the latest."""

    async def serve(reader, writer):
        await reader.readexactly(HEADER.size)  # the first call is on its way
        for data in said:
            writer.write(data)
        writer.write_eof()
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(serve, folder / 's')
    heard = []
    connection = Connection(
        f'unix:{folder}/s', on_drain=lambda: heard.append('drain'), on_lost=lambda: heard.append('lost')
    )
    async with asyncio.timeout(10):
        opening = asyncio.ensure_future(connection.open())
        while not connection.is_open:  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0)
        calls = [
            asyncio.ensure_future(connection(Batch(DocumentArray.empty(1)), Context())) for _ in range(3)
        ]
        calls += [asyncio.ensure_future(read(connection)) for _ in range(2)]
        ping = connection.probe()
        for result in await asyncio.gather(opening, *calls, return_exceptions=True):
            assert result is None or isinstance(result, Batch | HeadraceError), result
        await ping
        await connection.ended
    assert heard in (['lost'], ['drain', 'lost'])
    assert repr(connection).endswith('closed, 0 waiting>')
    await connection.close()
    server.close()
    await server.wait_closed()


answers = st.sampled_from(
    [
        pack(Kind.DRAIN, 0, None),
        pack(Kind.HELLO, 0, None),
        pack(Kind.PONG, 4, None),
        pack(Kind.REPLY, 1, None),
        pack(Kind.END, 4, None),
        pack(Kind.END, 1, None),
        pack(Kind.WINDOW, 4, [1, 1]),
    ]
).map(lambda parts: b''.join(map(bytes, parts))) | st.integers(1, 6).map(item)


@settings(max_examples=EXAMPLES)
@given(data=st.lists(answers | mutated() | framed() | st.binary(min_size=1, max_size=200), max_size=6))
def test_hostile_workers(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp('w')
    asyncio.run(befool(folder, data))


def test_a_caller_that_says_what_only_a_worker_says_harms_nobody(tmp_path):
    drain = b''.join(map(bytes, pack(Kind.DRAIN, 0, None)))
    asyncio.run(attack(tmp_path, [drain, drain * 1000, drain + good(), good() + drain]))

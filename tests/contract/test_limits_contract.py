"""Over each limit, on each protocol: the status, one line in the audit log, and a server that is well."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import grpc
import httpx
import msgspec
import numpy as np
import pytest
import uvloop
import websockets

from headrace import DocList, Document, DocumentArray, Executor, requests
from headrace.documents.codec import columns, header
from headrace.documents.media import access
from headrace.executors import serve as serve_executor
from headrace.gateway import serve
from headrace.gateway.http import server as http_server
from headrace.pipeline import Graph, Node
from headrace.pipeline.offer import offer
from headrace.proto import headrace_pb2 as pb
from headrace.spec import ExecutorSpec, GatewaySpec
from headrace.spec.limits import LimitsSpec
from headrace.worker.loading import blueprint_of

Open = Callable[..., Awaitable[SimpleNamespace]]
FEW = {
    'documents': 5,
    'tensor_bytes': 1000,
    'parameters_bytes': 500,
    'json_depth': 12,
    'json_values': 100,
}


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that gateways run on."""
    return {'uvloop': uvloop.new_event_loop}


class Loader(Executor):
    """Gives back what it gets, and loads what it is told to."""

    @requests
    def echo(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Nothing."""

    @requests(on='/load')
    def load(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.load_uri_to_blob()

    @requests(on='/picture')
    def picture(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.load_uri_to_image_tensor()


class Refusals(logging.Handler):
    """The lines of the audit log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(record.getMessage()))


@pytest.fixture
def audit() -> Any:
    told, log = Refusals(), logging.getLogger('headrace.audit')
    log.addHandler(told)
    yield told.lines
    log.removeHandler(told)


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Open a gateway with all doors, in front of a real executor in this process."""
    async with AsyncExitStack() as stack:

        async def opened(*, doors: tuple[str, ...] = ('grpc', 'http', 'websocket'), **limits: Any) -> Any:
            blueprint = blueprint_of(ExecutorSpec(name='loader', uses=Loader), workspace='', base='')
            node = Node('loader', serve_executor(blueprint.build()), ('gateway',), blueprint.describe())
            spec = GatewaySpec(protocols=doors, limits=LimitsSpec(**limits))
            server = await serve(Graph([node]), offer('flow', [node]), spec)
            stack.push_async_callback(server.stop, 0)
            url = f'http://127.0.0.1:{server.ports["http"]}'
            http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)
            await stack.enter_async_context(http)
            channel = grpc.aio.insecure_channel(f'127.0.0.1:{server.ports["grpc"]}')
            stack.push_async_callback(channel.close)
            return SimpleNamespace(server=server, ports=server.ports, http=http, channel=channel)

        yield opened


async def over_http(it: Any, body: bytes, endpoint: str = '/') -> int:
    answer = await it.http.post(
        '/post',
        content=b'{"execEndpoint":"%b",%b' % (endpoint.encode(), body[1:]),
        headers={'content-type': 'application/json'},
    )
    if answer.status_code != 200:
        problem = answer.json()
        assert problem['status'] == answer.status_code
        assert problem['help']
    return answer.status_code


STATUSES = {'RESOURCE_EXHAUSTED': 413, 'INVALID_ARGUMENT': 400, 'PERMISSION_DENIED': 403, 'OK': 200}


async def over_grpc(it: Any, request: pb.Request) -> tuple[str, int]:
    """The status, and the one that HTTP has for it."""
    try:
        await it.channel.unary_unary('/headrace.v1.Headrace/Call')(request.SerializeToString())
    except grpc.aio.AioRpcError as error:
        code: str = error.code().name
        told = dict(error.trailing_metadata() or ()).get('headrace-error-bin')
        assert told is None or pb.Error.FromString(told).help
        return code, STATUSES.get(code, 500)
    return 'OK', 200


async def over_websocket(it: Any, body: bytes) -> int:
    """The status in the message that answers, in the language of our own."""
    address = f'ws://127.0.0.1:{it.ports["websocket"]}/'
    async with websockets.connect(address, subprotocols=['headrace.json.v1'], proxy=None) as socket:
        await socket.send(body.decode())
        told = json.loads(await asyncio.wait_for(socket.recv(), 20))
    found: int = (told.get('error') or told).get('status', 200)
    return found


async def is_well(it: Any) -> None:
    """Small requests are served as ever."""
    assert (await it.http.post('/post', json={'data': [{'text': 'a'}]})).status_code == 200
    assert (await over_grpc(it, pb.Request(json=b'[{"text": "a"}]')))[0] == 'OK'
    for _ in range(200):
        if not it.server.admission.requests:
            break
        await asyncio.sleep(0.01)
    assert not it.server.admission.requests


def nested(depth: int) -> bytes:
    return b'[' * depth + b']' * depth


BODIES = {
    'documents': (b'{"data": [' + b'{},' * 5 + b'{}]}', 413),
    'documents in an object': (b'{"data": {"docs": [' + b'{},' * 5 + b'{}]}}', 413),
    'parameters': (b'{"parameters": {"a": "' + b'x' * 500 + b'"}, "data": [{}]}', 413),
    'depth of parameters': (b'{"parameters": {"a": ' + nested(12) + b'}}', 400),
    'depth of tags': (b'{"data": [{"tags": {"a": ' + nested(12) + b'}}]}', 400),
    'values': (b'{"data": [{"tags": {"a": [' + b'1,' * 100 + b'1]}}]}', 413),
    'values that are empty': (b'{"data": [{"tags": {"a": [' + b'[],' * 100 + b'[]]}}]}', 413),
    'tensor': (
        b'{"data": [{"tensor": {"dtype": "<f8", "shape": [126], "data": "' + b'AAAA' * 336 + b'"}}]}',
        413,
    ),
}


@pytest.mark.parametrize('name', BODIES)
async def test_json_over_http(gateway: Open, audit: Any, name: str) -> None:
    it = await gateway(**FEW)
    body, status = BODIES[name]
    assert await over_http(it, body) == status
    wanted = 1 if status == 413 else 0  # what nests too deeply is a mistake, and refused as one
    assert len(audit) == wanted, audit
    await is_well(it)


@pytest.mark.parametrize('name', BODIES)
async def test_json_over_grpc(gateway: Open, audit: Any, name: str) -> None:
    it = await gateway(**FEW)
    body, status = BODIES[name]
    asked = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    request = pb.Request(
        json=bytes(asked.get('data', b'')),
        parameters_json=bytes(asked.get('parameters', b'')),
    )
    if name == 'documents in an object':
        pytest.skip('gRPC has one form of a list')
    assert (await over_grpc(it, request))[1] == status
    assert len(audit) == (1 if status == 413 else 0)
    await is_well(it)


@pytest.mark.parametrize('name', BODIES)
async def test_json_over_websocket(gateway: Open, audit: Any, name: str) -> None:
    it = await gateway(**FEW)
    body, status = BODIES[name]
    assert await over_websocket(it, body) == status
    assert len(audit) == (1 if status == 413 else 0)
    await is_well(it)


@pytest.mark.parametrize('protocol', ['http', 'grpc', 'websocket'])
@pytest.mark.parametrize('depth', [200, 100_000])
async def test_depth_that_no_stack_holds(gateway: Open, protocol: str, depth: int) -> None:
    it = await gateway()
    docs = b'[{"tags": {"a": ' + nested(depth) + b'}}]'
    if protocol == 'http':
        status = await over_http(it, b'{"data": ' + docs + b'}')
    elif protocol == 'grpc':
        status = (await over_grpc(it, pb.Request(json=docs)))[1]
    else:
        status = await over_websocket(it, b'{"endpoint": "/", "data": ' + docs + b'}')
    assert status == 400
    await is_well(it)


def many(count: int) -> bytes:
    return b''.join(columns.encode(DocList[Document]([Document() for _ in range(count)])))


def claiming(spec: Any, length: int = 1) -> bytes:
    written = msgspec.msgpack.encode(
        header.Header(length, {'id': header.Values(msgspec.Raw(b'\x91\xa1a')), 'tensor': spec})
    )
    return header.PREFIX.pack(header.MAGIC, len(written)) + written


COLUMNS = {
    'documents': many(6),
    'a tensor': b''.join(columns.encode(DocList[Document]([Document(tensor=np.zeros(126))]))),
    'a claim of 8 TB': claiming(header.Stack('<f8', (2**40,))),
    'a claim of many': claiming(header.Stack('<f8', (1,)), length=2**40),
    'a claim in a claim': claiming(header.Lists([2**40], header.Header(2**40, {}))),
}


@pytest.mark.parametrize('name', COLUMNS)
async def test_columns_over_grpc(gateway: Open, audit: Any, name: str) -> None:
    it = await gateway(**FEW)
    assert (await over_grpc(it, pb.Request(columns=COLUMNS[name])))[0] == 'RESOURCE_EXHAUSTED'
    assert [line['status'] for line in audit] == [413]
    await is_well(it)


async def test_rows_over_grpc(gateway: Open, audit: Any) -> None:
    it = await gateway(**FEW)
    rows = pb.Request(rows=pb.DocumentRows(documents=[pb.Document(text='a')] * 6))
    assert (await over_grpc(it, rows))[0] == 'RESOURCE_EXHAUSTED'
    tensor = pb.NdArray(dtype='float64', shape=[126], data=bytes(1008))
    rows = pb.Request(rows=pb.DocumentRows(documents=[pb.Document(tensor=tensor)]))
    assert (await over_grpc(it, rows))[0] == 'RESOURCE_EXHAUSTED'
    assert [line['status'] for line in audit] == [413, 413]
    lie = pb.NdArray(dtype='float64', shape=[2**40], data=b'12345678')
    rows = pb.Request(rows=pb.DocumentRows(documents=[pb.Document(tensor=lie)]))
    assert (await over_grpc(it, rows))[0] == 'INVALID_ARGUMENT'
    await is_well(it)


@pytest.mark.parametrize('protocol', ['http', 'grpc', 'websocket'])
async def test_a_client_that_asks_too_often(gateway: Open, audit: Any, protocol: str) -> None:
    it = await gateway(requests_per_s=0.01, burst=3)
    small, statuses = b'{"data": [{}]}', []
    for _ in range(4):
        if protocol == 'http':
            statuses.append(await over_http(it, small))
        elif protocol == 'grpc':
            statuses.append((await over_grpc(it, pb.Request()))[1])
        else:
            break
    if protocol == 'websocket':
        address = f'ws://127.0.0.1:{it.ports["websocket"]}/'
        async with websockets.connect(address, subprotocols=['headrace.json.v1'], proxy=None) as socket:
            for _ in range(4):
                await socket.send(small.decode())
                told = json.loads(await asyncio.wait_for(socket.recv(), 20))
                statuses.append((told.get('error') or told).get('status', 200))
    assert statuses[-1] in (429, 413)  # gRPC has one status for both
    assert [line['status'] for line in audit if line['reason'] == 'RateLimited'][:1] == [429]
    assert len(audit) == sum(status != 200 for status in statuses)
    assert (await it.http.get('/health')).status_code == 200


async def test_who_asks_too_often_hears_when_to_come_again(gateway: Open) -> None:
    it = await gateway(requests_per_s=0.25, burst=1)
    await it.http.post('/post', json={})
    answer = await it.http.post('/post', json={})
    assert (answer.status_code, answer.headers['retry-after']) == (429, '4')
    assert answer.json()['error'] == 'RateLimited'


HEADS = {
    'a long URL': (b'GET /' + b'x' * 2000 + b' HTTP/1.1\r\nhost: x\r\n\r\n', 414),
    'a long query': (b'GET /search?a=' + b'x' * 2000 + b' HTTP/1.1\r\nhost: x\r\n\r\n', 414),
    'many headers': (
        b'GET /health HTTP/1.1\r\nhost: x\r\n' + b''.join(b'x-%d: y\r\n' % i for i in range(20)) + b'\r\n',
        431,
    ),
    'large headers': (b'GET /health HTTP/1.1\r\nhost: x\r\nx-y: ' + b'z' * 3000 + b'\r\n\r\n', 431),
    'headers without end': (b'GET /health HTTP/1.1\r\nhost: x\r\nx-y: ' + b'z' * 3000, 431),
}


async def raw(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.readuntil(b'\r\n'), 20)
    finally:
        writer.close()


@pytest.mark.parametrize('name', HEADS)
async def test_heads_of_requests(gateway: Open, audit: Any, name: str) -> None:
    it = await gateway(headers=10, header_bytes=2048, url_bytes=1024)
    data, status = HEADS[name]
    assert int((await raw(it.ports['http'], data)).split()[1]) == status
    assert [line['status'] for line in audit] == [status]
    await is_well(it)


async def test_metadata_over_grpc(gateway: Open, audit: Any) -> None:
    it = await gateway(header_bytes=2048)
    call = it.channel.unary_unary('/headrace.v1.Headrace/Call')
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(pb.Request().SerializeToString(), metadata=[('x-large', 'y' * 4000)])
    assert caught.value.code().name == 'RESOURCE_EXHAUSTED'
    assert len(audit) <= 1  # where gRPC itself refuses, nobody is told
    await is_well(it)


async def open_sockets(port: int, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    return [await asyncio.open_connection('127.0.0.1', port) for _ in range(count)]


GET = b'GET /health HTTP/1.1\r\nhost: x\r\n\r\n'


@pytest.mark.parametrize('limit', ['connections', 'connections_per_host'])
async def test_connections(gateway: Open, audit: Any, limit: str) -> None:
    it = await gateway(**{limit: 5})
    sockets = await open_sockets(it.ports['http'], 5)
    for reader, writer in sockets:
        writer.write(GET)
        assert (await reader.readuntil(b'\r\n')).split()[1] == b'200'
    assert (await raw(it.ports['http'], GET)).split()[1] == b'429'
    assert [line['status'] for line in audit] == [429]
    for _, writer in sockets:
        writer.close()
        await writer.wait_closed()
    for _ in range(500):
        if (await raw(it.ports['http'], GET)).split()[1] == b'200':
            break
        await asyncio.sleep(0.01)
    await is_well(it)


@pytest.mark.parametrize(
    'sent', [b'', b'GET / HTTP/1.1\r\n', b'POST /post HTTP/1.1\r\ncontent-length: 99\r\n\r\n{']
)
async def test_clients_that_dawdle(gateway: Open, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """Hundreds of sockets that send a byte now and then are closed, while others are served."""
    monkeypatch.setattr(http_server, 'HEADERS_TIMEOUT_S', 1)
    monkeypatch.setattr(http_server, 'BODY_TIMEOUT_S', 1)
    it = await gateway()
    sockets = await open_sockets(it.ports['http'], 300)
    for _, writer in sockets:
        writer.write(sent)
    await is_well_in(it, 2.0)

    async def ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            writer.write(b'x')
            try:
                async with asyncio.timeout(0.3):
                    await reader.read(4096)
            except TimeoutError:
                pass
            except ConnectionError:
                break
        writer.close()

    async with asyncio.timeout(30):
        await asyncio.gather(*(ends(reader, writer) for reader, writer in sockets))
    await is_well(it)


async def is_well_in(it: Any, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        assert (await it.http.post('/post', json={'data': [{'text': 'a'}]})).status_code == 200


async def test_streams_of_one_client(gateway: Open, audit: Any) -> None:
    it = await gateway(streams_per_client=2)
    open_stream = it.channel.stream_stream('/headrace.v1.Headrace/Stream')
    streams = [open_stream() for _ in range(2)]
    for stream in streams:
        await stream.write(pb.Request(request_id='a').SerializeToString())
        await stream.read()
    third = open_stream()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await third.write(pb.Request().SerializeToString())
        await third.read()
    assert caught.value.code().name == 'RESOURCE_EXHAUSTED'
    assert [line['status'] for line in audit] == [429]
    for stream in streams:
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
    await is_well(it)


SSRF = [
    'file:///etc/passwd',
    '/etc/passwd',
    'http://127.0.0.1/',
    'http://169.254.169.254/latest/',
    'http://[::1]/',
]


@pytest.mark.parametrize('address', SSRF)
@pytest.mark.parametrize('protocol', ['http', 'grpc', 'websocket'])
async def test_addresses_of_the_server(
    gateway: Open, audit: Any, monkeypatch: pytest.MonkeyPatch, protocol: str, address: str
) -> None:
    monkeypatch.setattr(access._Process, 'access', access.Access(()))
    it = await gateway()
    docs = json.dumps([{'uri': address}]).encode()
    if protocol == 'http':
        status = await over_http(it, b'{"data": ' + docs + b'}', '/load')
    elif protocol == 'grpc':
        status = (await over_grpc(it, pb.Request(endpoint='/load', json=docs)))[1]
    else:
        status = await over_websocket(it, b'{"endpoint": "/load", "data": ' + docs + b'}')
    assert status == 403
    assert [(line['status'], line['endpoint']) for line in audit] == [(403, '/load')]
    await is_well(it)


def bomb() -> str:
    import base64
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    head = struct.pack('>IIBBBBB', 60_000, 60_000, 8, 2, 0, 0, 0)
    picture = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(bytes(1000)))
    return 'data:image/png;base64,' + base64.b64encode(picture).decode()


@pytest.mark.parametrize('protocol', ['http', 'grpc', 'websocket'])
async def test_a_picture_that_is_a_bomb(gateway: Open, audit: Any, protocol: str) -> None:
    it = await gateway()
    docs = json.dumps([{'uri': bomb()}]).encode()
    if protocol == 'http':
        status = await over_http(it, b'{"data": ' + docs + b'}', '/picture')
    elif protocol == 'grpc':
        status = (await over_grpc(it, pb.Request(endpoint='/picture', json=docs)))[1]
    else:
        status = await over_websocket(it, b'{"endpoint": "/picture", "data": ' + docs + b'}')
    assert status == 413
    assert [line['status'] for line in audit] == [413]
    await is_well(it)


def arrow_of(count: int) -> bytes:
    from headrace.documents.arrow.ipc import to_bytes

    return to_bytes(DocList[Document]([Document(text='a') for _ in range(count)]))


def form_of(count: int) -> tuple[bytes, str]:
    docs = json.dumps([{'text': 'a'}] * count)
    body = f'--b\r\nContent-Disposition: form-data; name="data"\r\n\r\n{docs}\r\n--b--\r\n'
    return body.encode(), 'multipart/form-data; boundary=b'


@pytest.mark.parametrize('kind', ['gzip', 'arrow', 'form', 'gzip of arrow'])
async def test_other_bodies_over_http(gateway: Open, audit: Any, kind: str) -> None:
    it = await gateway(documents=5)

    async def status_of(count: int) -> int:
        body, content = json.dumps({'data': [{'text': 'a'}] * count}).encode(), 'application/json'
        if 'arrow' in kind:
            body, content = arrow_of(count), 'application/vnd.apache.arrow.stream'
        elif kind == 'form':
            body, content = form_of(count)
        headers = {'content-type': content}
        if 'gzip' in kind:
            body = gzip.compress(body)
            headers['content-encoding'] = 'gzip'
        return (await it.http.post('/post', content=body, headers=headers)).status_code

    assert await status_of(5) == 200
    assert await status_of(6) == 413
    assert [line['status'] for line in audit] == [413]
    await is_well(it)


async def test_a_body_that_is_small_only_while_it_is_packed(gateway: Open, audit: Any) -> None:
    it = await gateway()
    bomb = gzip.compress(bytes(300 * 1024**2))
    answer = await it.http.post(
        '/post', content=bomb, headers={'content-type': 'application/json', 'content-encoding': 'gzip'}
    )
    assert answer.status_code == 413
    assert [line['status'] for line in audit] == [413]
    await is_well(it)

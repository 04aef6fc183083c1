"""Over each limit, on each protocol: the status, one line in the audit log, and a server that is well."""

from __future__ import annotations

import asyncio
import gzip
import json
import struct
from typing import Any

import grpc
import msgspec
import numpy as np
import pytest
from limited import Open, is_well, over_grpc, over_http, over_websocket
from waiting import until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from headrace import DocList, Document
from headrace.documents.codec import columns, header
from headrace.documents.media import access
from headrace.proto import headrace_pb2 as pb

ON_UVLOOP = True
"""As gateways are."""

FEW = {
    'documents': 5,
    'tensor_bytes': 1000,
    'parameters_bytes': 500,
    'json_depth': 12,
    'json_values': 100,
}


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
async def test_json_over_http(limited: Open, refusals: Any, name: str) -> None:
    it = await limited(**FEW)
    body, status = BODIES[name]
    assert await over_http(it, body) == status
    assert [line['status'] for line in refusals] == [status]
    await is_well(it)


@pytest.mark.parametrize('name', BODIES)
async def test_json_over_grpc(limited: Open, refusals: Any, name: str) -> None:
    it = await limited(**FEW)
    body, status = BODIES[name]
    asked = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    request = pb.Request(
        json=bytes(asked.get('data', b'')),
        parameters_json=bytes(asked.get('parameters', b'')),
    )
    if name == 'documents in an object':
        pytest.skip('gRPC has one form of a list')
    assert (await over_grpc(it, request))[1] == status
    assert [line['status'] for line in refusals] == [status]
    await is_well(it)


@pytest.mark.parametrize('name', BODIES)
async def test_json_over_websocket(limited: Open, refusals: Any, name: str) -> None:
    it = await limited(**FEW)
    body, status = BODIES[name]
    assert await over_websocket(it, body) == status
    assert [line['status'] for line in refusals] == [status]
    await is_well(it)


@pytest.mark.parametrize('protocol', ['http', 'grpc', 'websocket'])
@pytest.mark.parametrize('depth', [200, 100_000])
async def test_depth_that_no_stack_holds(limited: Open, protocol: str, depth: int) -> None:
    it = await limited()
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
async def test_columns_over_grpc(limited: Open, refusals: Any, name: str) -> None:
    it = await limited(**FEW)
    assert (await over_grpc(it, pb.Request(columns=COLUMNS[name])))[0] == 'RESOURCE_EXHAUSTED'
    assert [line['status'] for line in refusals] == [413]
    await is_well(it)


async def test_rows_over_grpc(limited: Open, refusals: Any) -> None:
    it = await limited(**FEW)
    rows = pb.Request(rows=pb.DocumentRows(documents=[pb.Document(text='a')] * 6))
    assert (await over_grpc(it, rows))[0] == 'RESOURCE_EXHAUSTED'
    tensor = pb.NdArray(dtype='float64', shape=[126], data=bytes(1008))
    rows = pb.Request(rows=pb.DocumentRows(documents=[pb.Document(tensor=tensor)]))
    assert (await over_grpc(it, rows))[0] == 'RESOURCE_EXHAUSTED'
    assert [line['status'] for line in refusals] == [413, 413]
    lie = pb.NdArray(dtype='float64', shape=[2**40], data=b'12345678')
    rows = pb.Request(rows=pb.DocumentRows(documents=[pb.Document(tensor=lie)]))
    assert (await over_grpc(it, rows))[0] == 'INVALID_ARGUMENT'
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
    limited: Open, refusals: Any, monkeypatch: pytest.MonkeyPatch, protocol: str, address: str
) -> None:
    monkeypatch.setattr(access._Process, 'access', access.Access(()))
    it = await limited()
    docs = json.dumps([{'uri': address}]).encode()
    if protocol == 'http':
        status = await over_http(it, b'{"data": ' + docs + b'}', '/load')
    elif protocol == 'grpc':
        status = (await over_grpc(it, pb.Request(endpoint='/load', json=docs)))[1]
    else:
        status = await over_websocket(it, b'{"endpoint": "/load", "data": ' + docs + b'}')
    assert status == 403
    assert [(line['status'], line['endpoint']) for line in refusals] == [(403, '/load')]
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
async def test_a_picture_that_is_a_bomb(limited: Open, refusals: Any, protocol: str) -> None:
    it = await limited()
    docs = json.dumps([{'uri': bomb()}]).encode()
    if protocol == 'http':
        status = await over_http(it, b'{"data": ' + docs + b'}', '/picture')
    elif protocol == 'grpc':
        status = (await over_grpc(it, pb.Request(endpoint='/picture', json=docs)))[1]
    else:
        status = await over_websocket(it, b'{"endpoint": "/picture", "data": ' + docs + b'}')
    assert status == 413
    assert [line['status'] for line in refusals] == [413]
    await is_well(it)


def arrow_of(count: int) -> bytes:
    from headrace.documents.arrow.ipc import to_bytes

    return to_bytes(DocList[Document]([Document(text='a') for _ in range(count)]))


def form_of(count: int) -> tuple[bytes, str]:
    docs = json.dumps([{'text': 'a'}] * count)
    body = f'--b\r\nContent-Disposition: form-data; name="data"\r\n\r\n{docs}\r\n--b--\r\n'
    return body.encode(), 'multipart/form-data; boundary=b'


@pytest.mark.parametrize('kind', ['gzip', 'arrow', 'form', 'gzip of arrow'])
async def test_other_bodies_over_http(limited: Open, refusals: Any, kind: str) -> None:
    it = await limited(documents=5)

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
    assert [line['status'] for line in refusals] == [413]
    await is_well(it)


TOO_LARGE = 'the request has more than the 100000 bytes that are accepted'


@pytest.mark.parametrize('protocol', ['http', 'grpc', 'websocket'])
@pytest.mark.parametrize('size', [100_001, 200_000, 3_000_000])
async def test_a_body_that_is_too_large(limited: Open, refusals: Any, protocol: str, size: int) -> None:
    it = await limited(body_bytes=100_000)
    docs = b'[{"text": "%b"}]' % (b'x' * size)
    if protocol == 'http':
        status = await over_http(it, b'{"data": ' + docs + b'}')
    elif protocol == 'grpc':
        status = (await over_grpc(it, pb.Request(json=docs)))[1]
    else:
        status = await over_websocket_closed(it, b'{"endpoint": "/", "data": ' + docs + b'}')
    assert status == 413
    await until(lambda: refusals)  # gRPC itself answers the client first
    await is_well(it)
    told = [(line['status'], line['detail'], line['protocol'], line['host']) for line in refusals]
    assert told == [(413, TOO_LARGE, protocol, '127.0.0.1')]


ANSWER_TOO_LARGE = 'the answer has more than the 100000 bytes that are sent'


@pytest.mark.parametrize('form', ['text/event-stream', 'application/x-ndjson', 'application/json'])
@pytest.mark.parametrize('protocol', ['http', 'graphql'])
async def test_an_answer_that_is_too_large(limited: Open, refusals: Any, protocol: str, form: str) -> None:
    it = await limited(doors=('grpc', 'http', 'websocket', 'graphql'), body_bytes=100_000)
    text, given = 'x' * 60_000, {'accept': form}
    if protocol == 'http':
        docs = [{'text': text}]
        answer = await it.http.post('/larger', json={'data': docs}, headers=given)
    elif form == 'application/x-ndjson':
        pytest.skip('GraphQL has no such form')
    else:
        query = 'mutation ($t: String) { larger(data: [{text: $t}]) { data { text } } }'
        asked = {'query': query, 'variables': {'t': text}}
        answer = await it.http.post('/graphql', json=asked, headers=given)
    assert ANSWER_TOO_LARGE in answer.text
    told = [(line['status'], line['detail'], line['protocol'], line['host']) for line in refusals]
    assert told == [(413, ANSWER_TOO_LARGE, protocol, '127.0.0.1')]
    await is_well(it)


async def over_websocket_closed(it: Any, body: bytes) -> int:
    """The status of a message that ends its connection."""
    address = f'ws://127.0.0.1:{it.ports["websocket"]}/'
    async with connect(address, subprotocols=['headrace.json.v1'], proxy=None) as socket:
        try:
            await socket.send(body.decode())
        except ConnectionClosed:
            pass
        await asyncio.wait_for(socket.wait_closed(), 20)
    return {1009: 413}.get(socket.close_code or 0, 500)


SERVICE = '/headrace.v1.Headrace/'
METHODS = {
    'Generate': f'{SERVICE}Generate',
    'Stream': f'{SERVICE}Stream',
    'Describe': f'{SERVICE}Describe',
    'Check': '/grpc.health.v1.Health/Check',
    'Watch': '/grpc.health.v1.Health/Watch',
    'Reflection': '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
}


@pytest.mark.parametrize('name', METHODS)
async def test_a_message_that_grpc_refuses_itself(limited: Open, refusals: Any, name: str) -> None:
    it = await limited(body_bytes=100_000)
    call: Any = it.channel.stream_stream(METHODS[name])(iter([bytes(3_000_000)]))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in call:
            pass
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    await is_well(it)
    assert [(line['status'], line['detail']) for line in refusals] == [(413, TOO_LARGE)]


@pytest.mark.parametrize('ends', ['cancelled', 'closed', 'half-closed'])
async def test_who_leaves_before_his_message_is_complete_is_not_refused(
    limited: Open, refusals: Any, ends: str
) -> None:
    it = await limited(body_bytes=100_000)
    channel = grpc.aio.insecure_channel(f'127.0.0.1:{it.ports["grpc"]}')
    call: Any = channel.stream_unary(f'{SERVICE}Call')()
    await until(lambda: bool(it.server.admission.requests))
    if ends == 'cancelled':
        call.cancel()
    elif ends == 'half-closed':
        await call.done_writing()
        with pytest.raises(grpc.aio.AioRpcError, match='has no request'):
            await call
    await channel.close()
    await is_well(it)
    assert refusals == []


async def test_a_body_that_is_small_only_while_it_is_packed(limited: Open, refusals: Any) -> None:
    it = await limited()
    bomb = gzip.compress(bytes(300 * 1024**2))
    answer = await it.http.post(
        '/post', content=bomb, headers={'content-type': 'application/json', 'content-encoding': 'gzip'}
    )
    assert answer.status_code == 413
    assert [line['status'] for line in refusals] == [413]
    await is_well(it)

"""The subprotocol headrace.columns.v1: messages of headrace.proto as binary messages."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from headrace.documents import DocList, Document
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import pack, unpack

LANGUAGE = 'headrace.columns.v1'


async def ask(socket: Any, request: pb.Request) -> pb.Reply:
    await socket.raw.send(request.SerializeToString())
    return await hear(socket)


async def hear(socket: Any) -> pb.Reply:
    return pb.Reply.FromString(await asyncio.wait_for(socket.raw.recv(), 30))


async def test_json_inside_of_a_message(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language=LANGUAGE)
    reply = await ask(
        socket, pb.Request(endpoint='/index', json=b'[{"id": "1", "title": "red hat"}]', request_id='a')
    )
    assert (reply.request_id, reply.more) == ('a', False)
    assert b'"Red Hat"' in reply.json


async def test_columns_come_back_as_columns(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial('/echo', language=LANGUAGE)
    docs = DocList[Document]([Document(id='1', text='hat')])
    await socket.raw.send(pack(pb.Request(request_id='c'), [docs.to_bytes()]))
    data = await asyncio.wait_for(socket.raw.recv(), 30)
    _, columns = unpack(pb.Reply, data)
    assert columns is not None
    assert DocList[Document].from_bytes(bytes(columns))[0].text == 'hat'


async def test_rows_without_documents(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language=LANGUAGE)
    reply = await ask(socket, pb.Request(endpoint='/echo'))
    assert reply.request_id
    assert not reply.rows.documents


async def test_parts(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language=LANGUAGE)
    request = pb.Request(endpoint='/words', json=b'[{"title": "big hat"}]', request_id='p', parts=True)
    heard = [await ask(socket, request), await hear(socket), await hear(socket)]
    assert [each.more for each in heard] == [True, True, False]
    assert [b'big' in heard[0].json, b'hat' in heard[1].json, heard[2].json] == [True, True, b'']
    assert {each.request_id for each in heard} == {'p'}


async def test_parameters_come_back_if_they_are_others(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language=LANGUAGE)
    reply = await ask(socket, pb.Request(endpoint='/echo', parameters_json=b'{"a": 1}'))
    assert reply.WhichOneof('parameter_form') is None


async def test_cancel_and_end(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language=LANGUAGE)
    await socket.raw.send(pb.Request(endpoint='/wait', request_id='w').SerializeToString())
    await asyncio.wait_for(gateway.shop.started.wait(), 30)
    await socket.raw.send(pb.Request(request_id='w', cancel=True).SerializeToString())
    await asyncio.wait_for(gateway.shop.cancelled.wait(), 30)
    await socket.raw.send(b'')
    assert await socket.closed() == (1000, '')


MISTAKES = {
    'garbage': (b'\xff\xff\xff\xff', 'INVALID_ARGUMENT'),
    'no time': (pb.Request(timeout_s=-1).SerializeToString(), 'INVALID_ARGUMENT'),
    'time that is no number': (pb.Request(timeout_s=float('nan')).SerializeToString(), 'INVALID_ARGUMENT'),
    'no JSON': (pb.Request(endpoint='/index', json=b'{').SerializeToString(), 'INVALID_ARGUMENT'),
    'no columns': (pack(pb.Request(endpoint='/index'), [b'garbage']), 'INVALID_ARGUMENT'),
    'a full queue': (pb.Request(endpoint='/full').SerializeToString(), 'RESOURCE_EXHAUSTED'),
}


@pytest.mark.parametrize('mistake', MISTAKES)
async def test_mistakes_leave_the_connection_open(gateway: SimpleNamespace, mistake: str) -> None:
    socket = await gateway.dial(language=LANGUAGE)
    data, status = MISTAKES[mistake]
    await socket.raw.send(data)
    assert (await hear(socket)).error.status == status
    assert not (await ask(socket, pb.Request(endpoint='/echo'))).error.status


async def test_text_is_not_spoken(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language=LANGUAGE)
    await socket.raw.send('{}')
    code, reason = await socket.closed()
    assert code == 1003
    assert 'binary' in (reason or '')

"""Requests and answers with many documents, at every door: the gateway looks after others in between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
from websockets.asyncio.client import connect

from headrace import DocList, Document, Executor, requests
from headrace.executors import serve as serve_executor
from headrace.gateway import serve
from headrace.gateway.turns import STEP_DOCS, Turns
from headrace.pipeline import Graph, Node
from headrace.pipeline.offer import offer
from headrace.proto import headrace_pb2 as pb
from headrace.spec import ExecutorSpec, GatewaySpec
from headrace.worker.loading import blueprint_of

COUNT = 8 * STEP_DOCS
DOCS = [{'id': f'{number}', 'text': 'hat'} for number in range(COUNT)]
ARROW = 'application/vnd.apache.arrow.stream'


class Echo(Executor):
    @requests(on='/echo')
    def echo(self, docs: DocList[Document], **kwargs: Any) -> DocList[Document]:
        return docs


@pytest.fixture
async def ports() -> AsyncIterator[dict[str, int]]:
    blueprint = blueprint_of(ExecutorSpec(name='echo', uses=Echo), workspace='', base='')
    nodes = [Node('echo', serve_executor(blueprint.build()), ('gateway',), blueprint.describe())]
    spec = GatewaySpec(protocols=('http', 'websocket', 'graphql', 'grpc'))
    gateway = await serve(Graph(nodes), offer('flow', nodes), spec)
    yield gateway.ports
    await gateway.stop()


@pytest.fixture
def turns(monkeypatch) -> list[Turns]:
    """The turns that were taken since."""
    taken: list[Turns] = []
    real = Turns.next

    async def noted(self: Turns) -> None:
        taken.append(self)
        await real(self)

    monkeypatch.setattr(Turns, 'next', noted)
    return taken


async def http(ports: dict[str, int], accept: str = 'application/json', **content: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f'http://127.0.0.1:{ports["http"]}', trust_env=False) as client:
        headers = {**content.pop('headers', {}), 'accept': accept}
        answer = await client.post('/echo', headers=headers, timeout=60, **content)
        assert answer.status_code == 200, answer.text
        return answer


async def as_json(ports: dict[str, int]) -> list[str]:
    return ids((await http(ports, json={'data': DOCS})).json()['data'])


async def as_events(ports: dict[str, int]) -> list[str]:
    lines = (await http(ports, 'text/event-stream', json={'data': DOCS})).text.splitlines()
    told = [json.loads(line.removeprefix('data: ')) for line in lines if line.startswith('data: ')]
    return ids(told[:-1])


async def as_lines(ports: dict[str, int]) -> list[str]:
    lines = (await http(ports, 'application/x-ndjson', json={'data': DOCS})).text.splitlines()
    return ids(json.loads(line)['item'] for line in lines[:-1])


async def as_form(ports: dict[str, int]) -> list[str]:
    return ids((await http(ports, files={'data': (None, json.dumps(DOCS))})).json()['data'])


async def as_websocket(ports: dict[str, int]) -> list[str]:
    url = f'ws://127.0.0.1:{ports["http"]}/'
    async with connect(url, subprotocols=['headrace.json.v1'], max_size=None) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({'endpoint': '/echo', 'data': DOCS}))
        return ids(json.loads(await socket.recv())['data'])


async def called(ports: dict[str, int], request: pb.Request) -> pb.Reply:
    options = [('grpc.max_receive_message_length', -1)]
    async with grpc.aio.insecure_channel(f'127.0.0.1:{ports["grpc"]}', options=options) as channel:
        call = channel.unary_unary('/headrace.v1.Headrace/Call')
        return pb.Reply.FromString(await call(request.SerializeToString()))


async def as_grpc_json(ports: dict[str, int]) -> list[str]:
    reply = await called(ports, pb.Request(endpoint='/echo', json=json.dumps(DOCS).encode()))
    return ids(json.loads(reply.json))


async def as_grpc_rows(ports: dict[str, int]) -> list[str]:
    request = pb.Request(endpoint='/echo')
    request.rows.documents.extend(pb.Document(**doc) for doc in DOCS)
    reply = await called(ports, request)
    return [doc.id for doc in reply.rows.documents]


def ids(docs: Any) -> list[str]:
    return [doc['id'] for doc in docs]


@pytest.mark.parametrize(
    'door', [as_json, as_events, as_lines, as_form, as_websocket, as_grpc_json, as_grpc_rows]
)
async def test_many_documents_take_many_turns(turns, ports, door):
    assert await door(ports) == [doc['id'] for doc in DOCS]
    assert len(turns) >= 2 * (COUNT // STEP_DOCS) - 1  # one way, and back


async def test_few_documents_take_no_turns(turns, ports):
    await http(ports, json={'data': DOCS[:16]})
    assert turns == []


async def test_arrow_comes_in_steps_too(monkeypatch, turns, ports):
    pytest.importorskip('pyarrow')
    from headrace.documents.arrow import from_bytes, to_bytes

    monkeypatch.setattr('headrace.gateway.http.arrow.STEP_ROWS', 100)
    body = to_bytes(DocList[Document].from_list(DOCS))
    answer = await http(ports, ARROW, content=body, headers={'content-type': ARROW})
    assert [doc.id for doc in from_bytes(answer.content, DocList[Document])] == [doc['id'] for doc in DOCS]
    assert len(turns) >= COUNT // 100


async def test_a_wrong_document_is_named_by_its_place_at_every_door(ports):
    wrong = [*DOCS[:-3], {'id': 'x', 'text': 3}, *DOCS[-2:]]
    place = f'$.data[{COUNT - 3}].text'
    async with httpx.AsyncClient(base_url=f'http://127.0.0.1:{ports["http"]}', trust_env=False) as client:
        answer = await client.post('/echo', json={'data': wrong}, timeout=60)
    assert answer.json()['errors'][0]['path'] == place
    request = pb.Request(endpoint='/echo', json=json.dumps(wrong).encode())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await called(ports, request)
    assert place in str(caught.value.details())
    rows = pb.Request(endpoint='/echo')
    rows.rows.documents.extend(pb.Document(**doc) for doc in DOCS[:-1])
    rows.rows.documents.add(id='x').fields['text'].integer = 3
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await called(ports, rows)
    assert f'$.data[{COUNT - 1}].text' in str(caught.value.details())

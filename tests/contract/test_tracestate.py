"""What vendors of tracing add to a trace goes through every door to executors, spans and other Flows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
import websockets
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, SamplingResult
from opentelemetry.trace import TraceState
from otlp import collector

from headrace import Client, Document, DocumentArray, Executor, Flow, dynamic_batching, requests
from headrace.proto import headrace_pb2 as pb

STATE = 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7'
PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flag}'
HEADERS = {'traceparent': PARENT.format(flag='01'), 'tracestate': STATE}


def here(context: Any) -> str:
    """What is known of the tracestate: in the context of the request, and in the span of user code."""
    span = otel.get_current_span().get_span_context()
    return f'{context.trace_state} {span.trace_state.to_header() if span.is_valid else "-"}'


class Shows(Executor):
    @requests(on='/show')
    async def show(self, docs: DocumentArray, context: Any, **kwargs: Any) -> None:
        docs.text = [here(context)] * len(docs)

    @requests(on='/threaded')
    def threaded(self, docs: DocumentArray, context: Any, **kwargs: Any) -> None:
        docs.text = [here(context)] * len(docs)

    @requests(on='/batched')
    @dynamic_batching(preferred_batch_size=4)
    async def batched(self, docs: DocumentArray, context: Any, **kwargs: Any) -> None:
        docs.text = [here(context)] * len(docs)

    @requests(on='/parts')
    async def parts(self, doc: Document, context: Any, **kwargs: Any) -> Any:
        yield Document(text=here(context))


@pytest.fixture(scope='module')
def plain() -> Iterator[Any]:
    """A Flow without traces: what comes goes on all the same."""
    flow = Flow().config_gateway(protocols=['grpc', 'http', 'websocket', 'graphql'])
    with flow.add(uses=Shows, name='shows') as running:
        yield running


@pytest.fixture(scope='module')
def traced() -> Iterator[Any]:
    with collector() as collected:
        flow = Flow(observe={'traces': {'endpoint': collected.url}}).config_gateway(
            protocols=['grpc', 'http']
        )
        with flow.add(uses=Shows, name='shows') as running:
            yield running


@pytest.mark.parametrize('endpoint', ['/show', '/threaded', '/batched', '/parts'])
@pytest.mark.parametrize('protocol', ['grpc', 'http', 'websocket'])
def test_it_goes_through_every_door_to_executors(plain, protocol, endpoint):
    address = f'{"ws" if protocol == "websocket" else protocol}://127.0.0.1:{plain.ports[protocol]}'
    with Client(address) as client:
        assert client.post(endpoint, Document(), metadata=HEADERS).texts == [f'{STATE} -']
        assert client.post(endpoint, Document(), metadata={'tracestate': STATE}).texts == [' -']


@pytest.mark.parametrize('endpoint', ['/show', '/threaded', '/batched', '/parts'])
@pytest.mark.parametrize('protocol', ['grpc', 'http'])
@pytest.mark.parametrize('flag', ['01', '00'])
def test_spans_of_user_code_have_it(traced, protocol, endpoint, flag):
    address = f'{protocol}://127.0.0.1:{traced.ports[protocol]}'
    own = STATE if flag == '01' else '-'  # of a request that is not recorded, there is no span
    given = {**HEADERS, 'traceparent': PARENT.format(flag=flag)}
    with Client(address) as client:
        assert client.post(endpoint, Document(), metadata=given).texts == [f'{STATE} {own}']


@pytest.mark.parametrize('protocol', ['grpc', 'http', 'websocket'])
def test_our_client_sends_that_of_the_program_that_calls(plain, protocol):
    class Vendor(Sampler):
        def should_sample(self, *given: Any, **named: Any) -> SamplingResult:
            decision = ParentBased(otel_always()).should_sample(*given, **named).decision
            return SamplingResult(decision, trace_state=TraceState.from_header(['vendor=1']))

        def get_description(self) -> str:
            return 'Vendor'

    address = f'{"ws" if protocol == "websocket" else protocol}://127.0.0.1:{plain.ports[protocol]}'
    own = TracerProvider(sampler=Vendor(), shutdown_on_exit=False).get_tracer('program')
    with Client(address) as client, own.start_as_current_span('program'):
        assert client.post('/show', Document()).texts == ['vendor=1 -']


def otel_always() -> Sampler:
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    return ALWAYS_ON


@pytest.mark.parametrize('kind', ['plain', 'traced'])
def test_an_external_flow_gets_it(request, kind):
    inner = request.getfixturevalue(kind)
    outer = Flow(place='in-process').add(
        name='shows', external=True, host='127.0.0.1', port=inner.ports['grpc']
    )
    with outer as flow:
        (text,) = flow.post('/show', Document(), metadata=HEADERS).texts
    assert text == f'{STATE} {STATE if kind == "traced" else "-"}'


def test_in_one_process_it_is_there_too():
    with Flow(place='in-process').add(uses=Shows, name='shows') as flow:
        assert flow.post('/show', Document(), metadata=HEADERS).texts == [f'{STATE} -']


async def test_headers_in_pieces_are_one(plain):
    given = [
        ('traceparent', HEADERS['traceparent']),
        ('tracestate', 'congo=t61rcWkgMzE'),
        ('tracestate', 'a=b'),
    ]
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f'http://127.0.0.1:{plain.ports["http"]}/show'
        answer = await client.post(url, json={'data': [{}]}, headers=given)
    assert answer.json()['data'][0]['text'] == 'congo=t61rcWkgMzE,a=b -'


async def test_grpc_metadata_in_pieces_is_one(plain):
    given = (
        ('traceparent', HEADERS['traceparent']),
        ('tracestate', 'congo=t61rcWkgMzE'),
        ('tracestate', 'a=b'),
    )
    async with grpc.aio.insecure_channel(f'127.0.0.1:{plain.ports["grpc"]}') as channel:
        call: Any = channel.unary_unary('/headrace.v1.Headrace/Call')
        asked = pb.Request(endpoint='/show', json=b'[{}]').SerializeToString()
        answer = pb.Reply.FromString(await call(asked, metadata=given))
    assert json.loads(answer.json)[0]['text'] == 'congo=t61rcWkgMzE,a=b -'


async def test_a_message_of_a_websocket_says_it(plain):
    protocols = [websockets.Subprotocol('headrace.json.v1')]
    address = f'ws://127.0.0.1:{plain.ports["websocket"]}/'
    async with websockets.connect(address, proxy=None, subprotocols=protocols) as socket:
        await socket.send(json.dumps({'endpoint': '/show', 'data': [{}], **HEADERS}))
        assert json.loads(await socket.recv())['data'][0]['text'] == f'{STATE} -'


async def test_graphql_says_it_as_a_header_and_as_an_extension(plain):
    query = 'query { show(data: [{text: "a"}]) { data { text } } }'
    port = plain.ports['graphql']
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f'http://127.0.0.1:{port}/graphql'
        answer = await client.post(url, json={'query': query}, headers=HEADERS)
    assert 'errors' not in answer.json(), answer.text
    assert answer.json()['data']['show']['data'][0]['text'] == f'{STATE} -'
    protocols = [websockets.Subprotocol('graphql-transport-ws')]
    async with websockets.connect(
        f'ws://127.0.0.1:{port}/graphql', proxy=None, subprotocols=protocols
    ) as socket:
        await socket.send(json.dumps({'type': 'connection_init'}))
        await socket.recv()
        payload = {'query': query, 'extensions': HEADERS}
        await socket.send(json.dumps({'type': 'subscribe', 'id': '1', 'payload': payload}))
        said = json.loads(await socket.recv())
    assert said['payload']['data']['show']['data'][0]['text'] == f'{STATE} -'

"""One tree of spans from the caller to every executor, as a real collector receives it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import websockets
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from otlp import (
    Collector,
    Received,
    collector,
    drawn,
    http_collector,
    is_one_tree,
    is_whole,
    named,
    of_trace,
)

from headrace import Client, Document, DocumentArray, Executor, Flow, dynamic_batching, requests
from headrace.errors import BadServer

TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
SPAN = '00f067aa0ba902b7'


class Encoder(Executor):
    @requests(on='/index')
    def encode(self, docs, tracing_context, **kwargs):
        with self.tracer.start_as_current_span('tokenise') as span:
            span.set_attribute('texts', len(docs))
        with self.tracer.start_as_current_span('given', context=tracing_context):
            pass

    @requests(on='/fail')
    def fail(self, docs, **kwargs):
        raise ValueError('no such word')

    @requests(on='/words')
    async def words(self, doc: Document, tracing_context, **kwargs):
        for word in doc.text.split():
            yield Document(text=word)
        with self.tracer.start_as_current_span('given', context=tracing_context):
            pass

    @requests(on='/letters')
    def letters(self, doc: Document, **kwargs):
        with self.tracer.start_as_current_span('around'):
            for letter in doc.text:
                with self.tracer.start_as_current_span('letter'):
                    yield Document(text=letter)


class Index(Executor):
    @requests(on='/index')
    @dynamic_batching(preferred_batch_size=8)
    async def add(self, docs, **kwargs):
        with self.tracer.start_as_current_span('index'):
            await asyncio.sleep(0.02)

    @requests(on='/letters')
    def upper(self, docs, **kwargs):
        docs.text = [text.upper() for text in docs.text]


class Journal(Executor):
    @requests
    def note(self, docs, **kwargs):
        pass


class Running(NamedTuple):
    flow: Any
    collected: Collector

    def trees(self, names: Iterable[str], trace: str = '') -> list[Received]:
        """The spans of the one trace that has all of these names (so often), each with the one around it."""
        wanted = Counter(names)

        def whole(spans: list[Received]) -> list[Received]:
            for each in {span.trace for span in spans} if not trace else {trace}:
                found = of_trace(spans, each)
                if wanted <= Counter(span.name for span in found) and is_whole(found):
                    return found
            return []

        return whole(self.collected.until(whole))


def traced(collected: Collector, **settings: Any) -> Flow:
    observe = {'traces': {'endpoint': collected.url, **settings}}
    flow = Flow(name='shop', observe=observe).add(uses=Encoder, name='encoder', replicas=2)
    return flow.add(uses=Index, name='index', shards=2, polling='ALL').add(
        uses=Journal, name='journal', floating=True, needs='encoder'
    )


@pytest.fixture(scope='module')
def running() -> Iterator[Running]:
    with collector() as collected:
        flow = traced(collected).config_gateway(protocols=['grpc', 'http', 'websocket', 'graphql'])
        with flow as started:
            yield Running(started, collected)


def texts(*given: str) -> DocumentArray:
    return DocumentArray([Document(text=text) for text in given])


INDEX = {
    *('/index', 'encoder', 'index', 'journal', 'tokenise', 'given', 'batch', 'handler'),
    *('index/shard-0/rep-0 /index', 'index/shard-1/rep-0 /index', 'journal /index'),
}


@pytest.mark.parametrize('protocol', ['grpc', 'http', 'websocket'])
def test_one_tree_from_the_program_to_every_worker(running, protocol):
    address = f'{"ws" if protocol == "websocket" else protocol}://127.0.0.1:{running.flow.ports[protocol]}'
    own = TracerProvider(shutdown_on_exit=False).get_tracer('program')
    with Client(address) as client, own.start_as_current_span('program') as program:
        client.post('/index', texts('a'))
    caller = program.get_span_context()
    spans = running.trees(INDEX, f'{caller.trace_id:032x}')
    assert is_one_tree(spans, f'{caller.span_id:016x}'), drawn(spans)
    (request,) = named(spans, '/index')
    assert request.kind == 'server'
    assert request.attributes['headrace.protocol'] == protocol
    assert request.attributes['headrace.status'] == 200
    assert request.attributes['headrace.documents'] == 1


async def test_graphql_continues_the_trace_of_its_caller(running):
    query = 'mutation { index(data: [{text: "a"}]) { data { text } } }'
    headers = {'traceparent': f'00-{TRACE}-{SPAN}-01'}
    address = f'http://127.0.0.1:{running.flow.ports["graphql"]}/graphql'
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(address, json={'query': query}, headers=headers)
    assert 'errors' not in answer.json(), answer.text
    spans = running.trees(INDEX, TRACE)
    assert is_one_tree(spans, SPAN), drawn(spans)
    assert named(spans, '/index')[0].attributes['headrace.protocol'] == 'graphql'


async def test_several_calls_of_one_operation_are_of_one_trace(running):
    one, other = (f'{name}: index(data: [{{text: "{name}"}}]) {{ data {{ id }} }}' for name in 'ab')
    query = f'mutation {{ {one} {other} }}'
    address = f'http://127.0.0.1:{running.flow.ports["graphql"]}/graphql'
    headers = {'x-request-id': 'two-calls'}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(address, json={'query': query}, headers=headers)
    assert 'errors' not in answer.json(), answer.text

    def both(spans: list[Received]) -> list[Received]:
        found = [span for span in spans if span.attributes.get('headrace.request_id') == 'two-calls']
        return found if len(named(found, '/index')) == 2 else []

    assert len({span.trace for span in both(running.collected.until(both))}) == 1


async def test_each_message_of_a_websocket_has_its_own_trace(running):
    traces = [f'{number:032x}' for number in (0xA1, 0xA2)]
    address = f'ws://127.0.0.1:{running.flow.ports["websocket"]}/'
    async with websockets.connect(
        address, proxy=None, subprotocols=[websockets.Subprotocol('headrace.json.v1')]
    ) as socket:
        for number, trace in enumerate(traces):
            ask = {'id': str(number), 'endpoint': '/index', 'data': [{'text': 'a'}]}
            await socket.send(json.dumps({**ask, 'traceparent': f'00-{trace}-{SPAN}-01'}))
            await socket.recv()
    for trace in traces:
        spans = running.trees(INDEX, trace)
        assert is_one_tree(spans, SPAN), drawn(spans)


def test_without_a_caller_who_traces_the_gateway_begins(running):
    with Client(f'http://127.0.0.1:{running.flow.ports["http"]}') as client:
        client.post('/index', texts('a'), metadata={'x-request-id': 'mine'})

    def mine(spans: list[Received]) -> list[Received]:
        return [each for each in spans if each.attributes.get('headrace.request_id') == 'mine']

    first = mine(running.collected.until(mine))[0]
    spans = running.trees(INDEX, first.trace)
    assert is_one_tree(spans), drawn(spans)
    names = {span.name: span for span in spans}
    services = {span.service for span in spans}
    assert services == {'gateway', 'encoder', 'index', 'journal'}
    assert {span.resource['service.namespace'] for span in spans} == {'shop'}
    assert names['encoder'].kind == 'client'
    assert names['encoder'].attributes['headrace.replica'] in ('encoder/rep-0', 'encoder/rep-1')
    by_id = {span.id: span for span in spans}
    for name in ('tokenise', 'given'):
        assert by_id[names[name].parent].name == 'handler'
        assert by_id[names[name].parent].attributes['headrace.method'] == 'encode'


def test_requests_that_share_a_batch_are_linked_to_it(running):
    with Client(f'grpc://127.0.0.1:{running.flow.ports["grpc"]}') as client:
        own = TracerProvider(shutdown_on_exit=False).get_tracer('program')
        with own.start_as_current_span('program') as program:
            client.post('/index', texts(*'abcdefghijkl'), request_size=1)
    trace = f'{program.get_span_context().trace_id:032x}'

    def complete(spans: list[Received]) -> list[Received]:
        found = of_trace(spans, trace)
        at_work = [span for span in found if span.name.startswith('index/shard-')]
        return at_work if len(at_work) == 24 and all(span.links for span in at_work) else []

    at_work = complete(running.collected.until(complete))
    spans = of_trace(running.collected.spans, trace)
    batches = {span.id: span for span in named(spans, 'batch')}
    assert len(batches) < 24  # some were shared
    for span in at_work:
        assert all(span.id in batches[link].links for link in span.links)
    for batch in batches.values():
        assert batch.parent in batch.links
        assert batch.attributes['headrace.requests'] == len(batch.links)
    assert named(spans, 'queue')  # what waited for its batch says so


def test_errors_are_on_every_span_that_they_passed(running):
    with Client(f'http://127.0.0.1:{running.flow.ports["http"]}') as client, pytest.raises(BadServer):
        client.post('/fail', texts('a'), metadata={'traceparent': f'00-{"e" * 32}-{SPAN}-01'})
    spans = running.trees({'/fail', 'encoder', 'handler'}, 'e' * 32)
    spans = [span for span in spans if span.name != 'queue']
    assert all(span.is_error for span in spans), drawn(spans)
    assert {span.attributes['error.type'] for span in spans} == {'ValueError', 'ExecutorFailure'}
    assert (
        "raise ValueError('no such word')"
        in named(spans, 'encoder')[0].events['exception']['exception.stacktrace']
    )
    assert named(spans, '/fail')[0].attributes['headrace.status'] == 500


async def test_what_a_client_has_done_wrong_is_told_and_is_no_failure(running):
    headers = {'traceparent': f'00-{"f" * 32}-{SPAN}-01'}
    async with httpx.AsyncClient(trust_env=False) as client:
        address = f'http://127.0.0.1:{running.flow.ports["http"]}/post'
        body = {'data': [{'text': 'a'}], 'targetExecutor': 'nobody'}
        answer = await client.post(address, json=body, headers=headers)
    assert answer.status_code == 400, answer.text
    (request,) = running.trees({'/post'} if answer.is_success else {'/'}, 'f' * 32)
    assert not request.is_error
    assert request.attributes['error.type'] == 'RequestError'
    assert request.attributes['headrace.status'] == 400


@pytest.mark.parametrize('protocol', ['grpc', 'http', 'websocket'])
@pytest.mark.parametrize(('endpoint', 'count'), [('/words', 3), ('/letters', 9)])
def test_a_stream_is_one_span_until_its_end(running, protocol, endpoint, count):
    address = f'{"ws" if protocol == "websocket" else protocol}://127.0.0.1:{running.flow.ports[protocol]}'
    own = TracerProvider(shutdown_on_exit=False).get_tracer('program')
    with Client(address) as client, own.start_as_current_span('program') as program:
        assert len(list(client.stream_doc(endpoint, Document(text='one two b')))) == count
    caller = program.get_span_context()
    parts = {'/words': ['given'], '/letters': ['around', *['letter'] * count, 'index', *['handler'] * 2]}
    journal = ['journal', 'handler'] * count  # it gets each part
    names = [endpoint, 'encoder', 'handler', *parts[endpoint], *journal]
    spans = running.trees(names, f'{caller.trace_id:032x}')
    assert is_one_tree(spans, f'{caller.span_id:016x}'), drawn(spans)
    for span in (*named(spans, endpoint), *named(spans, 'encoder'), *_of_method(spans, endpoint[1:])):
        assert 'first item' in span.events, span
        assert span.attributes['headrace.items'] == count
    if endpoint == '/letters':
        (around,) = named(spans, 'around')
        assert {span.parent for span in named(spans, 'letter')} == {around.id}
        assert len(named(spans, 'letter')) == count
        assert len(named(spans, 'index')) == 1  # of what follows the stream, its first part
    else:
        assert named(spans, 'given')[0].parent == _of_method(spans, 'words')[0].id


def _of_method(spans: list[Received], method: str) -> list[Received]:
    return [span for span in spans if span.attributes.get('headrace.method') == method]


@pytest.mark.parametrize('flag', ['01', '00'])
def test_an_external_flow_continues_the_trace(running, flag):
    trace = f'{0xB0 + int(flag):032x}'
    observe = {'traces': {'endpoint': running.collected.url}}
    outer = Flow(name='outer', observe=observe).add(
        name='shop', external=True, host='127.0.0.1', port=running.flow.ports['grpc']
    )
    with outer as flow:
        flow.post('/index', texts('a'), metadata={'traceparent': f'00-{trace}-{SPAN}-{flag}'})
    if flag == '00':
        assert of_trace(running.collected.spans, trace) == []
        return
    spans = running.trees({*INDEX, 'shop'}, trace)
    assert is_one_tree(spans, SPAN), drawn(spans)
    inner = [span for span in named(spans, '/index') if span.resource['service.namespace'] == 'shop']
    (visit,) = named(spans, 'shop')
    assert [span.parent for span in inner] == [visit.id]


@pytest.mark.parametrize('place', ['local', 'in-process'])
@pytest.mark.parametrize(
    ('settings', 'flag', 'is_recorded'),
    [
        ({'sample': 0}, '', False),
        ({'sample': 1}, '', True),
        ({'sample': 1}, '00', False),
        ({'sample': 0}, '01', True),
        ({'sample': 0, 'follow': False}, '01', False),
        ({'sample': 1, 'follow': False}, '00', True),
    ],
)
def test_it_is_decided_once_what_is_recorded(place, settings, flag, is_recorded):
    metadata = {'traceparent': f'00-{TRACE}-{SPAN}-{flag}'} if flag else {}
    with collector() as collected:
        observe = {'traces': {'endpoint': collected.url, **settings}}
        with Flow(place=place, observe=observe).add(uses=Encoder, name='encoder') as flow:
            flow.post('/index', texts('a'), metadata=metadata)
        names = {span.name for span in collected.spans} - {'queue'}  # at the end, all have been sent
        assert names == (EVERYTHING[place] if is_recorded else set())
        if flag and is_recorded:
            assert {span.trace for span in collected.spans} == {TRACE}


def test_no_caller_chooses_a_trace_that_is_recorded_where_callers_do_not_decide():
    lowest = f'00-{TRACE[:16]}{"0" * 16}-{SPAN}-01'
    with collector() as collected:
        observe = {'traces': {'endpoint': collected.url, 'sample': 1e-9, 'follow': False}}
        with Flow(place='in-process', observe=observe).add(uses=Encoder, name='encoder') as flow:
            flow.post('/index', texts('a'), metadata={'traceparent': lowest})
        assert not collected.spans


HERE = {'/index', 'encoder', 'handler', 'tokenise', 'given'}
EVERYTHING = {'in-process': HERE, 'local': {*HERE, 'encoder /index'}}


def test_in_one_process_there_is_one_tree():
    with collector() as collected:
        own = TracerProvider(shutdown_on_exit=False).get_tracer('program')
        observe = {'traces': {'endpoint': collected.url}}
        flow = Flow(name='shop', place='in-process', observe=observe).add(uses=Encoder, name='encoder')
        flow = flow.add(uses=Index, name='index', shards=2, polling='ALL')
        with flow as started, own.start_as_current_span('program') as program:
            started.post('/index', texts('a', 'b'))
            assert otel.get_current_span() is program
        spans = collected.spans
        assert is_one_tree(spans, f'{program.get_span_context().span_id:016x}'), drawn(spans)
        assert len(named(spans, 'batch')) == 2
        assert {'tokenise', 'given', 'index'} <= {span.name for span in spans}


def test_spans_over_http_with_headers():
    with http_collector() as collected:
        traces = {'endpoint': collected.url, 'protocol': 'http', 'headers': {'Api-Key': 'secret'}}
        with Flow(observe={'traces': traces}, place='in-process').add(uses=Journal, name='journal') as flow:
            flow.post('/', texts('a'))
        assert named(collected.spans, 'journal')
        for headers in collected.headers:
            assert headers[':path'] == '/v1/traces'
            assert {key.lower(): value for key, value in headers.items()}['api-key'] == 'secret'


def test_opentelemetrys_variables(monkeypatch):
    with collector() as collected:
        monkeypatch.setenv('OTEL_EXPORTER_OTLP_ENDPOINT', collected.url)
        monkeypatch.setenv('OTEL_EXPORTER_OTLP_HEADERS', 'api-key=secret')
        monkeypatch.setenv('OTEL_SERVICE_NAME', 'mine')
        monkeypatch.setenv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment=test')
        with Flow(observe={'traces': {'enabled': True}}).add(uses=Journal, name='journal') as flow:
            flow.post('/', texts('a'))
        assert {span.service for span in collected.spans} == {'mine'}
        assert {span.resource['deployment.environment'] for span in collected.spans} == {'test'}
        assert {headers['api-key'] for headers in collected.headers} == {'secret'}

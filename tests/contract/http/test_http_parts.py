"""Answers in parts: server-sent events and lines of JSON, their errors, their pace, their end."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx_sse
import pytest
from waiting import until_still

from headrace import BaseDoc, Executor, requests
from headrace.errors import Overloaded
from headrace.gateway.http import parts
from headrace.spec.limits import LimitsSpec

EVENTS = {'accept': 'text/event-stream'}
LINES = {'accept': 'application/x-ndjson'}


class Word(BaseDoc):
    text: str = ''
    number: int = 0


class Speaker(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.made = 0
        self.ended = asyncio.Event()
        self.go = asyncio.Event()

    @requests(on='/say')
    async def say(self, doc: Word, parameters: dict, **kwargs) -> AsyncIterator[Word]:
        """Say the words of a text."""
        try:
            for number, word in enumerate(doc.text.split()):
                self.made += 1
                yield Word(text=word + parameters.get('end', ''), number=number)
        finally:
            self.ended.set()

    @requests(on='/flood')
    async def flood(self, doc: Word, **kwargs) -> AsyncIterator[Word]:
        try:
            for number in range(doc.number):
                self.made += 1
                yield Word(text='x' * 10_000, number=number)
        finally:
            self.ended.set()

    @requests(on='/wait')
    async def wait(self, doc: Word, **kwargs) -> AsyncIterator[Word]:
        try:
            yield Word(text='first')
            await self.go.wait()
            yield Word(text='second')
        finally:
            self.ended.set()

    @requests(on='/slow')
    async def slow(self, doc: Word, **kwargs) -> AsyncIterator[Word]:
        await self.go.wait()
        yield Word(text='at last')

    @requests(on='/break')
    async def break_off(self, doc: Word, **kwargs) -> AsyncIterator[Word]:
        yield Word(text='whole')
        raise ValueError('no more')

    @requests(on='/full')
    async def full(self, doc: Word, **kwargs) -> AsyncIterator[Word]:
        raise Overloaded('too many', retry_after_s=3)
        yield doc

    @requests(on='/upper')
    async def upper(self, docs, **kwargs):
        for doc in docs:
            doc.text = doc.text.upper()


async def events(client, method, path, **more):
    async with httpx_sse.aconnect_sse(client, method, path, **more) as source:
        return [(event.event, json.loads(event.data)) async for event in source.aiter_sse()]


@pytest.fixture
async def speaker(open_flow):
    return await open_flow(Speaker)


async def test_a_post_gives_an_event_for_each_document(speaker):
    body = {'data': [{'text': 'red hat', 'id': '1'}], 'parameters': {'end': '!'}}
    request = {'json': body, 'headers': {**EVENTS, 'x-request-id': 'mine'}}
    answer = await speaker.client.post('/say', **request)
    assert answer.status_code == 200
    assert answer.headers['content-type'] == 'text/event-stream'
    assert answer.headers['cache-control'] == 'no-store'
    assert answer.headers['x-request-id'] == 'mine'
    found = await events(speaker.client, 'POST', '/say', **request)
    assert [kind for kind, _ in found] == ['item', 'item', 'end']
    assert [data['text'] for _, data in found[:2]] == ['red!', 'hat!']
    assert found[2][1]['header'] == {
        'requestId': 'mine',
        'execEndpoint': '/say',
        'targetExecutor': '',
        'status': None,
    }
    assert found[2][1]['items'] == 2


async def test_a_get_takes_fields_and_parameters_from_its_query(speaker):
    query = {'text': 'one 2 three', 'end': '?', 'number': '3'}
    found = await events(speaker.client, 'GET', '/say', params=query, headers=EVENTS)
    assert [data['text'] for kind, data in found if kind == 'item'] == ['one?', '2?', 'three?']
    query = {'data': '[{"text": "a"}, {"text": "b c"}]', 'parameters': '{"end": "."}'}
    found = await events(speaker.client, 'GET', '/say', params=query, headers=EVENTS)
    assert [data['text'] for kind, data in found if kind == 'item'] == ['a.', 'b.', 'c.']


async def test_the_body_names_the_endpoint_of_post(speaker):
    body = {'data': {'text': 'a'}, 'execEndpoint': '/say'}
    found = await events(speaker.client, 'POST', '/post', json=body, headers=EVENTS)
    assert [kind for kind, _ in found] == ['item', 'end']
    query = {'text': 'a', 'execEndpoint': '/say'}
    found = await events(speaker.client, 'GET', '/post', params=query, headers=EVENTS)
    assert [kind for kind, _ in found] == ['item', 'end']


async def test_an_endpoint_that_is_no_generator_gives_its_documents(speaker):
    body = {'data': [{'text': 'a'}, {'text': 'b'}]}
    found = await events(speaker.client, 'POST', '/upper', json=body, headers=EVENTS)
    assert [data.get('text') for _, data in found] == ['A', 'B', None]


async def test_lines_of_json(speaker):
    answer = await speaker.client.post('/say', json={'data': {'text': 'a b'}}, headers=LINES)
    assert answer.headers['content-type'] == 'application/x-ndjson'
    item, other, end = map(json.loads, answer.text.splitlines())
    assert (item['item']['text'], other['item']['text'], end['end']['items']) == ('a', 'b', 2)


async def test_no_generator_is_called_unless_it_is_accepted(speaker):
    answer = await speaker.client.post('/say', json={'data': {'text': 'a b'}})
    assert [doc['text'] for doc in answer.json()['data']] == ['a', 'b']
    assert (await speaker.client.get('/say')).status_code == 405


@pytest.mark.parametrize('headers', [EVENTS, LINES])
async def test_what_goes_wrong_first_has_a_status_of_its_own(speaker, headers):
    unfit = await speaker.client.post('/say', json={'data': {'text': 3}}, headers=headers)
    assert unfit.status_code == 422
    assert unfit.headers['content-type'] == 'application/problem+json'
    assert unfit.json()['errors'][0]['path'] == '$.data.text'
    full = await speaker.client.post('/full', json={'data': {}}, headers=headers)
    assert (full.status_code, full.headers['retry-after']) == (429, '3')
    missing = await speaker.client.get('/nothing', headers=headers)
    assert missing.status_code == 404


async def test_what_goes_wrong_later_is_an_event(speaker):
    found = await events(speaker.client, 'POST', '/break', json={'data': {}}, headers=EVENTS)
    assert [kind for kind, _ in found] == ['item', 'error']
    problem = found[1][1]
    assert (problem['status'], problem['error'], problem['executor']) == (500, 'ExecutorFailure', 'speaker')
    assert 'traceback' not in problem
    answer = await speaker.client.post('/break', json={'data': {}}, headers=LINES)
    assert [list(json.loads(line)) for line in answer.text.splitlines()] == [['item'], ['error']]


async def test_the_time_limit_is_for_the_whole_answer(speaker):
    headers = {**EVENTS, 'x-headrace-timeout-s': '1'}
    found = await events(speaker.client, 'POST', '/wait', json={'data': {}}, headers=headers)
    assert [kind for kind, _ in found] == ['item', 'error']
    assert found[1][1]['status'] == 504
    await asyncio.wait_for(speaker.executor.ended.wait(), 10)


async def test_who_leaves_ends_the_generator(speaker):
    async with speaker.client.stream('POST', '/wait', json={'data': {}}, headers=EVENTS) as answer:
        async for line in answer.aiter_lines():
            if line.startswith('data'):
                break
        assert not speaker.executor.ended.is_set()
    await asyncio.wait_for(speaker.executor.ended.wait(), 10)
    assert (await speaker.client.get('/health')).status_code == 200


async def test_who_reads_slowly_slows_the_generator_down(speaker):
    count = 5000  # fifty megabytes: more than all buffers on the way hold
    reader, writer = await asyncio.open_connection('127.0.0.1', speaker.port, limit=2**16)
    query = f'GET /flood?number={count} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n'
    writer.write(query.encode())
    await reader.readuntil(b'event: item')
    assert await until_still(lambda: speaker.executor.made) < count
    writer.transport.abort()
    await asyncio.wait_for(speaker.executor.ended.wait(), 10)


async def test_silence_is_filled_with_comments(speaker, monkeypatch):
    monkeypatch.setattr(parts, 'QUIET_S', 0.1)
    async with speaker.client.stream('POST', '/slow', json={'data': {}}, headers=EVENTS) as answer:
        lines = answer.aiter_lines()
        seen = [await anext(lines) for _ in range(4)]
        assert seen == [':', '', ':', '']
        speaker.executor.go.set()
        rest = [line async for line in lines]
    assert 'event: item' in rest
    assert 'event: end' in rest
    assert rest[-2].startswith('data: {"header"')


async def test_a_stream_is_not_taken_up_again(speaker):
    headers = {**EVENTS, 'last-event-id': '1'}
    answer = await speaker.client.get('/say', params={'text': 'a'}, headers=headers)
    assert (answer.status_code, answer.content) == (204, b'')
    assert speaker.executor.made == 0


@pytest.mark.parametrize(
    'headers',
    [
        {'sec-fetch-site': 'cross-site'},
        {'sec-fetch-site': 'same-site', 'origin': 'https://b.example'},
        {'origin': 'https://evil.example'},
        {'origin': 'null'},
    ],
)
async def test_a_page_of_another_origin_cannot_start_a_stream(speaker, headers):
    answer = await speaker.client.get('/say', params={'text': 'a'}, headers={**EVENTS, **headers})
    assert answer.status_code == 403
    assert speaker.executor.made == 0


async def test_a_page_of_the_same_or_an_allowed_origin_can(open_flow):
    speaker = await open_flow(Speaker, cors=('https://shop.example',))
    for headers in (
        {'sec-fetch-site': 'same-origin'},
        {'origin': f'http://127.0.0.1:{speaker.port}'},
        {'origin': 'https://shop.example', 'sec-fetch-site': 'cross-site'},
    ):
        answer = await speaker.client.get('/say', params={'text': 'a'}, headers={**EVENTS, **headers})
        assert answer.status_code == 200, headers


async def test_streams_of_one_client_are_counted(open_flow):
    speaker = await open_flow(Speaker, limits=LimitsSpec(streams_per_client=1))
    async with speaker.client.stream('POST', '/wait', json={'data': {}}, headers=EVENTS) as answer:
        await anext(answer.aiter_lines())
        other = await speaker.client.post('/say', json={'data': {'text': 'a'}}, headers=EVENTS)
        assert other.status_code == 429
        assert (await speaker.client.post('/say', json={'data': {'text': 'a'}})).status_code == 200
    await asyncio.wait_for(speaker.executor.ended.wait(), 10)
    again = await speaker.client.post('/say', json={'data': {'text': 'a'}}, headers=EVENTS)
    assert again.status_code == 200


async def test_a_gateway_that_stops_ends_its_streams_in_good_order(speaker):
    found = []
    async with httpx_sse.aconnect_sse(
        speaker.client, 'POST', '/wait', json={'data': {}}, headers=EVENTS
    ) as source:
        async for event in source.aiter_sse():
            found.append(event)
            if len(found) == 1:
                stopping = asyncio.ensure_future(speaker.server.stop(0))
    await stopping
    assert [event.event for event in found] == ['item', 'error']
    assert json.loads(found[1].data)['status'] == 503

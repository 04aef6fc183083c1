"""GraphQL over HTTP: queries, mutations, what goes wrong, and the rules of GraphQL over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, NdArray, schema_of
from headrace.pipeline import Batch
from headrace.pipeline.describe import EndpointInfo

RESULT = 'application/graphql-response+json; charset=utf-8'


async def test_a_mutation_with_variables(gateway) -> None:
    told = await gateway.client.data(
        'mutation ($data: [ItemInput!]) { index(data: $data)'
        ' { data { id title price } parameters requestId } }',
        data=[{'id': 'a', 'title': 'hat', 'price': 2}],
    )
    assert told['index']['data'] == [{'id': 'a', 'title': 'HAT', 'price': 2.0}]
    assert told['index']['parameters'] == {'__results__': {'shop': {'indexed': 1}}}
    assert told['index']['requestId'] == gateway.shop.seen[0].request_id


async def test_a_query_with_documents_in_its_text(gateway) -> None:
    query = """{ search(
        data: {title: "hat", stock: 9007199254740993, colour: blue, size: small, vector: [1, 2, 3],
               photo: "AAE=", made: "2026-01-31T12:00:00Z", tags: [{word: "red"}], facts: {a: [1, {b: null}]},
               words: "one"}
        parameters: {limit: 5, order: down}, otherParameters: {shop: {x: 1}}, targetExecutor: "shop"
    ) { data { title stock colour size vector photo made tags { word weight } facts words } parameters } }"""
    told = (await gateway.client.data(query))['search']
    assert told['data'] == [
        {
            'title': 'hat',
            'stock': 9007199254740993,
            'colour': 'blue',
            'size': 'small',
            'vector': [1.0, 2.0, 3.0],
            'photo': 'AAE=',
            'made': '2026-01-31T12:00:00Z',
            'tags': [{'word': 'red', 'weight': 1.0}],
            'facts': {'a': [1, {'b': None}]},
            'words': ['one'],
        }
    ]
    assert told['parameters'] == {'limit': 5, 'order': 'down', 'shop': {'x': 1}}
    assert gateway.shop.seen[0].target == 'shop'


async def test_an_array_as_base64(gateway) -> None:
    query = '{ search(data: {title: "x", vector: [1, 2, 3]}) { data { vector(as: BASE64) } } }'
    ((doc,),) = [(await gateway.client.data(query))['search']['data']]
    assert doc['vector']['shape'] == [3]
    query = 'query ($v: Tensor) { search(data: {title: "x", vector: $v}) { data { vector } } }'
    assert (await gateway.client.data(query, v=doc['vector']))['search']['data'] == [
        {'vector': [1.0, 2.0, 3.0]}
    ]


async def test_queries_call_side_by_side_and_mutations_in_order(gateway) -> None:
    await gateway.client.data('{ a: search { requestId } b: search { requestId } c: search { requestId } }')
    assert gateway.shop.most_at_once == 3
    gateway.shop.most_at_once = 0
    await gateway.client.data('mutation { a: index { requestId } b: index { requestId } }')
    assert gateway.shop.most_at_once == 1


async def test_one_failure_leaves_the_others(gateway) -> None:
    told = (await gateway.client.post('mutation { fail { requestId } index { requestId } }')).json()
    assert told['data']['fail'] is None
    assert told['data']['index']['requestId']
    (error,) = told['errors']
    assert error['path'] == ['fail']
    extensions = error['extensions']
    assert extensions['status'] == 500
    assert extensions['error'] == 'ExecutorFailure'
    assert extensions['executor'] == 'shop'
    assert '/srv' not in json.dumps(told)


async def test_a_crash_says_nothing_of_the_server(gateway) -> None:
    error = await gateway.client.error('mutation { crash { requestId } }')
    assert error['detail'] == 'the server failed'
    assert error['status'] == 500
    assert 'srv' not in json.dumps(error)


async def test_development_shows_where(open_gateway) -> None:
    gateway = await open_gateway(development=True)
    error = await gateway.client.error('mutation { fail { requestId } }')
    assert 'line 3, in fail' in error['traceback']


async def test_overload_says_when_to_come_again(gateway) -> None:
    error = await gateway.client.error('mutation { full { requestId } }')
    assert (error['status'], error['error'], error['retry_after_s']) == (429, 'Overloaded', 7)


@pytest.mark.parametrize(
    'item', [{'title': 1}, {}, {'title': 'x', 'vector': [1, 2]}, {'title': 'x', 'stock': 'many'}]
)
@pytest.mark.parametrize('way', ['variable', 'part', 'text'])
async def test_mistakes_have_the_words_of_http(gateway, item, way) -> None:
    there = (await gateway.http.post('/index', json={'data': [item]})).json()
    if way == 'variable':
        query, variables = 'mutation ($d: [ItemInput!]) { index(data: $d) { requestId } }', {'d': [item]}
    elif way == 'part':
        query, variables = 'mutation ($d: ItemInput!) { index(data: [$d]) { requestId } }', {'d': item}
    else:
        written = ', '.join(f'{key}: {json.dumps(value)}' for key, value in item.items())
        query, variables = f'mutation {{ index(data: [{{{written}}}]) {{ requestId }} }}', {}
    here = await gateway.client.error(query, **variables)
    for key in ('title', 'status', 'detail', 'errors', 'endpoint'):
        assert here[key] == there[key]


async def test_wrong_parameters_are_told_by_graphql(gateway) -> None:
    error = await gateway.client.error('{ search(parameters: {limit: "many"}) { requestId } }')
    assert error['status'] == 400
    assert 'Int64' in error['detail'] or 'integer' in error['detail']


async def test_parameters_that_are_no_object(gateway) -> None:
    error = await gateway.client.error('mutation { index(parameters: 3) { requestId } }')
    there = (await gateway.http.post('/index', json={'parameters': 3})).json()
    assert (error['status'], error['detail']) == (there['status'], there['detail'])


async def test_get(gateway) -> None:
    query = 'query Q($t: String!) { search(data: {title: $t}) { data { title } } }'
    params = {'query': query, 'variables': '{"t": "hat"}', 'operationName': 'Q'}
    told = await gateway.http.get('/graphql', params=params)
    assert told.json() == {'data': {'search': {'data': [{'title': 'hat'}]}}}
    assert told.headers['content-type'] == RESULT


@pytest.mark.parametrize(
    ('query', 'status'),
    [
        ('mutation { index { requestId } }', 405),
        ('{ docs(execEndpoint: "/index") { id } }', 200),
        ('subscription { words { requestId } }', 405),
    ],
)
async def test_a_get_writes_nothing(gateway, query, status) -> None:
    told = await gateway.http.get('/graphql', params={'query': query})
    assert told.status_code == status
    assert told.json()['errors'][0]['extensions']['help'] == 'send a POST'
    assert gateway.shop.seen == []


async def test_a_page_of_another_origin_cannot_query_by_url(gateway) -> None:
    headers = {'origin': 'https://evil.example', 'sec-fetch-site': 'cross-site'}
    told = await gateway.http.get('/graphql', params={'query': '{ search { requestId } }'}, headers=headers)
    assert told.status_code == 403
    assert gateway.shop.seen == []


@pytest.mark.parametrize('kind', ['text/plain', 'application/x-www-form-urlencoded', ''])
async def test_a_post_is_json(gateway, kind) -> None:
    body = b'{"query": "mutation { index { requestId } }"}'
    told = await gateway.http.post('/graphql', content=body, headers={'content-type': kind})
    assert told.status_code == 415
    assert gateway.shop.seen == []


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b'{',
        b'[]',
        b'[{"query": "{ __typename }"}]',
        b'{}',
        b'{"query": 3}',
        b'"x"',
        b'{"query": "{", "x"}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": ""}',
        b'{"query": "\xff"}',
    ],
)
async def test_bodies_that_are_no_request(gateway, body) -> None:
    told = await gateway.http.post('/graphql', content=body, headers={'content-type': 'application/json'})
    assert told.status_code == 400
    assert told.headers['content-type'] == RESULT
    assert told.json()['errors'][0]['extensions']['status'] == 400
    assert 'data' not in told.json()


@pytest.mark.parametrize(
    ('accept', 'media', 'status'),
    [
        ('*/*', RESULT, 400),
        ('application/graphql-response+json', RESULT, 400),
        ('application/json', 'application/json', 200),
        ('application/graphql-response+json, application/json;q=0.9', RESULT, 400),
        ('image/png', RESULT, 406),
    ],
)
async def test_media_types(gateway, accept, media, status) -> None:
    told = await gateway.client.post('{ nothing }', headers={'accept': accept})
    assert (told.headers['content-type'], told.status_code) == (media, status)


async def test_an_operation_by_name(gateway) -> None:
    query = 'query A { __typename } mutation B { __typename }'
    for name, kind in (('A', 'Query'), ('B', 'Mutation')):
        told = await gateway.http.post('/graphql', json={'query': query, 'operationName': name})
        assert told.json() == {'data': {'__typename': kind}}
    for name in (None, 'C', ''):
        told = await gateway.http.post('/graphql', json={'query': query, 'operationName': name})
        assert told.status_code == 400


async def test_a_client_that_leaves_cancels(gateway) -> None:
    task = asyncio.ensure_future(gateway.client.post('mutation { wait { requestId } }'))
    await gateway.shop.started.wait()
    task.cancel()
    await gateway.shop.cancelled.wait()


async def test_a_deadline(gateway) -> None:
    headers = {'x-headrace-timeout-s': '1'}
    told = await gateway.client.post('mutation { wait { requestId } }', headers=headers)
    assert told.status_code == 504
    assert told.json()['errors'][0]['extensions']['error'] == 'DeadlineExceeded'
    assert gateway.shop.cancelled.is_set()


async def test_trace_and_request_id_go_with_each_call(gateway) -> None:
    trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    headers = {'traceparent': trace, 'x-request-id': 'mine'}
    told = await gateway.client.post('{ search { requestId } }', headers=headers)
    assert told.headers['x-request-id'] == 'mine'
    assert (gateway.shop.seen[0].trace, gateway.shop.seen[0].request_id) == (trace, 'mine')


async def test_a_compressed_body(gateway) -> None:
    body = gzip.compress(b'{"query": "{ __typename }"}')
    headers = {'content-type': 'application/json', 'content-encoding': 'gzip'}
    told = await gateway.http.post('/graphql', content=body, headers=headers)
    assert told.json() == {'data': {'__typename': 'Query'}}


class Odd(BaseDoc):
    one: float = float('nan')
    many: list[float] = []
    array: NdArray | None = None


async def test_numbers_that_json_has_not(open_gateway) -> None:
    async def handler(batch, context):
        docs = DocList[Odd]([Odd(many=[1.0, float('inf')], array=np.array([1.0, float('nan')]))])
        return Batch(docs, {'x': float('inf')})

    info = EndpointInfo('/get', 'docs', schema_of(Odd), schema_of(Odd))
    gateway = await open_gateway((info,), handler)
    told = (await gateway.client.data('{ get { data { one many array } parameters } }'))['get']
    assert told['data'] == [{'one': None, 'many': [1.0, None], 'array': [1.0, None]}]
    assert told['parameters'] == {'x': None}
    there = (await gateway.http.post('/get', json={})).json()
    assert {key: there['data'][0][key] for key in ('one', 'many', 'array')} == told['data'][0]

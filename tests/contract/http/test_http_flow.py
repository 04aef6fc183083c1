"""Requests into the Flow: the routes, the body shapes of Jina 3, what executors get and clients see."""

import base64

import numpy as np
import pytest

from headrace.documents import Document, schema_of
from headrace.pipeline.describe import EndpointInfo
from headrace.spec import ExposedEndpoint


async def test_a_typed_route_takes_documents_and_gives_them_back(gateway):
    body = {
        'data': [{'title': 'shirt', 'vector': [1, 2, 3]}, {'title': 'Hose mit ß'}],
        'parameters': {'k': 1},
    }
    reply = await gateway.client.post('/index', json=body)
    assert reply.status_code == 200
    assert reply.headers['content-type'] == 'application/json'
    found = reply.json()
    assert [doc['title'] for doc in found['data']] == ['SHIRT', 'HOSE MIT SS']
    assert found['data'][0]['vector'] == [1.0, 2.0, 3.0]
    assert found['parameters'] == {'k': 1, '__results__': {'shop': {'indexed': 2}}}
    assert found['header']['execEndpoint'] == '/index'
    assert found['header']['status'] is None


async def test_one_document_alone(gateway):
    reply = await gateway.client.post('/index', json={'data': {'title': 'hat'}})
    assert [doc['title'] for doc in reply.json()['data']] == ['HAT']


@pytest.mark.parametrize('key', ['execEndpoint', 'exec_endpoint'])
async def test_post_calls_the_endpoint_that_the_body_names(gateway, key):
    reply = await gateway.client.post('/post', json={'data': {'docs': [{'title': 'hat'}]}, key: '/index'})
    assert reply.json()['data'][0]['title'] == 'HAT'


@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('POST', '/index'),
        ('POST', '/search'),
        ('POST', '/update'),
        ('PUT', '/update'),
        ('POST', '/delete'),
        ('DELETE', '/delete'),
    ],
)
async def test_the_routes_of_jina(gateway, method, path):
    reply = await gateway.client.request(method, path, json={'data': [{'title': 'a', 'id': '1'}]})
    assert reply.status_code == 200
    assert gateway.shop.seen[-1].endpoint == path
    assert reply.json()['data'][0]['id'] == '1'


async def test_these_routes_are_there_only_with_their_endpoints(open_gateway):
    small = await open_gateway(endpoints=[])
    assert (await small.client.post('/index', json={})).status_code == 404


async def test_a_target_reaches_the_graph(gateway):
    fine = await gateway.client.post('/index', json={'data': [], 'targetExecutor': 'sho.*'})
    assert fine.json()['header']['targetExecutor'] == 'sho.*'
    nobody = await gateway.client.post('/index', json={'data': [], 'targetExecutor': 'other'})
    assert nobody.status_code == 400
    assert "no executor matches the target 'other'" in nobody.json()['detail']


async def test_a_fixed_route_refuses_another_endpoint(gateway):
    reply = await gateway.client.post('/index', json={'execEndpoint': '/delete'})
    assert reply.status_code == 422
    assert gateway.shop.seen == []


async def test_without_data_an_executor_gets_no_documents(gateway):
    for body in (b'', b'{}', b'{"data": null}'):
        reply = await gateway.client.post('/index', content=body)
        assert reply.json()['parameters']['__results__'] == {'shop': {'indexed': 0}}


async def test_arrays_can_be_asked_for_as_base64(gateway):
    body = {'data': [{'title': 'a', 'vector': [1, 2, 3]}]}
    reply = await gateway.client.post('/index', params={'arrays': 'base64'}, json=body)
    vector = reply.json()['data'][0]['vector']
    values = np.frombuffer(base64.b64decode(vector['data']), dtype=vector['dtype']).reshape(vector['shape'])
    assert values.tolist() == [1, 2, 3]
    again = await gateway.client.post('/index', json={'data': [{'title': 'a', 'vector': vector}]})
    assert again.json()['data'][0]['vector'] == [1, 2, 3]


async def test_an_executor_for_everything_answers_every_path(open_gateway):
    info = EndpointInfo('/default', 'docs', schema_of(Document), schema_of(Document))
    gateway = await open_gateway(endpoints=[info])
    for path in ('/', '/anything', '/deep/er', '/default'):
        reply = await gateway.client.post(path, json={'data': [{'text': 'x'}]})
        assert reply.status_code == 200
        assert gateway.shop.seen[-1].endpoint == path
    assert (await gateway.client.post('/docs', json={})).status_code == 405


async def test_an_exposed_endpoint_has_its_own_path_and_methods(open_gateway):
    exposed = ExposedEndpoint(endpoint='/index', path='/shop/items', methods=('PUT', 'get'), tags=('shop',))
    gateway = await open_gateway(expose=(exposed,))
    put = await gateway.client.put('/shop/items', json={'data': [{'title': 'a'}]})
    assert put.json()['data'][0]['title'] == 'A'
    got = await gateway.client.get('/shop/items', params={'limit': 3, 'name': 'x', 'data': '[]'})
    assert got.json()['parameters'] == {'limit': 3, 'name': 'x', '__results__': {'shop': {'indexed': 0}}}
    assert (await gateway.client.post('/shop/items', json={})).status_code == 405


async def test_large_batches_arrive_whole(gateway):
    titles = [f'item {number} ' + 'x' * 400 for number in range(5000)]
    reply = await gateway.client.post('/index', json={'data': [{'title': title} for title in titles]})
    assert [doc['title'] for doc in reply.json()['data']] == [title.upper() for title in titles]


async def test_an_endpoint_that_nobody_knows_does_not_change_the_types_of_others(open_gateway):
    gateway = await open_gateway()
    assert (await gateway.client.post('/post', json={'execEndpoint': '/unknown'})).status_code < 500
    wrong = await gateway.client.post('/index', json={'data': [{'title': 3}]})
    assert (wrong.status_code, wrong.json()['errors'][0]['path']) == (422, '$.data[0].title')

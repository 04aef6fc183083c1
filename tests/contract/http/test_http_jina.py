"""The shapes of Jina 3: routes, requests and replies as its clients write and read them."""

import pytest

from headrace import Document, DocumentArray, Executor, requests


class Old(Executor):
    @requests(on=['/index', '/search', '/update', '/delete'])
    def work(self, docs: DocumentArray, parameters: dict, **kwargs):
        for doc in docs:
            doc.text += '!'
        return docs

    @requests(on='/count')
    def count(self, docs: DocumentArray, **kwargs):
        return {'count': len(docs)}


@pytest.fixture
async def old(open_flow):
    return await open_flow(Old)


ROUTES = [
    ('POST', '/index'),
    ('POST', '/search'),
    ('PUT', '/update'),
    ('DELETE', '/delete'),
    ('POST', '/post'),
]
BODIES = [
    {'data': [{'text': 'a'}], 'targetExecutor': 'old', 'parameters': {'k': 1}, 'execEndpoint': '/search'},
    {'data': {'docs': [{'text': 'a'}]}, 'target_executor': 'old', 'exec_endpoint': '/search'},
    {
        'data': [{'text': 'a'}],
        'header': {'requestId': 'r', 'targetExecutor': 'old'},
        'execEndpoint': '/search',
    },
]


@pytest.mark.parametrize(('method', 'path'), ROUTES)
@pytest.mark.parametrize('body', BODIES)
async def test_the_routes_take_all_shapes(old, method, path, body):
    body = dict(body)
    if path not in ('/post', '/search'):
        body = {key: value for key, value in body.items() if key not in ('execEndpoint', 'exec_endpoint')}
    reply = await old.client.request(method, path, json=body)
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert set(found) == {'header', 'parameters', 'routes', 'data'}
    assert set(found['header']) == {'requestId', 'status', 'execEndpoint', 'targetExecutor'}
    assert found['header']['status'] is None
    assert found['header']['execEndpoint'] == ('/search' if path == '/post' else path)
    assert found['header']['targetExecutor'] == 'old'
    assert found['data'][0]['text'] == 'a!'


async def test_a_document_with_every_key_and_nothing_in_most(old):
    doc = dict.fromkeys(Document.__struct_fields__)
    reply = await old.client.post('/index', json={'data': [{**doc, 'id': '1', 'text': 'a'}]})
    assert reply.status_code == 200, reply.text
    assert (reply.json()['data'][0]['id'], reply.json()['data'][0]['text']) == ('1', 'a!')


@pytest.mark.parametrize('data', [None, [], {'docs': []}])
async def test_a_request_without_documents(old, data):
    reply = await old.client.post('/post', json={'data': data, 'execEndpoint': '/count'})
    (result,) = reply.json()['parameters']['__results__'].values()
    assert (reply.json()['data'], result) == ([], {'count': 0})


async def test_targets_are_regular_expressions(old):
    body = {'data': [{'text': 'a'}], 'targetExecutor': 'o.d'}
    assert (await old.client.post('/index', json=body)).json()['data'][0]['text'] == 'a!'
    assert (await old.client.post('/index', json={**body, 'targetExecutor': 'new'})).status_code == 400
    assert (await old.client.post('/index', json={**body, 'targetExecutor': '('})).status_code == 400


async def test_what_is_asked_of_the_gateway_itself(old):
    assert (await old.client.get('/dry_run')).json() == {'code': 0, 'description': '', 'exception': None}
    assert (await old.client.get('/')).status_code == 200
    assert 'headrace' in (await old.client.get('/status')).json()
    assert (await old.client.get('/openapi.json')).json()['paths']['/post']['post']


async def test_a_query_of_delete_is_parameters(old):
    reply = await old.client.request('DELETE', '/delete?text=x&limit=3', json={'data': [{'text': 'a'}]})
    assert reply.json()['parameters'] == {'text': 'x', 'limit': 3}
    assert reply.json()['data'][0]['text'] == 'a!'

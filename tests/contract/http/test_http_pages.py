"""The gateway's own routes: health, description, pages, static files, other origins, request ids."""

import pytest
from openapi_spec_validator import validate

from headrace import Executor
from headrace.errors import SpecError
from headrace.gateway.http.health import Health
from headrace.pipeline.describe import FlowInfo
from headrace.spec import ExposedEndpoint


async def test_health_and_readiness(open_gateway):
    answers = {'shop': True, 'index': True}

    async def ready():
        return answers

    gateway = await open_gateway(ready=ready)
    assert (await gateway.client.get('/health')).json() == {'status': 'ok'}
    assert (await gateway.client.get('/ready')).json() == {'status': 'ready', 'executors': answers}
    assert (await gateway.client.get('/dry_run')).json() == {'code': 0, 'description': '', 'exception': None}
    answers['index'] = False
    away = await gateway.client.get('/ready')
    assert (away.status_code, away.json()['status']) == (503, 'not ready')
    assert set(away.json()['problems']) == {'index'}
    dry = await gateway.client.get('/dry_run')
    assert (dry.status_code, dry.json()['description']) == (503, 'not ready: index')
    assert (await gateway.client.get('/health')).status_code == 200


async def test_executors_that_cannot_be_asked_are_not_ready(open_gateway):
    async def ready():
        raise ConnectionError('gone')

    gateway = await open_gateway(ready=ready)
    assert (await gateway.client.get('/ready')).status_code == 503


async def test_a_gateway_that_stops_is_not_ready():
    health = Health(FlowInfo('bazaar', (), ()), None)
    assert (await health.ready(None)).status == 200
    health.draining = True
    answer = await health.ready(None)
    assert (answer.status, b'draining' in answer.body) == (503, True)
    assert (await health.health(None)).status == 200


async def test_the_status_names_versions_and_executors_but_no_environment(gateway):
    status = (await gateway.client.get('/status')).json()
    assert status['flow'] == 'bazaar'
    assert status['executors'][0]['name'] == 'shop'
    assert set(status) == {'headrace', 'flow', 'executors', 'endpoints', 'uptime_s'}


async def test_the_welcome(gateway):
    found = (await gateway.client.get('/')).json()
    assert found['docs'] == '/docs'
    assert '/index' in found['endpoints']
    page = await gateway.client.get('/', headers={'accept': 'text/html'})
    assert (page.status_code, page.headers['location']) == (307, 'docs')


async def test_the_description_is_valid_openapi(open_gateway):
    exposed = ExposedEndpoint(endpoint='/index', path='/shop/items', methods=('GET', 'PUT'), tags=('shop',))
    gateway = await open_gateway(title='A <shop>', description='Sells things.', expose=(exposed,))
    found = (await gateway.client.get('/openapi.json')).json()
    validate(found)
    assert found['info']['title'] == 'A <shop>'
    assert set(found['paths']['/update']) == {'put', 'post'}
    assert set(found['paths']['/shop/items']) == {'get', 'put'}
    index = found['paths']['/index']['post']
    assert index['summary'] == 'Put items into the index.'
    assert 'Those with a known id are replaced.' in index['description']
    body = index['requestBody']['content']['application/json']['schema']
    assert body['properties']['data']['anyOf'][0]['items'] == {'$ref': '#/components/schemas/Item'}
    assert found['components']['schemas']['Item']['required'] == ['title']
    search = found['paths']['/search']['post']['requestBody']['content']['application/json']['schema']
    assert search['properties']['parameters']['properties'] == {'limit': {'type': 'integer'}}


async def test_every_described_path_exists(gateway):
    found = (await gateway.client.get('/openapi.json')).json()
    for path, item in found['paths'].items():
        for method in item:
            if path not in ('/post', '/wait', '/fail', '/crash', '/full', '/away'):
                reply = await gateway.client.request(method, path, json=None)
                assert reply.status_code == 200, (method, path)


async def test_the_documentation_needs_nothing_from_elsewhere(open_gateway):
    gateway = await open_gateway(title='A <shop>')
    page = await gateway.client.get('/docs')
    assert page.headers['content-type'].startswith('text/html')
    assert "default-src 'none'" in page.headers['content-security-policy']
    assert 'A &lt;shop&gt;' in page.text
    for part, kind in (
        ('docs/page.css', 'text/css'),
        ('docs/page.js', 'text/javascript'),
        ('favicon.ico', 'image'),
    ):
        assert part in page.text
        found = await gateway.client.get('/' + part)
        assert found.headers['content-type'].startswith(kind)
        assert b'http://' not in found.content
        assert b'https://' not in found.content
    assert 'http' not in page.text


async def test_a_slash_after_docs_leads_back(gateway):
    page = await gateway.client.get('/docs/')
    assert (page.status_code, page.headers['location']) == (307, '../docs')


async def test_request_ids_come_back(gateway):
    mine = await gateway.client.post('/echo', json={}, headers={'X-Request-ID': 'mine-1'})
    assert mine.headers['x-request-id'] == 'mine-1'
    assert mine.json()['header']['requestId'] == 'mine-1'
    assert gateway.shop.seen[0].request_id == 'mine-1'
    made = await gateway.client.get('/health')
    assert len(made.headers['x-request-id']) == 32


@pytest.mark.parametrize('bad', ['x' * 129, 'ä', 'a\tb'])
async def test_request_ids_that_a_log_cannot_carry_are_replaced(gateway, bad):
    reply = await gateway.client.get('/health', headers={'X-Request-ID': bad.encode()})
    assert len(reply.headers['x-request-id']) == 32


async def test_the_trace_of_the_client_is_continued(gateway):
    trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await gateway.client.post('/echo', json={}, headers={'traceparent': trace})
    await gateway.client.post('/echo', json={}, headers={'traceparent': 'nonsense'})
    assert [context.trace for context in gateway.shop.seen] == [trace, '']


async def test_other_origins_need_leave(open_gateway):
    closed, some, every = [await open_gateway(cors=cors) for cors in ((), ('https://shop.example',), ('*',))]
    asked = {'origin': 'https://shop.example'}
    preflight = {**asked, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-a'}
    allow = 'access-control-allow-origin'
    assert allow not in (await closed.client.post('/echo', json={}, headers=asked)).headers
    granted = await some.client.options('/echo', headers=preflight)
    assert granted.status_code == 204
    assert granted.headers[allow] == 'https://shop.example'
    assert granted.headers['access-control-allow-methods'] == 'POST'
    assert granted.headers['access-control-allow-headers'] == 'x-a'
    assert granted.headers['vary'] == 'origin'
    other = await some.client.post('/echo', json={}, headers={'origin': 'https://evil.example'})
    assert allow not in other.headers
    assert (await every.client.get('/health', headers=asked)).headers[allow] == '*'
    failed = await every.client.post('/fail', json={}, headers=asked)
    assert failed.headers[allow] == '*'


async def test_a_page_beside_the_flow(open_gateway, tmp_path):
    (tmp_path / 'index.html').write_text('<h1>shop</h1>')
    (tmp_path / 'pictures').mkdir()
    (tmp_path / 'pictures' / 'a b.png').write_bytes(b'\x89PNG' * 200_000)
    gateway = await open_gateway(static={'/': str(tmp_path)})
    assert (await gateway.client.get('/')).text == '<h1>shop</h1>'
    assert (await gateway.client.get('/pictures/a%20b.png')).content == b'\x89PNG' * 200_000
    assert (await gateway.client.head('/pictures/a%20b.png')).headers['content-length'] == '800000'
    assert (await gateway.client.get('/docs')).status_code == 200
    assert (await gateway.client.post('/index', json={})).status_code == 200
    assert (await gateway.client.get('/%2e%2e/secret')).status_code == 404
    assert (await gateway.client.get('/nothing.html')).status_code == 404


@pytest.mark.parametrize(
    ('exposed', 'words'),
    [
        (
            ExposedEndpoint(endpoint='/index', path='/health', methods=('GET',)),
            'GET /health is there already',
        ),
        (ExposedEndpoint(endpoint='/index', path='/search'), 'POST /search is there already'),
        (ExposedEndpoint(endpoint='/indx', path='/x'), "did you mean '/index'"),
        (ExposedEndpoint(endpoint='/index', path='x'), 'not a plain path'),
    ],
)
async def test_routes_that_cannot_be_are_errors_at_the_start(open_gateway, exposed, words):
    with pytest.raises(SpecError) as caught:
        await open_gateway(expose=(exposed,))
    assert words in str(caught.value)


async def test_the_documentation_leads_to_all_that_is_on(open_flow):
    plain = await (await open_flow(Executor)).client.get('/docs')
    assert ('>metrics</a>' in plain.text, '>graphql</a>' in plain.text) == (True, False)
    assert 'Also by' not in plain.text
    every = await open_flow(Executor, protocols=('http', 'grpc', 'websocket', 'graphql'))
    page = (await every.client.get('/docs')).text
    assert '<a href="graphql">graphql</a>' in page
    assert (
        'Also by gRPC (a port of its own), WebSocket (this port, subprotocol headrace.json.v1), GraphQL'
        in page
    )
    assert '{{' not in page

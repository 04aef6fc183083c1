"""A gateway behind a proxy: a prefix, hosts that are believed; and pages of other origins."""

import pytest

from headrace import DocumentArray, Executor, Flow, requests
from headrace.errors import SpecError
from headrace.gateway.security import keys
from headrace.spec.security import SecuritySpec


class Echo(Executor):
    @requests(on='/echo')
    def echo(self, docs: DocumentArray, **kwargs):
        pass


async def test_a_prefix_may_be_there_or_taken_away(open_flow):
    gateway = await open_flow(Echo, prefix='/shop')
    for path in ('/shop/echo', '/echo'):
        answer = await gateway.client.post(path, json={'data': {'text': 'a'}})
        assert answer.json()['header']['execEndpoint'] == '/echo'
    assert (await gateway.client.get('/shop/docs')).status_code == 200
    assert (await gateway.client.get('/shop/docs/page.js')).status_code == 200
    assert (await gateway.client.get('/shop')).json()['docs'] == '/shop/docs'
    assert (await gateway.client.get('/shop/openapi.json')).json()['servers'][0]['url'] == '/shop'
    assert (await gateway.client.post('/shopping', json={})).status_code == 404
    assert (await gateway.client.post('/shop/shop/echo', json={})).status_code == 404


@pytest.mark.parametrize('prefix', ['shop', '/shop/', '/', '/a?b', '/{a}'])
def test_a_prefix_is_a_plain_path(prefix):
    with pytest.raises(SpecError, match='prefix'):
        Flow(protocol='http', prefix=prefix)


@pytest.mark.parametrize(
    ('trusted', 'forwarded', 'host'),
    [
        ((), '203.0.113.7', '127.0.0.1'),
        (('10.0.0.0/8',), '203.0.113.7', '127.0.0.1'),
        (('127.0.0.1',), '203.0.113.7', '203.0.113.7'),
        (('127.0.0.0/8',), '6.6.6.6, 203.0.113.7', '203.0.113.7'),
        (('127.0.0.0/8', '10.0.0.0/8'), '6.6.6.6, 203.0.113.7, 10.0.0.3', '203.0.113.7'),
        (('127.0.0.1', '10.0.0.0/8'), '10.0.0.3', '10.0.0.3'),
        (('127.0.0.1',), 'nonsense', '127.0.0.1'),
        (('127.0.0.1',), '2001:db8::7', '2001:db8::7'),
        (('127.0.0.1',), '', '127.0.0.1'),
    ],
)
async def test_whose_word_is_taken_for_the_host_of_a_client(
    open_flow, tmp_path, caplog, trusted, forwarded, host
):
    file = tmp_path / 'keys.json'
    keys.write(file, keys.KeyFile())
    gateway = await open_flow(Echo, trusted_proxies=trusted, security=SecuritySpec(keys=str(file)))
    answer = await gateway.client.post('/echo', json={}, headers={'x-forwarded-for': forwarded})
    assert answer.status_code == 401
    assert f'"host": "{host}"' in caplog.text


async def test_a_proxy_is_an_address(open_flow):
    with pytest.raises(SpecError, match='trusted_proxies'):
        await open_flow(Echo, trusted_proxies=('proxy.local',))


async def test_a_browser_asks_before_it_sends_a_key(open_flow, tmp_path):
    shown, kept = keys.new_key('page', scopes=('/echo',))
    file = tmp_path / 'keys.json'
    keys.write(file, keys.KeyFile((kept,)))
    gateway = await open_flow(Echo, cors=('https://shop.example',), security=SecuritySpec(keys=str(file)))
    asked = {
        'origin': 'https://shop.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, content-type',
    }
    before = await gateway.client.options('/echo', headers=asked)
    assert before.status_code == 204
    assert before.headers['access-control-allow-origin'] == 'https://shop.example'
    assert before.headers['access-control-allow-credentials'] == 'true'
    assert before.headers['access-control-allow-headers'] == 'authorization, content-type'
    sent = {'origin': 'https://shop.example', 'authorization': f'Bearer {shown}'}
    answer = await gateway.client.post('/echo', json={}, headers=sent)
    assert answer.status_code == 200
    assert answer.headers['access-control-allow-origin'] == 'https://shop.example'
    unknown = await gateway.client.post('/echo', json={}, headers={'origin': 'https://shop.example'})
    assert unknown.status_code == 401
    assert unknown.headers['access-control-allow-origin'] == 'https://shop.example'
    other = await gateway.client.options('/echo', headers={**asked, 'origin': 'https://evil.example'})
    assert 'access-control-allow-origin' not in other.headers


async def test_who_may_be_anybody_is_asked_nothing_of_probes(open_flow, tmp_path):
    file = tmp_path / 'keys.json'
    keys.write(file, keys.KeyFile())
    gateway = await open_flow(Echo, security=SecuritySpec(keys=str(file), anonymous=('/docs',)))
    statuses = {
        path: (await gateway.client.get(path)).status_code
        for path in (
            '/health',
            '/ready',
            '/docs',
            '/docs/page.js',
            '/status',
            '/metrics',
            '/openapi.json',
            '/none',
        )
    }
    assert statuses == {
        '/health': 200,
        '/ready': 200,
        '/docs': 200,
        '/docs/page.js': 200,
        '/status': 401,
        '/metrics': 401,
        '/openapi.json': 401,
        '/none': 404,
    }


async def test_what_answers_say_to_browsers(open_flow, tmp_path):
    (tmp_path / 'index.html').write_text('<p>')
    gateway = await open_flow(Echo, static={'/page': str(tmp_path)})
    answer = await gateway.client.post('/echo', json={})
    problem = await gateway.client.get('/none')
    docs = await gateway.client.get('/docs')
    page = await gateway.client.get('/page/')
    for each in (answer, problem, docs, page):
        assert each.headers.get_list('x-content-type-options') == ['nosniff']
        assert 'server' not in each.headers
        assert len(each.headers.get_list('cache-control')) == 1
    assert answer.headers['cache-control'] == problem.headers['cache-control'] == 'no-store'
    assert docs.headers['cache-control'] == page.headers['cache-control'] == 'no-cache'
    assert "default-src 'none'" in docs.headers['content-security-policy']
    assert docs.headers['referrer-policy'] == 'no-referrer'
    assert docs.headers['x-frame-options'] == 'SAMEORIGIN'


@pytest.mark.parametrize('content', [None, {'execEndpoint': '/ech'}])
async def test_a_404_names_only_what_its_reader_may_call(open_flow, tmp_path, content):
    class Shop(Executor):
        @requests(on='/echo')
        def echo(self, docs: DocumentArray, **kwargs): ...

        @requests(on='/echo/all')
        def all(self, docs: DocumentArray, **kwargs): ...

    shown = {}
    kept = []
    for name, scopes in (('one', ('/echo', '/ech')), ('all', ('*',))):
        shown[name], key = keys.new_key(name, scopes=scopes)
        kept.append(key)
    file = tmp_path / 'keys.json'
    keys.write(file, keys.KeyFile(tuple(kept)))
    security = SecuritySpec(keys=str(file), anonymous=('/echo', '/ech'))
    gateway = await open_flow(Shop, security=security)

    async def told(key: str = '') -> str:
        headers = {'x-api-key': shown[key]} if key else {}
        path = '/ech' if content is None else '/post'
        answer = await gateway.client.post(path, json=content or {}, headers=headers)
        assert answer.status_code == 404
        return answer.text

    assert '/echo' in await told()
    assert '/echo/all' not in await told()
    assert '/echo/all' not in await told('one')
    assert '/echo/all' in await told('all')
    refused = await gateway.client.request('OPTIONS', '/ech')
    assert (refused.status_code, 'help' in refused.json()) == (404, False)

"""What who shows nothing can reach over HTTP, and what pages of other origins can have a browser send."""

from types import SimpleNamespace

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from headrace import BaseDoc, DocList, Executor, requests
from headrace.gateway.security import keys
from headrace.spec import ExposedEndpoint
from headrace.spec.security import SecuritySpec

SAFE = ('GET', 'HEAD', 'OPTIONS')
WRITING = ('POST', 'PUT', 'PATCH', 'DELETE')


class Item(BaseDoc):
    title: str = ''


class Shop(Executor):
    def __init__(self, **others):
        super().__init__(**others)
        self.cleared = 0

    @requests(on='/clear')
    def clear(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        self.cleared += 1
        return docs

    @requests(on='/health')
    def healthy(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        self.cleared += 1
        return docs


async def clearing(scope, receive, send):
    """An application that calls the Flow for whoever asks."""
    await scope['headrace.flow'].post('/clear', Item())
    await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    await send({'type': 'http.response.body', 'body': b'cleared'})


@pytest.fixture
async def guarded(open_flow, tmp_path) -> SimpleNamespace:
    """A shop that wants keys, with an application for all the rest."""
    keys.write(tmp_path / 'keys.json', keys.KeyFile())
    security = SecuritySpec(keys=str(tmp_path / 'keys.json'))
    return await open_flow(Shop, apps={'/': f'{__file__}:clearing'}, security=security)


@pytest.mark.parametrize('path', ['/health', '/ready', '/favicon.ico'])
@pytest.mark.parametrize('method', [*SAFE, *WRITING])
async def test_what_is_open_to_everybody_calls_nothing(guarded, path, method):
    answer = await guarded.client.request(method, path)
    assert (answer.status_code in (200, 204)) == (method in SAFE)
    assert method in SAFE or answer.status_code == 401
    assert guarded.executor.cleared == 0


async def test_an_endpoint_exposed_where_everybody_may_look_is_not_open(open_flow, tmp_path):
    keys.write(tmp_path / 'keys.json', keys.KeyFile())
    exposed = ExposedEndpoint(endpoint='/clear', path='/favicon.ico', methods=('GET',))
    security = SecuritySpec(keys=str(tmp_path / 'keys.json'))
    shop = await open_flow(Shop, expose=(exposed,), security=security)
    assert (await shop.client.get('/favicon.ico')).status_code == 401
    assert shop.executor.cleared == 0


async def test_who_is_not_known_is_not_told_what_there_is(open_flow, tmp_path):
    keys.write(tmp_path / 'keys.json', keys.KeyFile())
    shop = await open_flow(Shop, security=SecuritySpec(keys=str(tmp_path / 'keys.json')))
    answer = await shop.client.options('/nothing')
    assert answer.status_code == 404
    assert '/clear' not in answer.text


FOREIGN = {'origin': 'https://evil.example', 'sec-fetch-site': 'cross-site'}


async def sent(shop: SimpleNamespace, method: str, path: str, content: bytes, **headers: str) -> int:
    """A request as a browser sends one whose body has no type: fetch does so for bytes, and asks nobody."""
    request = httpx.Request(method, f'http://127.0.0.1:{shop.port}{path}', content=content, headers=headers)
    assert 'content-type' not in request.headers
    return (await shop.client.send(request)).status_code


async def test_a_page_of_another_origin_cannot_send_a_body_of_no_type(open_flow):
    shop = await open_flow(Shop, cors=('https://shop.example',))
    assert await sent(shop, 'POST', '/clear', b'{}', **FOREIGN) == 403
    assert await sent(shop, 'POST', '/post', b'{"execEndpoint": "/clear"}', **FOREIGN) == 403
    assert await sent(shop, 'POST', '/clear', b'', **FOREIGN) == 403
    assert shop.executor.cleared == 0
    assert await sent(shop, 'POST', '/clear', b'{}', origin='https://shop.example') == 200
    assert await sent(shop, 'POST', '/clear', b'{}') == 200  # a program, not a page


async def test_a_page_of_another_origin_cannot_send_a_head(open_flow):
    exposed = ExposedEndpoint(endpoint='/clear', methods=('GET',))
    shop = await open_flow(Shop, expose=(exposed,))
    assert await sent(shop, 'HEAD', '/clear', b'', **FOREIGN) == 403
    assert shop.executor.cleared == 0


@pytest.mark.parametrize(
    'host', ['rebound.evil.example', 'rebound.evil.example:8080', '127.0.0.1.evil.example']
)
async def test_a_name_that_a_page_has_lent_this_machine_is_refused(open_flow, host):
    shop = await open_flow(Shop)
    same = {'host': host, 'origin': f'http://{host}', 'sec-fetch-site': 'same-origin'}
    assert (await shop.client.post('/clear', json={}, headers=same)).status_code == 403
    assert (await shop.client.get('/describe', headers={'host': host})).status_code == 403
    assert shop.executor.cleared == 0


@pytest.mark.parametrize(
    'host',
    ['localhost', 'LOCALHOST:80', '127.0.0.1:9', '[::1]:80', 'gateway', 'a.localhost', 'shop.example:1'],
)
async def test_names_of_this_machine_are_its_own(open_flow, host):
    shop = await open_flow(Shop, cors=('https://shop.example',))
    for _ in range(2):
        assert (await shop.client.post('/clear', json={}, headers={'host': host})).status_code == 200


async def test_in_a_container_that_is_published_for_this_machine_it_is_the_same(open_flow, monkeypatch):
    """There it listens everywhere, and is not told where its port is reached but by a variable."""
    monkeypatch.setenv('HEADRACE_PUBLISHED', '127.0.0.1')
    shop = await open_flow(Shop, host='0.0.0.0', insecure=True)
    for host, status in (('shop.evil.example', 403), ('127.0.0.1:8080', 200), ('gateway:8080', 200)):
        assert (await shop.client.post('/clear', json={}, headers={'host': host})).status_code == status
    monkeypatch.setenv('HEADRACE_PUBLISHED', '10.0.0.7')
    shop = await open_flow(Shop, host='0.0.0.0', insecure=True)
    assert (await shop.client.post('/clear', json={}, headers={'host': 'shop.example'})).status_code == 200


async def test_behind_a_proxy_or_a_key_any_name_is_good(open_flow, tmp_path):
    shown, kept = keys.new_key('all')
    keys.write(tmp_path / 'keys.json', keys.KeyFile((kept,)))
    named = {'host': 'shop.example', 'x-api-key': shown}
    for setting in (
        {'trusted_proxies': ('127.0.0.1',)},
        {'insecure': True},
        {'security': SecuritySpec(keys=str(tmp_path / 'keys.json'))},
    ):
        shop = await open_flow(Shop, **setting)
        assert (await shop.client.post('/clear', json={}, headers=named)).status_code == 200


async def test_a_name_that_was_lent_opens_no_websocket(open_flow):
    shop = await open_flow(Shop, protocols=('http', 'websocket'))
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            'ws://rebound.evil.example/',
            host='127.0.0.1',
            port=shop.port,
            origin='http://rebound.evil.example',
        )
    assert refused.value.response.status_code == 403
    async with connect(f'ws://localhost:{shop.port}/', host='127.0.0.1', port=shop.port):
        pass

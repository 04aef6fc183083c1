"""Applications of users beside a gateway's own routes, and gateways that are subclassed."""

import json
import logging

import pytest

from headrace import BaseDoc, DocList, Executor, Gateway, requests
from headrace.errors import LoadError, SpecError, StartError
from headrace.gateway.applications import application
from headrace.gateway.security import keys
from headrace.spec import GatewaySpec
from headrace.spec.security import SecuritySpec


class Item(BaseDoc):
    title: str = ''


class Shop(Executor):
    @requests(on='/index')
    def index(self, docs: DocList[Item], parameters: dict, **kwargs) -> DocList[Item]:
        for doc in docs:
            doc.title = doc.title.upper()
        return docs

    @requests(on='/say')
    async def say(self, doc: Item, **kwargs):
        for word in doc.title.split():
            yield Item(title=word)


async def respond(send, body, status=200, headers=()):
    await send({'type': 'http.response.start', 'status': status, 'headers': list(headers)})
    await send({'type': 'http.response.body', 'body': body})


async def told(scope, receive, send):
    """An application that tells what it is told."""
    assert scope['type'] == 'http'
    body = (await receive())['body'].decode()
    facts = {key: scope[key] for key in ('path', 'root_path', 'method', 'headrace.request_id')}
    await respond(send, json.dumps({**facts, 'state': scope['state'], 'body': body}).encode())


async def calls(scope, receive, send):
    """An application that calls the Flow."""
    flow = scope['headrace.flow']
    docs, _ = await flow.post('/index', Item(title='hat'))
    words = [doc.title async for doc in flow.stream('/say', Item(title='a b'))]
    await respond(send, ' '.join([docs[0].title, *words]).encode(), headers=[(b'X-Request-ID', b'own')])


EVENTS: list[str] = []


async def living(scope, receive, send):
    """An application with a lifespan."""
    if scope['type'] == 'lifespan':
        assert (await receive())['type'] == 'lifespan.startup'
        scope['state']['opened'] = 'yes'
        EVENTS.append('opened')
        await send({'type': 'lifespan.startup.complete'})
        assert (await receive())['type'] == 'lifespan.shutdown'
        EVENTS.append('closed')
        await send({'type': 'lifespan.shutdown.complete'})
    else:
        await told(scope, receive, send)


async def refusing(scope, receive, send):
    await receive()
    await send({'type': 'lifespan.startup.failed', 'message': 'no database'})


async def broken(scope, receive, send):
    raise KeyError('secret')


async def half(scope, receive, send):
    assert scope['type'] == 'http'
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', b'10')]})
    raise KeyError('secret')


class Own(Gateway):
    """A gateway with an application of its own."""

    def __init__(self, greeting: str = 'hello') -> None:
        self.greeting = greeting

    async def setup(self) -> None:
        docs, _ = await self.flow.post('/index', DocList[Item]([Item(title='set up')]))
        self.found = docs[0].title

    def app(self):
        async def app(scope, receive, send):
            await respond(send, f'{self.greeting} {self.found} {scope["path"]}'.encode())

        return app

    async def close(self) -> None:
        EVENTS.append('gateway closed')


class Silent(Gateway):
    """A gateway that serves nothing more."""


HERE = __file__


async def test_an_application_below_a_path(open_flow):
    gateway = await open_flow(Shop, apps={'/own': f'{HERE}:told'})
    answer = await gateway.client.post('/own/page', content=b'body', headers={'x-request-id': 'mine'})
    assert answer.json() == {
        'path': '/own/page',
        'root_path': '/own',
        'method': 'POST',
        'headrace.request_id': 'mine',
        'state': {},
        'body': 'body',
    }
    assert answer.headers['x-request-id'] == 'mine'
    assert (await gateway.client.get('/owner')).status_code == 404
    assert (await gateway.client.get('/health')).json() == {'status': 'ok'}


async def test_an_application_for_all_the_rest(open_flow):
    gateway = await open_flow(Shop, apps={'/': f'{HERE}:told', '/deep': f'{HERE}:calls'})
    assert (await gateway.client.get('/')).json()['path'] == '/'
    assert (await gateway.client.delete('/x/y')).json()['method'] == 'DELETE'
    assert (await gateway.client.get('/deep/x')).text == 'HAT a b'
    assert (await gateway.client.post('/index', json={'data': {'title': 'a'}})).json()['data'][0][
        'title'
    ] == 'A'
    assert (await gateway.client.get('/docs')).status_code == 200


async def test_what_an_application_says_is_kept(open_flow):
    gateway = await open_flow(Shop, apps={'/': f'{HERE}:calls'}, cors=('*',))
    answer = await gateway.client.get('/', headers={'origin': 'https://a.example'})
    assert answer.headers['x-request-id'] == 'own'
    assert answer.headers['access-control-allow-origin'] == '*'


async def test_an_application_lives_as_long_as_the_gateway(open_flow):
    gateway = await open_flow(Shop, apps={'/': f'{HERE}:living'}, prefix='/shop')
    found = (await gateway.client.get('/shop/x')).json()
    assert (found['state'], found['path'], found['root_path']) == ({'opened': 'yes'}, '/shop/x', '/shop')
    await gateway.server.stop(0)
    assert loaded().EVENTS[-2:] == ['opened', 'closed']


def loaded():
    """This file, as the gateway has loaded it."""
    return __import__('sys').modules[application('/', f'{HERE}:living').__module__]


async def test_a_gateway_of_ones_own(open_flow):
    gateway = await open_flow(Shop, uses=f'{HERE}:Own', uses_with={'greeting': 'hi'})
    assert (await gateway.client.get('/any/where')).text == 'hi SET UP /any/where'
    assert (await gateway.client.get('/openapi.json')).status_code == 200
    await gateway.server.stop(0)
    assert loaded().EVENTS[-1] == 'gateway closed'
    silent = await open_flow(Shop, uses=f'{HERE}:Silent')
    assert (await silent.client.get('/any/where')).status_code == 404


@pytest.mark.parametrize(
    ('spec', 'kind', 'said'),
    [
        ({'apps': {'/': f'{HERE}:nothing'}}, LoadError, 'nothing'),
        ({'apps': {'/': 'no.such.module:app'}}, LoadError, "no module 'no'"),
        ({'apps': {'/': 'app'}}, SpecError, 'module:app'),
        ({'apps': {'/': f'{HERE}:EVENTS'}}, SpecError, 'not an ASGI application'),
        ({'apps': {'/': f'{HERE}:refusing'}}, StartError, 'did not start'),
        ({'apps': {'/': f'{HERE}:told'}, 'uses': f'{HERE}:Own'}, SpecError, 'two applications'),
        ({'uses': f'{HERE}:Shop'}, SpecError, 'no class of a gateway'),
        ({'uses': f'{HERE}:Own', 'uses_with': {'size': 3}}, SpecError, 'size'),
    ],
)
async def test_what_cannot_be_loaded(open_flow, spec, kind, said):
    with pytest.raises(kind, match=said):
        await open_flow(Shop, **spec)


def test_a_class_that_a_gateway_cannot_import():
    class Local(Gateway):
        pass

    with pytest.raises(SpecError, match='cannot import'):
        GatewaySpec(uses=Local)
    assert GatewaySpec(uses=Silent).uses == f'{__name__}:Silent'


async def test_the_errors_of_an_application_are_problems(open_flow, caplog):
    gateway = await open_flow(
        Shop,
        apps={'/broken': f'{HERE}:broken', '/half': f'{HERE}:half', '/told': f'{HERE}:told'},
        max_body_bytes=10,
    )
    with caplog.at_level(logging.CRITICAL, 'headrace'):
        answer = await gateway.client.get('/broken')
        assert (answer.status_code, answer.json()['detail']) == (500, 'the server failed')
        with pytest.raises(Exception, match='peer closed'):
            await gateway.client.get('/half')
        large = await gateway.client.post('/told', content=b'x' * 11)
        assert large.status_code == 413


async def test_an_application_shares_the_identity_of_the_gateway(open_flow, tmp_path):
    reader, kept = keys.new_key('reader', scopes=('/say', '/app'))
    writer, other = keys.new_key('writer', scopes=('/index', '/say', '/app'))
    file = tmp_path / 'keys.json'
    keys.write(file, keys.KeyFile((kept, other)))
    gateway = await open_flow(Shop, apps={'/app': f'{HERE}:calls'}, security=SecuritySpec(keys=str(file)))
    assert (await gateway.client.get('/app')).status_code == 401
    refused = await gateway.client.get('/app', headers={'x-api-key': reader})
    assert (refused.status_code, refused.json()['error']) == (403, 'Forbidden')
    assert (await gateway.client.get('/app', headers={'x-api-key': writer})).text == 'HAT a b'

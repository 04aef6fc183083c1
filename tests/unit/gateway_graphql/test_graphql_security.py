"""Who may ask what: keys, scopes, the line that each refusal leaves."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from headrace.gateway.security import keys
from headrace.spec.security import SecuritySpec

INDEX = 'mutation { index(data: {title: "a"}) { requestId } }'
BOTH = 'query { search { requestId } find_it { requestId } }'


@pytest.fixture
async def guarded(open_gateway, tmp_path):
    """A gateway with two keys: `everything`, and `search` for one endpoint."""
    file = tmp_path / 'keys.json'
    shown = {}
    for name, scopes in (('everything', keys.ANYTHING), ('search', ('/search',))):
        shown[name], key = keys.new_key(name, scopes=scopes)
        keys.add(file, key)
    gateway = await open_gateway(security=SecuritySpec(keys=str(file)))
    gateway.keys = shown
    return gateway


@pytest.fixture
def audit(caplog) -> Any:
    """The lines of the audit log."""
    caplog.set_level(logging.WARNING, logger='headrace.audit')
    return lambda: [
        json.loads(record.message) for record in caplog.records if record.name == 'headrace.audit'
    ]


def shows(key: str) -> dict[str, str]:
    return {'authorization': f'Bearer {key}'}


async def test_a_key_opens(guarded) -> None:
    told = await guarded.client.post(INDEX, headers=shows(guarded.keys['everything']))
    assert told.json()['data']['index']['requestId']
    assert guarded.shop.seen[0].client == 'key:everything'


@pytest.mark.parametrize('headers', [{}, shows('hr_00_00'), {'x-api-key': 'nonsense'}])
async def test_no_key(guarded, audit, headers) -> None:
    told = await guarded.client.post(INDEX, headers=headers)
    there = await guarded.http.post('/index', json={'data': [{'title': 'a'}]}, headers=headers)
    assert told.status_code == there.status_code == 401
    assert told.headers['www-authenticate'] == there.headers['www-authenticate']
    (error,) = told.json()['errors']
    for key in ('status', 'title', 'error', 'detail', 'help'):
        assert error['extensions'][key] == there.json()[key]
    assert [line['status'] for line in audit()] == [401, 401]
    assert guarded.shop.seen == []


async def test_a_scope(guarded, audit) -> None:
    told = (await guarded.client.post(BOTH, headers=shows(guarded.keys['search']))).json()
    assert told['data']['search']['requestId']
    assert told['data']['find_it'] is None
    (error,) = told['errors']
    there = await guarded.http.post('/find-it', json={}, headers=shows(guarded.keys['search']))
    assert (error['path'], error['extensions']['status']) == (['find_it'], 403)
    assert error['extensions']['detail'] == there.json()['detail']
    assert [(line['status'], line['endpoint'], line['who']) for line in audit()] == [
        (403, '/find-it', 'search')
    ] * 2
    assert [line['protocol'] for line in audit()] == ['graphql', 'http']


async def test_a_scope_comes_before_mistakes(guarded) -> None:
    query = 'mutation ($d: [ItemInput!]) { index(data: $d) { requestId } }'
    body = {'query': query, 'variables': {'d': [{'title': 1}]}}
    told = await guarded.http.post('/graphql', json=body, headers=shows(guarded.keys['search']))
    assert told.json()['errors'][0]['extensions']['status'] == 403


async def test_docs_needs_the_scope_of_what_it_calls(guarded) -> None:
    query = 'mutation { docs(execEndpoint: "/index") { id } }'
    told = await guarded.client.post(query, headers=shows(guarded.keys['search']))
    assert told.json()['errors'][0]['extensions']['status'] == 403


async def test_no_suggestions(guarded) -> None:
    told = await guarded.client.post('{ serch { requestId } }', headers=shows(guarded.keys['everything']))
    assert 'Did you mean' not in told.text


async def test_anybody(open_gateway, tmp_path) -> None:
    file = tmp_path / 'keys.json'
    keys.add(file, keys.new_key('one')[1])
    gateway = await open_gateway(security=SecuritySpec(keys=str(file), anonymous=('/search',)))
    assert (await gateway.client.post('{ search { requestId } }')).json()['data']['search']
    assert (await gateway.client.post(INDEX)).json()['errors'][0]['extensions']['status'] == 401
    assert (await gateway.client.post('{ __schema { description } }')).status_code == 401
    page = await gateway.http.get('/graphql', headers={'accept': 'text/html'})
    assert page.status_code == 401
    assert (await gateway.http.get('/graphql/page.js')).status_code == 401


async def test_a_page_for_everybody_has_its_parts(open_gateway, tmp_path) -> None:
    file = tmp_path / 'keys.json'
    keys.add(file, keys.new_key('one')[1])
    gateway = await open_gateway(security=SecuritySpec(keys=str(file), anonymous=('/graphql',)))
    assert (await gateway.http.get('/graphql', headers={'accept': 'text/html'})).status_code == 200
    assert (await gateway.http.get('/graphql/page.js')).status_code == 200
    assert (await gateway.client.post(INDEX)).json()['errors'][0]['extensions']['status'] == 401


async def over_socket(gateway, payload: Any, headers: Any = None) -> Any:
    """What the first operation on a connection is told, or the code that it ends with."""
    url = f'ws://127.0.0.1:{gateway.port}/graphql'
    names: Any = ['graphql-transport-ws']
    async with connect(url, subprotocols=names, additional_headers=headers, proxy=None) as socket:
        await socket.send(json.dumps({'type': 'connection_init', 'payload': payload}))
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd and closed.rcvd.code
        await socket.send(json.dumps({'type': 'subscribe', 'id': '1', 'payload': {'query': INDEX}}))
        return json.loads(await socket.recv())


async def test_a_socket_shows_a_key_in_its_handshake_or_first_message(guarded) -> None:
    key = guarded.keys['everything']
    for payload, headers in (
        (None, shows(key)),
        ({'Authorization': f'Bearer {key}'}, None),
        ({'x-api-key': key}, None),
    ):
        assert (await over_socket(guarded, payload, headers))['payload']['data']['index']['requestId']


async def test_a_socket_without_a_key(guarded, audit) -> None:
    assert await over_socket(guarded, None) == 4401
    assert await over_socket(guarded, {'Authorization': 'Bearer hr_00_00'}) == 4401
    assert [line['status'] for line in audit()] == [401, 401]


async def test_a_socket_with_another_scope(guarded) -> None:
    told = await over_socket(guarded, {'x-api-key': guarded.keys['search']})
    assert told['payload']['errors'][0]['extensions']['status'] == 403


async def test_the_page_of_another_origin_gets_no_socket(gateway) -> None:
    with pytest.raises(Exception, match='403'):
        await over_socket(gateway, None, {'origin': 'https://evil.example'})

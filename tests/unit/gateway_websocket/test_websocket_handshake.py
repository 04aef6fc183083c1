"""Who is let in: subprotocols, pages of other origins, keys; and what a refusal looks like."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from headrace.gateway.security import keys
from headrace.spec.limits import LimitsSpec
from headrace.spec.security import SecuritySpec

JSON = 'headrace.json.v1'


async def refusal(gateway: SimpleNamespace, path: str = '/', **options: Any) -> tuple[int, dict[str, Any]]:
    """Status and problem of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as caught:
        await gateway.dial(path, **options)
    response: Response = caught.value.response
    assert response.headers['Content-Type'] == 'application/problem+json'
    problem = json.loads(response.body)
    assert problem['request_id'] == response.headers['X-Request-ID']
    return response.status_code, problem


async def test_the_first_known_subprotocol(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(subprotocols=['soap', 'headrace.columns.v1', JSON])
    assert socket.raw.subprotocol == 'headrace.columns.v1'


async def test_no_known_subprotocol(gateway: SimpleNamespace) -> None:
    status, problem = await refusal(gateway, language='bytes')
    assert status == 400
    assert JSON in problem['help']


@pytest.mark.parametrize('query', ['order=random', 'arrays=hex'])
async def test_a_query_that_means_nothing(gateway: SimpleNamespace, query: str) -> None:
    status, problem = await refusal(gateway, f'/?{query}')
    assert status == 400
    assert query.partition('=')[2] in problem['detail']


async def test_compression_is_declined(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(compression='deflate')
    assert 'Sec-WebSocket-Extensions' not in socket.raw.response.headers


async def test_a_page_of_another_origin(open_gateway: Any) -> None:
    gateway = await open_gateway(cors=('https://shop.example',))
    own = f'http://127.0.0.1:{gateway.port}'
    for origin in (own, 'https://shop.example'):
        socket = await gateway.dial(origin=origin)
        assert (await socket.ask(endpoint='/echo'))['type'] == 'reply'
    for origin in ('https://evil.example', 'null', 'https://shop.example.evil.example'):
        status, _ = await refusal(gateway, origin=origin)
        assert status == 403


async def test_a_prefix_that_a_proxy_leaves_on(open_gateway: Any) -> None:
    gateway = await open_gateway(prefix='/shop')
    socket = await gateway.dial('/shop/index')
    assert (await socket.ask(data=[{'title': 'hat'}]))['data'][0]['title'] == 'Hat'


async def test_without_http_there_are_no_endpoints_there(open_gateway: Any) -> None:
    gateway = await open_gateway(protocols=('websocket',))
    socket = await gateway.dial()
    assert (await socket.ask(endpoint='/echo'))['type'] == 'reply'
    async with httpx.AsyncClient(base_url=f'http://127.0.0.1:{gateway.port}', trust_env=False) as client:
        for path in ('/health', '/ready', '/status', '/describe', '/dry_run', '/', '/docs', '/openapi.json'):
            assert (await client.get(path)).status_code == 200, path
        for path in ('/echo', '/post'):
            assert (await client.post(path, json={})).status_code in (404, 405), path


async def test_without_websocket_there_is_none(open_gateway: Any) -> None:
    gateway = await open_gateway(protocols=('http',))
    with pytest.raises(InvalidStatus) as caught:
        await gateway.dial('/echo')
    assert caught.value.response.status_code in (404, 405)


@pytest.fixture
async def guarded(open_gateway: Any, tmp_path: Path) -> SimpleNamespace:
    """A gateway with a key for /echo; `file` has it."""
    key, kept = keys.new_key('tester', scopes=('/echo',))
    file = tmp_path / 'keys.json'
    keys.write(str(file), keys.KeyFile((kept,)))
    gateway = await open_gateway(security=SecuritySpec(keys=str(file)))
    gateway.key, gateway.file = key, file
    return gateway


def token(key: str) -> str:
    return 'headrace.auth.' + base64.urlsafe_b64encode(key.encode()).decode().rstrip('=')


async def test_keys_in_headers_or_a_subprotocol(guarded: SimpleNamespace) -> None:
    for options in (
        {'additional_headers': {'Authorization': f'Bearer {guarded.key}'}},
        {'additional_headers': {'X-API-Key': guarded.key}},
        {'subprotocols': [JSON, token(guarded.key)]},
        {'subprotocols': [JSON, token(guarded.key)], 'origin': f'http://127.0.0.1:{guarded.port}'},
    ):
        socket = await guarded.dial(**options)
        assert socket.raw.subprotocol == JSON
        assert (await socket.ask(endpoint='/echo'))['type'] == 'reply'


async def test_no_key_or_a_wrong_one(guarded: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, 'headrace.audit')
    assert (await refusal(guarded))[0] == 401
    assert (await refusal(guarded, additional_headers={'X-API-Key': 'hr_no_such'}))[0] == 401
    assert (await refusal(guarded, subprotocols=[JSON, token('hr_no_such')]))[0] == 401
    assert (await refusal(guarded, subprotocols=[JSON, 'headrace.auth.~']))[0] == 400
    lines = [json.loads(record.message) for record in caplog.records if record.name == 'headrace.audit']
    assert [line['reason'] for line in lines] == ['Unauthenticated'] * 3
    assert {line['protocol'] for line in lines} == {'websocket'}


async def test_a_page_gets_to_see_why(guarded: SimpleNamespace) -> None:
    socket = await guarded.dial(origin=f'http://127.0.0.1:{guarded.port}')
    code, reason = await socket.closed()
    assert code == 4401
    assert 'key' in (reason or '')


async def test_what_a_key_is_not_for(guarded: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, 'headrace.audit')
    socket = await guarded.dial(additional_headers={'X-API-Key': guarded.key})
    told = await socket.ask(id='f', endpoint='/index', data=[{'title': 'hat'}])
    assert told['error']['status'] == 403
    assert (await socket.ask(id='g', endpoint='/echo'))['type'] == 'reply'
    (line,) = [json.loads(record.message) for record in caplog.records if record.name == 'headrace.audit']
    assert (line['who'], line['endpoint'], line['request_id']) == ('tester', '/index', 'f')


async def test_a_key_that_is_withdrawn_meanwhile(
    guarded: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = await guarded.dial(additional_headers={'X-API-Key': guarded.key})
    assert (await socket.ask(endpoint='/echo'))['type'] == 'reply'
    monkeypatch.setattr(keys.Key, 'is_expired', lambda key, now: True)
    told = await socket.ask(endpoint='/echo')
    assert told['error']['status'] == 401
    assert (await socket.closed())[0] == 4401


async def test_requests_per_second(open_gateway: Any) -> None:

    gateway = await open_gateway(limits=LimitsSpec(requests_per_s=0.001, burst=3))
    socket = await gateway.dial()  # takes one
    heard = [await socket.ask(id=number, endpoint='/echo') for number in range(3)]
    assert [each['type'] for each in heard] == ['reply', 'reply', 'error']
    assert heard[2]['error']['error'] == 'RateLimited'

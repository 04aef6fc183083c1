"""What clients of Jina 3 say and read."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest


async def ask(socket: Any, **request: Any) -> dict[str, Any]:
    return await socket.ask(**request)


@pytest.mark.parametrize('language', ['', 'json'])
async def test_a_request_and_its_reply(gateway: SimpleNamespace, language: str) -> None:
    socket = await gateway.dial(language=language)
    assert socket.raw.subprotocol == (language or None)
    reply = await ask(
        socket,
        data=[{'id': '1', 'title': 'hat'}],
        execEndpoint='/index',
        header={'requestId': 'a'},
        targetExecutor='s',
    )
    assert reply == {
        'header': {'request_id': 'a', 'exec_endpoint': '/index', 'target_executor': 's', 'status': None},
        'parameters': {},
        'routes': [],
        'data': [{'id': '1', 'title': 'Hat', 'price': 0.0}],
    }


async def test_the_endpoint_of_the_url(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial('/index', language='')
    reply = await ask(socket, data=[{'title': 'hat'}])
    assert reply['header']['exec_endpoint'] == '/index'


async def test_an_error_is_a_status(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language='')
    reply = await ask(socket, execEndpoint='/full', header={'requestId': 'f'})
    status = reply['header']['status']
    assert (reply['header']['request_id'], status['code']) == ('f', 1)
    assert status['exception']['name'] == 'Overloaded'
    assert reply['data'] == []


async def test_what_is_no_request(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language='')
    await socket.raw.send('[1]')
    assert (await socket.hear())['header']['status']['code'] == 1
    assert (await ask(socket, execEndpoint='/echo'))['header']['status'] is None


async def test_in_the_order_of_the_requests_unless_the_url_says_any(gateway: SimpleNamespace) -> None:
    ordered, free = await gateway.dial(language=''), await gateway.dial('/?order=any', language='')
    for socket in (ordered, free):
        await socket.say(execEndpoint='/wait', header={'requestId': 'slow'})
        await socket.say(execEndpoint='/echo', header={'requestId': 'fast'})
    assert (await free.hear())['header']['request_id'] == 'fast'
    gateway.shop.release.set()
    assert (await free.hear())['header']['request_id'] == 'slow'
    assert [(await ordered.hear())['header']['request_id'] for _ in range(2)] == ['slow', 'fast']


async def test_an_empty_object_is_the_end(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language='')
    await socket.say(execEndpoint='/wait', header={'requestId': 'w'})
    await socket.raw.send(' {}\n')
    gateway.shop.release.set()
    assert (await socket.hear())['header']['request_id'] == 'w'
    assert await socket.closed() == (1000, '')


@pytest.mark.parametrize('is_ready', [True, False])
async def test_dry_run(open_gateway: Any, is_ready: bool) -> None:
    async def ready() -> dict[str, bool]:
        return {'shop': is_ready}

    gateway = await open_gateway(ready=ready)
    socket = await gateway.dial('/dry_run', language='')
    told = json.loads(await asyncio.wait_for(socket.raw.recv(), 30))
    assert told == {} if is_ready else told['code'] == 1
    assert await socket.closed() == (1000, '')


async def test_who_speaks_another_language_is_told_which_one_to_ask_for(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial(language='')
    reply = await ask(socket, id=1, endpoint='/index', data=[{'title': 'hat'}])
    description = reply['header']['status']['description']
    assert 'Object contains unknown field' in description
    assert 'offer the subprotocol headrace.json.v1' in description
    again = await ask(socket, data=[{'title': 'hat'}], execEndpoint='/index')
    assert again['data'][0]['title'] == 'Hat'

"""graphql-transport-ws, spoken by the package `websockets`."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

NAME = 'graphql-transport-ws'
WORDS = 'subscription ($t: String!) { words(data: {title: $t}) { item { title } } }'


class Talk:
    """One connection, in JSON."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def say(self, kind: str, **more: Any) -> None:
        await self.socket.send(json.dumps({'type': kind, **more}))

    async def hear(self) -> Any:
        return json.loads(await asyncio.wait_for(self.socket.recv(), 10))

    async def ask(self, id: str, query: str, extensions: Any = None, **variables: Any) -> None:
        payload = {'query': query, 'variables': variables, 'extensions': extensions}
        await self.say('subscribe', id=id, payload=payload)

    async def code(self) -> int:
        """The code that the connection ends with."""
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await asyncio.wait_for(self.socket.recv(), 10)
        assert caught.value.rcvd is not None
        return caught.value.rcvd.code


@asynccontextmanager
async def talk(gateway, *, begin: bool = True, path: str = '/graphql'):
    url = f'ws://127.0.0.1:{gateway.port}{path}'
    async with connect(url, subprotocols=[NAME], proxy=None) as socket:  # type: ignore[list-item]
        one = Talk(socket)
        if begin:
            await one.say('connection_init')
            assert await one.hear() == {'type': 'connection_ack'}
        yield one


async def test_a_subscription(gateway) -> None:
    async with talk(gateway) as one:
        await one.ask('1', WORDS, t='big hat')
        for word in ('big', 'hat'):
            payload = {'data': {'words': {'item': {'title': word}}}}
            assert await one.hear() == {'id': '1', 'type': 'next', 'payload': payload}
        assert await one.hear() == {'id': '1', 'type': 'complete'}


async def test_a_query_and_a_mutation(gateway) -> None:
    async with talk(gateway) as one:
        await one.ask('q', '{ search(data: {title: "a"}) { data { title } } }')
        assert (await one.hear())['payload'] == {'data': {'search': {'data': [{'title': 'a'}]}}}
        assert (await one.hear())['type'] == 'complete'
        await one.ask('q', 'mutation { fail { requestId } }')
        told = await one.hear()
        assert (told['type'], told['payload']['errors'][0]['extensions']['status']) == ('next', 500)


async def test_operations_side_by_side(gateway) -> None:
    async with talk(gateway) as one:
        await one.ask('slow', WORDS, t='wait')
        await gateway.shop.started.wait()
        await one.ask('quick', '{ __typename }')
        assert (await one.hear())['id'] == 'quick'
        gateway.shop.release.set()


@pytest.mark.parametrize(
    ('query', 'status'),
    [
        ('subscription { words(data: {title: 1}) { requestId } }', 422),
        ('subscription ($d: [ItemInput!]) { words(data: $d) { requestId } }', 422),
        ('{ nothing }', 400),
        ('{', 400),
        ('{ __typename }' + ' ' * 70_000, 413),
        ('subscription { words(data: {title: "boom"}) { requestId } }', 500),
    ],
)
async def test_errors(gateway, query, status) -> None:
    async with talk(gateway) as one:
        await one.ask('1', query, d=[{}])
        told = await one.hear()
        assert (told['id'], told['type']) == ('1', 'error')
        assert told['payload'][0]['extensions']['status'] == status
        await one.ask('1', '{ __typename }')
        assert (await one.hear())['type'] == 'next'


async def test_complete_ends_the_work(gateway) -> None:
    async with talk(gateway) as one:
        await one.ask('1', WORDS, t='wait')
        await gateway.shop.started.wait()
        await one.say('complete', id='1')
        await gateway.shop.cancelled.wait()
        await gateway.shop.is_closed.wait()
        await one.say('ping')
        assert await one.hear() == {'type': 'pong'}


async def test_who_leaves_ends_the_work(gateway) -> None:
    async with talk(gateway) as one:
        await one.ask('1', WORDS, t='wait')
        await gateway.shop.started.wait()
    await gateway.shop.cancelled.wait()


async def test_a_deadline(gateway) -> None:
    async with talk(gateway) as one:
        await one.ask('1', WORDS, {'timeout_s': 1}, t='wait')
        assert (await one.hear())['payload'][0]['extensions']['status'] == 504
        await gateway.shop.cancelled.wait()
        await one.ask('1', WORDS, {'timeout_s': -1}, t='wait')
        assert (await one.hear())['payload'][0]['extensions']['status'] == 400


@pytest.mark.parametrize(
    ('message', 'code'),
    [
        ('nonsense', 4400),
        ('{}', 4400),
        ('{"type": "shout"}', 4400),
        ('{"type": "subscribe", "payload": {"query": "{ __typename }"}}', 4400),
        ('{"type": "subscribe", "id": "1"}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {}}', 4400),
        ('{"type": "connection_init"}', 4429),
        (b'\x00', 1003),
    ],
)
async def test_codes(gateway, message, code) -> None:
    async with talk(gateway) as one:
        await one.socket.send(message)
        assert await one.code() == code


async def test_nothing_before_connection_init(gateway) -> None:
    async with talk(gateway, begin=False) as one:
        await one.ask('1', '{ __typename }')
        assert await one.code() == 4401


async def test_an_id_is_used_once_at_a_time(gateway) -> None:
    async with talk(gateway) as one:
        await one.ask('1', WORDS, t='wait')
        await one.ask('1', '{ __typename }')
        assert await one.code() == 4409


async def test_so_many_operations_at_once(open_gateway) -> None:
    gateway = await open_gateway(prefetch=1)
    async with talk(gateway) as one:
        await one.ask('1', WORDS, t='wait')
        await one.ask('2', '{ __typename }')
        told = await one.hear()
        assert (told['id'], told['payload'][0]['extensions']['error']) == ('2', 'Overloaded')


async def test_other_places_and_languages(gateway) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with talk(gateway, path='/'):
            pass
    assert caught.value.response.status_code == 400
    url = f'ws://127.0.0.1:{gateway.port}/graphql'
    for names in (None, ['headrace.json.v1']):
        with pytest.raises(InvalidStatus):
            async with connect(url, subprotocols=names, proxy=None):  # type: ignore[arg-type]
                pass


async def test_a_stop_says_so(gateway) -> None:
    async with talk(gateway) as one:
        await one.ask('1', WORDS, t='wait')
        await gateway.shop.started.wait()
        await gateway.server.stop(0)
        told = await one.hear()
        assert told['payload'][0]['extensions']['status'] == 503
        assert await one.code() == 1001


async def test_a_result_that_is_too_large(open_gateway) -> None:
    gateway = await open_gateway(max_body_bytes=1000)
    item = '{ a: title b: title c: title }'
    subscription = f'subscription ($t: String!) {{ words(data: {{title: $t}}) {{ item {item} }} }}'
    query = f'query ($t: String!) {{ search(data: {{title: $t}}) {{ data {item} }} }}'
    async with talk(gateway) as one:
        await one.ask('1', subscription, t=f'a {"x" * 400} b')
        assert (await one.hear())['payload'] == {'data': {'words': {'item': {'a': 'a', 'b': 'a', 'c': 'a'}}}}
        for _ in range(2):
            told = await one.hear()
            assert told['type'] == 'error'
            (error,) = told['payload']
            assert (error['extensions']['status'], error['extensions']['error']) == (413, 'TooLarge')
            assert error['message'] == 'the answer has more than the 1000 bytes that are sent'
            await one.ask('2', query, t='x' * 400)
        assert (await one.hear())['type'] == 'error'
    await gateway.shop.is_closed.wait()

"""Subscriptions over server-sent events."""

from __future__ import annotations

import json

import pytest

QUERY = 'subscription ($t: String!) { words(data: {title: $t}) { item { title } } }'
EVENTS = {'accept': 'text/event-stream'}


def events(text: str) -> list[tuple[str, object]]:
    """The events of a whole answer."""
    found = []
    for block in text.split('\n\n'):
        lines = dict(line.split(': ', 1) for line in block.splitlines() if line and not line.startswith(':'))
        if lines:
            found.append((lines['event'], json.loads(lines['data']) if lines.get('data') else None))
    return found


async def test_a_subscription(gateway) -> None:
    told = await gateway.client.post(QUERY, headers=EVENTS, t='big red hat')
    assert told.headers['content-type'] == 'text/event-stream'
    parts = [('next', {'data': {'words': {'item': {'title': word}}}}) for word in ('big', 'red', 'hat')]
    assert events(told.text) == [*parts, ('complete', None)]
    assert gateway.shop.closed == ['/words']


async def test_what_comes_beside_documents(gateway) -> None:
    query = 'subscription { words(data: {title: "a"}, parameters: {say: 1}) { item { title } parameters } }'
    told = events((await gateway.client.post(query, headers=EVENTS)).text)
    assert [part['data']['words'] for kind, part in told[:-1]] == [
        {'item': {'title': 'a'}, 'parameters': {'say': 1}},
        {'item': None, 'parameters': {'say': 1, '__results__': {'shop': {'said': 1}}}},
    ]


async def test_what_fails_on_the_way(gateway) -> None:
    told = events((await gateway.client.post(QUERY, headers=EVENTS, t='a boom b')).text)
    assert [kind for kind, _ in told] == ['next', 'next', 'complete']
    (error,) = told[1][1]['errors']
    assert (error['extensions']['status'], error['extensions']['error']) == (500, 'ExecutorFailure')


@pytest.mark.parametrize(
    ('query', 'status'),
    [
        ('subscription { nothing }', 400),
        ('subscription { words(data: {title: 1}) { requestId } }', 422),
        ('subscription ($d: [ItemInput!]) { words(data: $d) { requestId } }', 422),
        ('subscription { ', 400),
    ],
)
async def test_what_fails_before(gateway, query, status) -> None:
    told = await gateway.client.post(query, headers=EVENTS, d=[{}])
    assert told.status_code == status
    assert told.headers['content-type'].startswith('application/graphql-response+json')


async def test_a_query_as_events(gateway) -> None:
    told = events((await gateway.client.post('{ __typename }', headers=EVENTS)).text)
    assert told == [('next', {'data': {'__typename': 'Query'}}), ('complete', None)]


async def test_a_subscription_needs_parts(gateway) -> None:
    told = await gateway.client.post(QUERY, t='a')
    assert told.status_code == 406
    assert 'graphql-transport-ws' in told.json()['errors'][0]['extensions']['help']


async def test_who_leaves_ends_the_work(gateway) -> None:
    body = {'query': QUERY, 'variables': {'t': 'a wait b'}}
    async with gateway.http.stream('POST', '/graphql', json=body, headers=EVENTS) as response:
        async for line in response.aiter_lines():
            if line.startswith('data:'):
                break
        await gateway.shop.started.wait()
    await gateway.shop.cancelled.wait()
    await gateway.shop.is_closed.wait()


async def test_a_deadline_ends_it(gateway) -> None:
    headers = {**EVENTS, 'x-headrace-timeout-s': '1'}
    told = events((await gateway.client.post(QUERY, headers=headers, t='a wait')).text)
    assert told[-2][1]['errors'][0]['extensions']['status'] == 504
    assert told[-1] == ('complete', None)
    assert gateway.shop.cancelled.is_set()


LONG = 'subscription ($t: String!) { words(data: {title: $t}) { item { a: title b: title c: title } } }'


async def test_an_event_that_is_too_large(open_gateway) -> None:
    gateway = await open_gateway(max_body_bytes=1000)
    told = events((await gateway.client.post(LONG, headers=EVENTS, t=f'a {"x" * 400} b')).text)
    assert [kind for kind, _ in told] == ['next', 'next', 'complete']
    assert told[0][1] == {'data': {'words': {'item': {'a': 'a', 'b': 'a', 'c': 'a'}}}}
    (error,) = told[1][1]['errors']
    assert (error['extensions']['status'], error['extensions']['error']) == (413, 'TooLarge')
    assert error['message'] == 'the answer has more than the 1000 bytes that are sent'
    await gateway.shop.is_closed.wait()

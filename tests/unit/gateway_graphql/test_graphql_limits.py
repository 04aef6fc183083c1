"""How much one operation may ask for, and what is told about the schema."""

from __future__ import annotations

import json
import time

import pytest
from graphql import get_introspection_query, parse
from graphql_shop import flow_info

from headrace.errors import HeadraceError, RequestError
from headrace.gateway.graphql import weight
from headrace.gateway.graphql.prepared import Invalid, Queries
from headrace.gateway.graphql.schema import make_schema
from headrace.spec.graphql import GraphqlSpec

SCHEMA = make_schema(flow_info(), GraphqlSpec())


def check(query: str, **spec) -> None:
    weight.check(parse(query), SCHEMA, GraphqlSpec(**spec))


def weigh(query: str) -> weight.Weight:
    scales = weight.Scales(parse(query), SCHEMA)
    return scales.weigh(scales.operations[0])


@pytest.mark.parametrize(
    ('query', 'found'),
    [
        ('{ __typename }', (1, 1, 0, 0)),
        ('{ search { requestId } }', (2, 2, 0, 1)),
        ('{ a: search { requestId } search { requestId } }', (2, 4, 1, 2)),
        ('{ search { data { title } } }', (3, 1 + 1 + 10, 0, 1)),
        ('{ search { data { tags { word } } } }', (4, 1 + 1 + 10 * (1 + 10), 0, 1)),
        ('{ search { ...F } } fragment F on ItemReply { requestId data { id } }', (3, 13, 0, 1)),
        ('{ ... on Query { search { ... { requestId } } } }', (2, 2, 0, 1)),
        ('{ __schema { types { name } } }', (3, 3, 0, 0)),
        ('{ nothing { there } }', (2, 2, 0, 1)),
        (
            '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A search { requestId } }',
            (2, 2, 0, 1),
        ),
    ],
)
def test_weight(query, found) -> None:
    assert tuple(weigh(query)) == found


@pytest.mark.parametrize(
    ('limit', 'query'),
    [
        ({'max_depth': 2}, '{ search { data { title } } }'),
        ({'max_cost': 11}, '{ search { data { title } } }'),
        ({'max_aliases': 1}, '{ search { a: requestId b: requestId } }'),
        ({'max_calls': 1}, '{ search { requestId } find_it { requestId } }'),
    ],
)
def test_more_than_is_allowed(limit, query) -> None:
    ((name, value),) = limit.items()
    with pytest.raises(RequestError, match=str(value)) as caught:
        check(query, **limit)
    assert f'graphql.{name}' in caught.value.help
    check(query, **{name: value + 1})


def test_fragments_that_multiply_are_counted_and_not_walked() -> None:
    spreads = ' '.join(['...F{}'] * 30)
    parts = [f'fragment F{n} on Query {{ {spreads.replace("{}", str(n + 1))} }}' for n in range(20)]
    query = '{ ...F0 } ' + ' '.join(parts) + ' fragment F20 on Query { search { data { id } } }'
    began = time.thread_time()
    with pytest.raises(RequestError):
        check(query)
    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    'query',
    [
        '{ ' + '__typename ' * 9 + '}',
        '{ ' + '...F ' * 33 + '} fragment F on Query { __typename }',
        '{ __typename ' + '@skip(if: false) ' * 9 + '}',
        '{ __typename } ' + ' '.join(f'fragment F{n} on Query {{ __typename }}' for n in range(33)),
        ' '.join(f'query Q{n} {{ __typename }}' for n in range(17)),
        'query (' + ' '.join(f'$v{n}: Int' for n in range(129)) + ') { __typename }',
    ],
)
def test_what_repeats_itself(query) -> None:
    with pytest.raises(RequestError, match='accepted|times'):
        check(query)


HOSTILE = {
    'deep fields': '{ ' + 'a { ' * 900 + 'b' + ' }' * 900 + ' }',
    'deep lists': '{ search(data: ' + '[' * 1500 + ']' * 1500 + ') { requestId } }',
    'deep objects': '{ index(parameters: ' + '{a: ' * 400 + '1' + '}' * 400 + ') { requestId } }',
    'deep types': 'query ($a: ' + '[' * 1500 + 'Int' + ']' * 1500 + ') { __typename }',
    'many names': '{ ' + ' '.join(f'a{n}' for n in range(1900)) + ' }',
    'many unknown': 'mutation { index { data { ' + ' '.join(f'a{n}' for n in range(1500)) + ' } } }',
    'many arguments': '{ search(' + ' '.join(f'a{n}: 1' for n in range(900)) + ') { requestId } }',
    'many alike': '{ ' + ' '.join('search { data { id title } }' for _ in range(8)) + ' }',
    'many introspections': '{ __schema { '
    + 'types { fields { type { fields { type { name } } } } } ' * 8
    + '} }',
    'overlaps': '{ '
    + ' '.join(f'...F{n}' for n in range(30))
    + ' } '
    + ' '.join(
        f'fragment F{n} on Query {{ ' + ' '.join(f'x{k}: search {{ requestId }}' for k in range(1)) + ' }'
        for n in range(30)
    ),
    'a long number': '{ index(parameters: {a: ' + '9' * 5000 + '}) { requestId } }',
    'a long name': '{ ' + 'a' * 60_000 + ' }',
    'comments': '#\n' * 30_000 + '{ __typename }',
}


@pytest.mark.parametrize('name', HOSTILE)
def test_hostile_queries_end_soon(name) -> None:
    queries = Queries(SCHEMA, GraphqlSpec(), hide_suggestions=False)
    began = time.thread_time()
    try:
        queries.prepare(HOSTILE[name])
    except (Invalid, HeadraceError):
        pass
    assert time.thread_time() - began < 2


async def test_too_long(open_gateway) -> None:
    gateway = await open_gateway(graphql={'max_query_bytes': 100, 'max_tokens': 10})
    error = await gateway.client.error('{ __typename }' + ' ' * 100)
    assert (error['status'], error['error']) == (413, 'TooLarge')
    error = await gateway.client.error('{ a b c d e f g h i j k }')
    assert (error['status'], error['error']) == (413, 'TooLarge')
    assert 'variables' in error['help']


async def test_each_call_counts_for_the_rate(open_gateway) -> None:
    gateway = await open_gateway(limits={'requests_per_s': 0.001, 'burst': 2})
    told = (
        await gateway.client.post(
            '{ a: search { requestId } b: search { requestId } c: search { requestId } }'
        )
    ).json()
    assert [error['extensions']['status'] for error in told['errors']] == [429]
    assert len(gateway.shop.seen) == 2


async def test_documents_in_a_request(open_gateway) -> None:
    gateway = await open_gateway(limits={'documents': 2})
    query = 'mutation ($d: [ItemInput!]) { index(data: $d) { requestId } }'
    items = [{'title': 'x' * 100}] * 3
    error = await gateway.client.error(query, d=items)
    there = await gateway.http.post('/index', json={'data': items})
    assert (error['status'], error['detail']) == (413, there.json()['detail'])
    assert there.status_code == 413


async def test_a_body_that_is_too_large(open_gateway) -> None:
    gateway = await open_gateway(max_body_bytes=1000)
    told = await gateway.client.post('{ __typename }', filler='x' * 1000)
    assert told.status_code == 413


async def test_introspection(gateway) -> None:
    told = await gateway.client.data(get_introspection_query(descriptions=True, specified_by_url=True))
    assert (
        told['__schema']['queryType'] == {'name': 'Query'} or told['__schema']['queryType']['name'] == 'Query'
    )
    error = await gateway.client.error('{ serch { requestId } }')
    assert "Did you mean 'search'" in error['detail']


async def test_no_introspection(open_gateway) -> None:
    gateway = await open_gateway(graphql={'introspection': False})
    for query in ('{ __schema { description } }', '{ __type(name: "Item") { name } }'):
        assert 'introspection' in (await gateway.client.error(query))['detail'].lower()
    for query in ('{ serch { requestId } }', 'mutation { index(data: {titel: "x"}) { requestId } }'):
        told = (await gateway.client.post(query)).json()
        assert 'Did you mean' not in json.dumps(told)
        assert 'title' not in told['errors'][0]['message'] or 'missing' in told['errors'][0]['message']
    assert await gateway.client.data('{ __typename }') == {'__typename': 'Query'}


async def test_queries_are_kept_ready(gateway) -> None:
    queries = Queries(SCHEMA, GraphqlSpec(), hide_suggestions=False)
    assert queries.prepare('{ __typename }') is queries.prepare('{ __typename }')
    for number in range(300):
        queries.prepare(f'query Q{number} {{ __typename }}')
    assert len(queries._kept) == 256

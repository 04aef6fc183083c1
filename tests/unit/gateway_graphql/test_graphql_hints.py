"""A field that another kind of operation has: the error says which, where clients may know the schema."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ('query', 'hint'),
    [
        ('{ index { requestId } }', 'It is a mutation: write `mutation { index ... }`.'),
        ('mutation { search { requestId } }', 'It is a query: write `query { search ... }`.'),
        ('subscription { search { item { title } } }', 'It is a query: write `query { search ... }`.'),
    ],
)
async def test_the_right_kind_of_operation_is_told(gateway, query, hint) -> None:
    told = await gateway.client.post(query)
    assert told.status_code == 400
    (error,) = told.json()['errors']
    assert error['message'].startswith('Cannot query field')
    assert error['message'].endswith(hint)
    assert error['locations']


@pytest.mark.parametrize('query', ['{ nothing }', '{ search { data { index } } }'])
async def test_other_mistakes_stay_as_they_are(gateway, query) -> None:
    (error,) = (await gateway.client.post(query)).json()['errors']
    assert 'It is a' not in error['message']


async def test_an_argument_that_there_is_not_names_those_that_there_are(gateway) -> None:
    (error,) = (await gateway.client.post('mutation { index(docs: []) { requestId } }')).json()['errors']
    assert "Unknown argument 'docs'" in error['message']
    assert ' It takes: data, parameters' in error['message']


async def test_who_may_not_know_the_schema_is_told_nothing_of_it(open_gateway) -> None:
    gateway = await open_gateway(graphql={'introspection': False})
    (error,) = (await gateway.client.post('{ index { requestId } }')).json()['errors']
    assert error['message'] == "Cannot query field 'index' on type 'Query'."

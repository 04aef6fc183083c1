"""GraphQL by clients that nobody here wrote: what docs/graphql.md says is enough for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import pytest

from headrace import BaseDoc, DocList, Executor, Flow, NdArray, requests

gql = pytest.importorskip('gql')
aiohttp = pytest.importorskip('gql.transport.aiohttp')
aiohttp_socket = pytest.importorskip('gql.transport.aiohttp_websockets')
exceptions = pytest.importorskip('gql.transport.exceptions')
httpx = pytest.importorskip('gql.transport.httpx')
sockets = pytest.importorskip('gql.transport.websockets')


class Item(BaseDoc):
    title: str
    price: float = 0.0
    colour: Literal['red', 'blue'] = 'red'
    embedding: NdArray[2] | None = None


class Shop(Executor):
    @requests(on='/index')
    def index(self, docs: DocList[Item], **kwargs: Any) -> DocList[Item]:
        for doc in docs:
            doc.title = doc.title.title()
        return docs

    @requests(on='/search')
    def search(self, docs: DocList[Item], parameters: dict[str, Any], **kwargs: Any) -> DocList[Item]:
        return docs[: parameters.get('limit', 10)]

    @requests(on='/words')
    async def words(self, doc: Item, **kwargs: Any) -> AsyncIterator[Item]:
        for word in doc.title.split():
            yield Item(title=word)

    @requests(on='/count')
    async def count(self, doc: Item, **kwargs: Any) -> AsyncIterator[Item]:
        for number in range(10**9):
            yield Item(title=str(number))
            await asyncio.sleep(0)


@pytest.fixture(scope='module')
def address() -> Iterator[str]:
    with Flow(protocol=['http', 'graphql']).add(uses=Shop, name='shop') as flow:
        yield f'127.0.0.1:{flow.ports["graphql"]}/graphql'


@pytest.mark.parametrize('kind', ['httpx', 'aiohttp', 'websockets', 'aiohttp websockets'])
async def test_queries_and_mutations_checked_against_the_schema(address: str, kind: str) -> None:
    transports: dict[str, Any] = {
        'httpx': lambda: httpx.HTTPXAsyncTransport(url=f'http://{address}'),
        'aiohttp': lambda: aiohttp.AIOHTTPTransport(url=f'http://{address}'),
        'websockets': lambda: sockets.WebsocketsTransport(url=f'ws://{address}'),
        'aiohttp websockets': lambda: aiohttp_socket.AIOHTTPWebsocketsTransport(url=f'ws://{address}'),
    }
    async with gql.Client(transport=transports[kind](), fetch_schema_from_transport=True) as session:
        assert session.client.schema.get_type('ItemInput') is not None
        query = gql.gql("""query ($items: [ItemInput!]) {
            search(data: $items, parameters: {limit: 1}) { data { title price colour embedding } } }""")
        query.variable_values = {'items': [{'title': 'a', 'embedding': [1, 2]}, {'title': 'b'}]}
        found = await session.execute(query)
        item = {'title': 'a', 'price': 0.0, 'colour': 'red', 'embedding': [1.0, 2.0]}
        assert found == {'search': {'data': [item]}}
        told = await session.execute(
            gql.gql('mutation { index(data: {title: "red hat"}) { data { title } } }')
        )
        assert told == {'index': {'data': [{'title': 'Red Hat'}]}}


async def test_an_error_has_its_extensions(address: str) -> None:
    transport = httpx.HTTPXAsyncTransport(url=f'http://{address}')
    query = gql.gql('mutation ($d: [ItemInput!]) { index(data: $d) { requestId } }')
    query.variable_values = {'d': [{'price': 2}]}
    async with gql.Client(transport=transport) as session:
        with pytest.raises(exceptions.TransportQueryError) as caught:
            await session.execute(query)
    extensions = caught.value.errors[0]['extensions']
    assert (extensions['status'], extensions['errors'][0]['path']) == (422, '$.data[0]')


@pytest.mark.parametrize('kind', ['websockets', 'aiohttp websockets'])
async def test_subscriptions(address: str, kind: str) -> None:
    made = {
        'websockets': sockets.WebsocketsTransport,
        'aiohttp websockets': aiohttp_socket.AIOHTTPWebsocketsTransport,
    }
    query = gql.gql('subscription { words(data: {title: "big red hat"}) { item { title } } }')
    async with gql.Client(transport=made[kind](url=f'ws://{address}')) as session:
        found = [part['words']['item']['title'] async for part in session.subscribe(query)]
        assert found == ['big', 'red', 'hat']


async def test_a_subscription_is_left_in_the_middle(address: str) -> None:
    query = gql.gql('subscription { count(data: {title: "x"}) { item { title } } }')
    async with gql.Client(transport=sockets.WebsocketsTransport(url=f'ws://{address}')) as session:
        numbers = []
        parts = session.subscribe(query)
        async for part in parts:
            numbers.append(int(part['count']['item']['title']))
            if len(numbers) == 50:
                break
        await parts.aclose()
        assert numbers == list(range(50))
        assert await session.execute(gql.gql('{ __typename }')) == {'__typename': 'Query'}

"""What a query says of documents and parameters: a name that means nothing is no parameter."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from headrace import BaseDoc, DocList, Executor, requests
from headrace.spec import ExposedEndpoint

PARTS = {'accept': 'application/x-ndjson'}


class Text(BaseDoc):
    title: str = ''
    price: float = 0.0


class Named(BaseDoc):
    name: str


class Cut(msgspec.Struct):
    limit: int = 10


class Shop(Executor):
    @requests(on='/say')
    async def say(self, doc: Text, parameters: dict, **kwargs) -> AsyncIterator[Text]:
        for word in doc.title.split():
            yield Text(title=word + parameters.get('end', ''))

    @requests(on='/cut')
    async def cut(self, doc: Text, parameters: Cut, **kwargs) -> AsyncIterator[Text]:
        yield Text(title=doc.title[: parameters.limit])

    @requests(on='/all')
    async def all(self, docs: DocList[Text], parameters: dict, **kwargs) -> AsyncIterator[Text]:
        for number in range(parameters.get('count', 2)):
            yield Text(title=str(number))

    @requests(on='/greet')
    def greet(self, docs: DocList[Named], **kwargs) -> DocList[Named]:
        return docs


@pytest.fixture
async def shop(open_flow):
    exposed = ExposedEndpoint(endpoint='/greet', methods=('GET',))
    return await open_flow(Shop, expose=(exposed,))


@pytest.mark.parametrize(
    ('path', 'query', 'help'),
    [
        ('/say', {'titel': 'red hat', 'end': '!'}, "did you mean 'title'? fields: id, title, price"),
        ('/say', {'title': 'red hat', 'pric': '1'}, "did you mean 'price'? fields: id, title, price"),
        ('/cut', {'title': 'hat', 'limt': '1'}, "did you mean 'limit'? fields and parameters:"),
        ('/cut', {'title': 'hat', 'colour': 'red'}, 'fields and parameters: id, title, price, limit'),
    ],
)
async def test_a_name_that_means_nothing_is_refused(shop, path, query, help):
    answer = await shop.client.get(path, params=query, headers=PARTS)
    assert answer.status_code == 400
    assert 'which is neither a field of the document nor a parameter' in answer.json()['detail']
    assert answer.json()['help'].startswith(help)


@pytest.mark.parametrize(
    ('path', 'query', 'items'),
    [
        ('/say', {'title': 'red hat', 'end': '!'}, ['red!', 'hat!']),
        ('/say', {'title': 'hat', 'titles': 'x', 'colour': 'red'}, ['hat']),
        ('/cut', {'title': 'hat', 'limit': '2'}, ['ha']),
        ('/cut', {'title': 'hat', 'shop__limit': '1'}, ['h']),
        ('/all', {'count': '1'}, ['0']),
        ('/all', {}, ['0', '1']),
        ('/say', {'data': '[]'}, []),
    ],
)
async def test_what_means_something_is_taken(shop, path, query, items):
    answer = await shop.client.get(path, params=query, headers=PARTS)
    found = [msgspec.json.decode(line) for line in answer.text.splitlines()]
    assert [line['item']['title'] for line in found[:-1]] == items
    assert found[-1]['end']['items'] == len(items)


@pytest.mark.parametrize(
    ('path', 'query', 'help'),
    [
        ('/say', {}, '?title=... (fields: title, price, id)'),
        ('/say', {'end': '!'}, '?title=...'),
        ('/cut', {'limit': '1'}, '?title=...'),
        ('/greet', {'limit': '1'}, '?name=... (fields: name, id)'),
    ],
)
async def test_where_a_document_is_needed_one_is_asked_for(shop, path, query, help):
    answer = await shop.client.get(path, params=query, headers={} if path == '/greet' else PARTS)
    assert answer.status_code == 400
    assert answer.json()['detail'].startswith('the query has no document, and this endpoint takes ')
    assert help in answer.json()['help']


async def test_whoever_means_it_sends_none(shop):
    answer = await shop.client.get('/greet', params={'data': '[]'})
    assert answer.json()['data'] == []


async def test_a_gateway_that_drops_keys_takes_near_names_as_parameters(open_flow):
    shop = await open_flow(Shop, unknown_fields='drop')
    answer = await shop.client.get('/say', params={'title': 'hat', 'pric': '1'}, headers=PARTS)
    assert '"parameters":{"pric":1}' in answer.text

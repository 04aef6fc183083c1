"""One Flow, asked over GraphQL and over HTTP: the same results, streams and refusals."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from headrace import BaseDoc, DocList, Executor, Flow, NdArray, requests
from headrace.errors import MissingExtra
from headrace.gateway.entrance import Entrance
from headrace.gateway.http.build import application
from headrace.gateway.http.health import Health
from headrace.gateway.http.mounts import Mounts
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec

FIELDS = 'id title price vector photo tags { id word } facts'


class Tag(BaseDoc):
    word: str


class Item(BaseDoc):
    title: str
    price: float = 0.0
    vector: NdArray[2] | None = None
    photo: bytes = b''
    tags: DocList[Tag] = None  # type: ignore[assignment]
    facts: dict[str, Any] = {}


class Shop(Executor):
    @requests(on='/search')
    def search(self, docs: DocList[Item], parameters: dict[str, Any], **kwargs: Any) -> DocList[Item]:
        for doc in docs:
            doc.price += parameters.get('more', 0)
        return docs

    @requests(on='/learn')
    def learn(self, docs: DocList[Item], **kwargs: Any) -> dict[str, Any]:
        return {'learned': len(docs)}

    @requests(on='/words')
    async def words(self, doc: Item, **kwargs: Any) -> AsyncIterator[Item]:
        for word in doc.title.split():
            if word == 'boom':
                raise ValueError('no such word')
            yield Item(id=f'{doc.id}-{word}', title=word)

    @requests(on='/fail')
    def fail(self, docs: DocList[Item], **kwargs: Any) -> None:
        raise ValueError('no such colour')


@pytest.fixture(scope='module')
def flow() -> Iterator[SimpleNamespace]:
    with (
        Flow(protocol=['http', 'graphql']).add(uses=Shop, name='shop') as running,
        httpx.Client(base_url=f'http://127.0.0.1:{running.ports["graphql"]}', trust_env=False) as client,
    ):

        def ask(kind: str, endpoint: str, items: Any, fields: str, **parameters: Any) -> Any:
            query = f"""{kind} ($d: [ItemInput!], $p: JSON) {{
                {endpoint}(data: $d, parameters: $p) {{ {fields} }} }}"""
            body = {'query': query, 'variables': {'d': items, 'p': parameters}}
            accept = 'text/event-stream' if kind == 'subscription' else '*/*'
            return client.post('/graphql', json=body, headers={'accept': accept})

        yield SimpleNamespace(ask=ask, client=client)


ITEMS = [
    {'id': '1', 'title': 'red hat', 'price': 1.5, 'vector': [1.0, 2.0], 'facts': {'a': [1, None, 'x']}},
    {'id': '2', 'title': '', 'photo': 'AAE=', 'tags': [{'id': 't', 'word': 'é'}]},
]


def test_results(flow: Any) -> None:
    here = flow.ask('query', 'search', ITEMS, f'data {{ {FIELDS} }} parameters', more=2).json()
    there = flow.client.post('/search', json={'data': ITEMS, 'parameters': {'more': 2}}).json()
    assert here['data']['search'] == {key: there[key] for key in ('data', 'parameters')}


def test_results_beside_documents(flow: Any) -> None:
    here = flow.ask('mutation', 'learn', ITEMS, 'parameters').json()
    there = flow.client.post('/learn', json={'data': ITEMS}).json()
    assert here['data']['learn']['parameters'] == there['parameters']
    assert here['data']['learn']['parameters']['__results__']


def test_a_generator(flow: Any) -> None:
    here = flow.ask('mutation', 'words', ITEMS[:1], f'data {{ {FIELDS} }}').json()['data']['words']['data']
    there = flow.client.post('/words', json={'data': ITEMS[:1]}).json()['data']
    events = flow.ask('subscription', 'words', ITEMS[:1], f'item {{ {FIELDS} }}').text
    parts = [json.loads(line[6:]) for line in events.splitlines() if line.startswith('data: {')]
    assert here == there == [part['data']['words']['item'] for part in parts]
    assert [doc['title'] for doc in here] == ['red', 'hat']


@pytest.mark.parametrize(('endpoint', 'items'), [('fail', ITEMS), ('words', [{'title': 'a boom'}])])
def test_failures(flow: Any, endpoint: str, items: Any) -> None:
    (here,) = flow.ask('mutation', endpoint, items, 'requestId').json()['errors']
    there = flow.client.post(f'/{endpoint}', json={'data': items}).json()
    for key in ('status', 'title', 'error', 'detail', 'executor', 'endpoint'):
        assert here['extensions'][key] == there[key]


@pytest.mark.parametrize(
    'item',
    [
        {},
        {'title': 1},
        {'title': 'x', 'vector': [1]},
        {'title': 'x', 'photo': '?'},
        {'title': 'x', 'tags': [{}]},
    ],
)
def test_mistakes(flow: Any, item: Any) -> None:
    told = flow.ask('query', 'search', [ITEMS[0], item], 'requestId')
    there = flow.client.post('/search', json={'data': [ITEMS[0], item]})
    (here,) = told.json()['errors']
    for key in ('status', 'detail', 'errors'):
        assert here['extensions'].get(key) == there.json().get(key)
    assert here['extensions']['status'] == there.status_code


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'graphql', None)
    spec = GatewaySpec(protocols=('graphql',))
    with pytest.raises(MissingExtra, match=r'headrace\[graphql\]'):
        _open(Entrance.into(_nothing, FlowInfo('flow', (), ()), spec))


async def _nothing(batch: Any, context: Any) -> Any:
    return batch


def _open(entrance: Entrance) -> None:
    application(entrance, Health(entrance.info, None, None), Mounts(entrance))

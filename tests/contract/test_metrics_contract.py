"""Every door tells of each request once, whatever becomes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from doors import OWN, PLAIN, Answer, Ask, Doors
from prometheus_client.parser import text_string_to_metric_families as families
from waiting import until

from headrace import BaseDoc, DocList, Executor, Flow, NdArray, requests

PROTOCOLS = ('grpc', 'http', 'websocket', 'graphql')
TRIED = 3


class Item(BaseDoc):
    title: str
    price: float = 0.0
    vector: NdArray[2] | None = None


class Shop(Executor):
    @requests(on='/price')
    def price(self, docs: DocList[Item], **kwargs: Any) -> DocList[Item]:
        if docs[0].title == 'boom':
            raise ValueError('no such thing')
        return docs

    @requests(on='/words')
    async def words(self, doc: Item, **kwargs: Any) -> AsyncIterator[Item]:
        for word in doc.title.split():
            if word == 'boom':
                raise ValueError('no such word')
            yield Item(title=word)


async def counted(port: int) -> Counter[tuple[str, str, str]]:
    """The requests so far, by protocol, endpoint and status."""
    counts: Counter[tuple[str, str, str]] = Counter()
    async with httpx.AsyncClient(base_url=f'http://127.0.0.1:{port}') as client:
        text = (await client.get('/metrics')).text
    for family in families(text):
        for sample in family.samples:
            labels = sample.labels
            if sample.name == 'headrace_requests_total':
                counts[labels['protocol'], labels['endpoint'], labels['status']] += int(sample.value)
            elif sample.name == 'headrace_requests_in_flight':
                counts[labels['protocol'], 'in flight', ''] += int(sample.value)
            elif sample.name == 'headrace_request_seconds_count':
                counts[labels['protocol'], labels['endpoint'], 'all'] += int(sample.value)
    return +counts


async def new(port: int, before: Counter[tuple[str, str, str]], count: int) -> Counter[tuple[str, str, str]]:
    """What has come since; a door may still be about to tell when its client has the answer."""

    async def told() -> Counter[tuple[str, str, str]] | None:
        found = await counted(port) - before
        answered = sum(n for (_, _, status), n in found.items() if status == 'all')
        is_over = answered >= count and not any(key[1] == 'in flight' for key in found)
        return found if is_over else None

    return await until(told, 10)


@pytest.fixture(scope='module')
def flow() -> Any:
    with Flow().config_gateway(protocols=list(PROTOCOLS)).add(uses=Shop, name='shop') as running:
        yield running


def protocol_of(door: str) -> str:
    return next(protocol for protocol in (*PROTOCOLS, 'sse') if protocol in door)


@pytest.mark.parametrize('door', [*PLAIN, *OWN])
@pytest.mark.parametrize(
    ('title', 'endpoint', 'status'),
    [('hat', '/price', '200'), ('boom', '/price', '500'), ('hat', '/nothing', '404')],
)
async def test_each_request_is_told_once(
    flow: Any, door: str, title: str, endpoint: str, status: str
) -> None:
    doors, port = Doors(flow.ports, {}), flow.ports['http']
    before = await counted(port)
    for _ in range(TRIED):
        answer: Answer = await getattr(doors, door)(Ask(endpoint, [{'title': title}]))
        assert (answer.status == 200) == (status == '200'), answer
    known = endpoint if endpoint == '/price' else '/default'
    protocol = protocol_of(door)
    if protocol == 'graphql' and status == '404':
        status = '400'  # the schema has nothing that could be asked for
    assert await new(port, before, TRIED) == {
        (protocol, known, status): TRIED,
        (protocol, known, 'all'): TRIED,
    }


async def test_a_query_that_graphql_does_not_allow_is_a_mistake_of_its_caller(flow: Any) -> None:
    port = flow.ports['http']
    before = await counted(port)
    query = 'mutation { price(docs: [{title: "hat"}]) { data { title } } }'
    async with httpx.AsyncClient(base_url=f'http://127.0.0.1:{port}') as client:
        told = (await client.post('/graphql', json={'query': query})).json()['errors'][0]['extensions']
    assert told['status'] == 400
    assert await new(port, before, 1) == {
        ('graphql', '/default', '400'): 1,
        ('graphql', '/default', 'all'): 1,
    }

"""Dicts become documents of the class that an endpoint takes, whichever way they go there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from headrace import Executor, Flow, requests
from headrace.client import AsyncClient
from headrace.client.described import Taken, given, taken
from headrace.client.dicts import document
from headrace.documents import BaseDoc, DocList, Document, NdArray, schema_of
from headrace.errors import BadServer, DocumentError
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, ExecutorInfo, FlowInfo


class Part(BaseDoc):
    colour: str = ''


class Item(BaseDoc):
    title: str
    price: int = 0
    vector: NdArray[2] | None = None
    main: Part | None = None
    parts: DocList[Part] = DocList[Part]()


class Cheaper(Executor):
    @requests(on='/cheaper')
    def cheaper(self, docs: DocList[Item], **_: Any) -> DocList[Item]:
        for doc in docs:
            doc.price -= 1
        return docs


class Photo(BaseDoc):
    uri: str


def info_of(*inputs: type[BaseDoc], endpoint: str = '/x') -> FlowInfo:
    """A Flow of one executor per class, all side by side."""
    made = [EndpointInfo(endpoint, 'docs', schema_of(each), schema_of(each)) for each in inputs]
    executors = tuple(ExecutorInfo(f'e{number}', (each,)) for number, each in enumerate(made))
    return FlowInfo('shop', executors, (made[0],))


@pytest.fixture(scope='module', params=['grpc', 'http', 'in-process'])
def flow(request: pytest.FixtureRequest) -> Iterator[Any]:
    door = {'place': 'in-process'} if request.param == 'in-process' else {'protocols': request.param}
    with Flow(**door).add(uses=Cheaper) as running:
        yield running


def test_all_fields_of_a_dict_arrive(flow: Any) -> None:
    sent = {'title': 'a', 'price': 3, 'vector': [1, 2], 'main': {'colour': 'red'}, 'parts': [{'colour': 'b'}]}
    (back,) = flow.post('/cheaper', sent)
    assert (back.title, back.price, back.vector.tolist()) == ('a', 2, [1.0, 2.0])
    assert (back.main.colour, [part.colour for part in back.parts]) == ('red', ['b'])


def test_dicts_come_from_any_container(flow: Any) -> None:
    async def generated() -> AsyncIterator[dict[str, Any]]:
        for number in range(3):
            yield {'title': 'a', 'price': number}

    for inputs in ([{'title': 'a', 'price': number} for number in range(3)], generated):
        assert list(flow.post('/cheaper', inputs, request_size=2).price) == [-1, 0, 1]


def test_a_key_that_the_class_does_not_have_is_told(flow: Any) -> None:
    with pytest.raises(DocumentError, match=r"inputs\[1\]: Item has no field 'prise'") as caught:
        flow.post('/cheaper', [{'title': 'a'}, {'title': 'b', 'prise': 3}])
    assert "did you mean 'price'" in caught.value.help


def test_an_endpoint_that_nobody_serves_is_the_servers_to_tell(flow: Any) -> None:
    with pytest.raises(BadServer, match='/chaeper'):
        flow.post('/chaeper', {'title': 'a', 'price': 3})


async def test_asynchronous_clients_ask_as_well() -> None:
    async with Flow(asyncio=True).add(uses=Cheaper) as flow, AsyncClient(port=flow.port) as client:
        back = await client.post('/cheaper', {'title': 'a', 'price': 3})
        assert list(back.price) == [2]


def test_what_is_inside_is_looked_at_too() -> None:
    takes = taken(info_of(Item), '/x')
    with pytest.raises(DocumentError, match=r"inputs\[0\].main: Part has no field 'color'"):
        document({'title': 'a', 'main': {'color': 'red'}}, takes, 'inputs[0]')
    with pytest.raises(DocumentError, match=r"inputs\[0\].parts\[1\]: Part has no field 'color'"):
        document({'title': 'a', 'parts': [{}, {'color': 'red'}]}, takes, 'inputs[0]')


def test_a_value_that_does_not_fit_names_dict_and_field() -> None:
    with pytest.raises(DocumentError, match=r'inputs\[4\]: .*price'):
        document({'title': 'a', 'price': 'much'}, taken(info_of(Item), '/x'), 'inputs[4]')


def test_a_field_that_only_another_executor_knows_is_kept() -> None:
    takes = taken(info_of(Item, Photo), '/x')
    made = document({'title': 'a', 'uri': 'a.png'}, takes, 'inputs[0]')
    assert (made.title, made.uri) == ('a', 'a.png')  # type: ignore[attr-defined]
    with pytest.raises(DocumentError, match="'url'"):
        document({'title': 'a', 'url': 'a.png'}, takes, 'inputs[0]')


def test_nothing_is_lost_where_nobody_says_what_is_taken() -> None:
    assert document({'title': 'a'}, Taken(), 'inputs[0]').title == 'a'  # type: ignore[attr-defined]
    assert type(document({'text': 'a'}, Taken(), 'inputs[0]')) is Document


def test_a_target_chooses_the_class() -> None:
    info = info_of(Item, Photo, endpoint=DEFAULT_ENDPOINT)
    fields = {'e0': 'title', 'e1': 'uri', '': 'title'}
    for target, field in fields.items():
        for doc_type in (taken(info, '/any', target).doc_type, given(info, '/any', target)):
            assert doc_type is not None
            assert field in doc_type.__struct_fields__
    assert taken(info, '/any', 'e7') == Taken()

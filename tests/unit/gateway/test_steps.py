"""Many documents are read and written in steps: never more of them in one turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, ClassVar, TypeVar

import msgspec
import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, NdArray
from headrace.documents.joining import picked
from headrace.errors import CodecError, HeadraceError, RequestError, TooLarge
from headrace.gateway.http import body as bodies
from headrace.gateway.http import large
from headrace.gateway.http.expected import Expected
from headrace.gateway.limits import Limits
from headrace.gateway.steps import FEW, check_json, read_json, read_many, write_each, write_json
from headrace.gateway.turns import STEP_BYTES, STEP_DOCS, Turns
from headrace.spec.limits import LimitsSpec

T = TypeVar('T')
COUNT = 10 * STEP_DOCS + 7
LIMITS = Limits(LimitsSpec())


class Counted(BaseDoc):
    """A document that is counted when it is made."""

    made: ClassVar[int] = 0
    title: str = ''
    vector: NdArray[2] | None = None
    parts: DocList[Document] = msgspec.field(default_factory=DocList[Document])

    def __post_init__(self) -> None:
        Counted.made += 1


async def counted(*work: Awaitable[T]) -> tuple[int, list[T]]:
    """What comes of several pieces of work at once, and the most documents that one turn has made."""
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most, Counted.made = max(most, Counted.made), 0
            await asyncio.sleep(0)

    Counted.made = 0
    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    done = await asyncio.gather(*work)
    watching.cancel()
    return max(most, Counted.made), done


def plain(number: int) -> dict[str, Any]:
    """A document as plain data; some have an array, some others inside them."""
    doc: dict[str, Any] = {'id': f'{number}', 'title': 'hat' * (number % 5)}
    if number % 3:
        doc['vector'] = [number, 0.5]
    if number % 7 == 0:
        doc['parts'] = [{'id': f'{number}-{inner}', 'text': 'x'} for inner in range(number % 4)]
    return doc


def read(
    data: Any, *, limits: Limits = LIMITS, turns: Turns | None = None, doc_type: type[BaseDoc] = Counted
):
    raw = msgspec.Raw(msgspec.json.encode(data))
    expected = Expected(DocList[doc_type])
    return large.read_docs(raw, expected, limits, turns or Turns(), body_bytes=len(memoryview(raw)))


def small(data: Any, doc_type: type[BaseDoc] = Counted) -> DocList[Any]:
    return bodies.read_docs(msgspec.Raw(msgspec.json.encode(data)), Expected(DocList[doc_type]))


@pytest.mark.parametrize('wrap', [list, lambda docs: {'docs': docs}])
async def test_no_turn_reads_more_than_a_step(wrap):
    data = wrap([plain(number) for number in range(COUNT)])
    most, (docs,) = await counted(read(data))
    assert 0 < most <= STEP_DOCS
    assert docs == small(data)


async def test_several_at_once_share_the_turns():
    turns = Turns()
    most, _ = await counted(
        *(read([plain(number) for number in range(COUNT)], turns=turns) for _ in range(4))
    )
    assert 0 < most <= STEP_DOCS


async def test_documents_that_were_read_are_columns_down_to_the_last():
    docs = await read([plain(number) for number in range(COUNT)])
    Counted.made = 0
    again = DocList[Counted].from_bytes(docs.to_bytes())
    assert Counted.made == 0
    assert again == small([plain(number) for number in range(COUNT)])


@pytest.mark.parametrize(('data', 'count'), [([], 0), (None, 0), ({'title': 'a'}, 1), ({'docs': []}, 0)])
async def test_other_shapes_are_read_as_ever(data, count):
    assert len(await read(data)) == count


@pytest.mark.parametrize('place', [0, STEP_DOCS, COUNT - 1])
@pytest.mark.parametrize(
    ('wrong', 'doc_type'),
    [
        ({'title': 3}, Counted),
        ({'vector': [1, 2, 3]}, Counted),
        ({'parts': [{}, {'text': 1}]}, Counted),
        ({'tags': 3}, Document),
        (3, Counted),
    ],
)
async def test_what_is_wrong_is_told_as_ever(place, wrong, doc_type):
    data = [{'id': f'{number}'} for number in range(COUNT)]
    data[place] = wrong
    with pytest.raises(HeadraceError) as soon:
        small(data, doc_type)
    with pytest.raises(HeadraceError) as caught:
        await read(data, doc_type=doc_type)
    assert f'[{place}]' in caught.value.message
    assert (caught.value.message, caught.value.errors) == (soon.value.message, soon.value.errors)


async def test_documents_of_jina_may_have_null_in_any_field():
    data = [{'id': f'{number}', 'text': None, 'tags': None} for number in range(COUNT)]
    data[5]['text'] = 'five'
    assert await read(data, doc_type=Document) == small(data, Document)


async def test_limits_are_those_of_all_parts_together():
    limits = Limits(LimitsSpec(documents=COUNT - 1))
    most, _ = await counted(refused(read([{}] * COUNT, limits=limits), f'{COUNT} documents'))
    assert most == 0  # before one is made
    arrays = Limits(LimitsSpec(tensor_bytes=16 * COUNT - 1))
    data = [{'title': 'x' * 32, 'vector': [1.0, 2.0]}] * COUNT
    await refused(read(data, limits=arrays), 'bytes of arrays')
    assert len(await read(data[1:], limits=arrays)) == COUNT - 1


async def refused(work: Awaitable[Any], words: str) -> None:
    with pytest.raises(TooLarge, match=words):
        await work


async def test_json_is_looked_at_as_a_whole():
    deep = b'[%b]' % b','.join([b'"' + b'x' * 200_000 + b'"', b'[' * 9 + b']' * 9])
    await check_json(deep, Limits(LimitsSpec(json_depth=10)), Turns())
    with pytest.raises(RequestError, match='9 levels'):
        await check_json(deep, Limits(LimitsSpec(json_depth=9)), Turns())
    with pytest.raises(TooLarge, match='12 values'):
        await check_json(deep, Limits(LimitsSpec(json_values=10)), Turns())


@pytest.mark.parametrize('end', [b',]', b'}', b'', b',,{}]', b']]', b'{}]'])
async def test_what_is_no_json_is_refused_wherever_it_is_cut(end):
    text = b'[' + b','.join([b'{}'] * STEP_DOCS * 2) + end
    with pytest.raises(CodecError):
        await read_json(text, lambda part, first: DocList[Counted].from_json(part), LIMITS, Turns())


async def test_rows_are_read_some_at_a_time():
    def some(start: int, stop: int) -> DocList[Counted]:
        return DocList[Counted].from_list([plain(number) for number in range(start, stop)])

    most, (docs,) = await counted(read_many(COUNT, some, Turns(), step=50))
    assert most == 50
    assert docs == some(0, COUNT)
    assert len(await read_many(0, some, Turns())) == 0


@pytest.mark.parametrize('arrays', ['list', 'base64'])
async def test_no_turn_writes_more_than_a_step(arrays):
    docs = DocList[Counted].from_bytes(small([plain(number) for number in range(COUNT)]).to_bytes())
    most, (written,) = await counted(write_json(docs, Turns(), arrays=arrays, most_bytes=10**9))
    assert 0 < most <= STEP_DOCS
    assert written == docs.to_json(arrays=arrays)


async def test_large_documents_are_written_a_few_at_a_time():
    rows = [Document(blob=bytes(STEP_BYTES)) for _ in range(FEW + 5)]
    sizes = [len(some) async for some in write_each(DocList[Document](rows), Turns())]
    assert sizes == [FEW] + [1] * 5
    few = [len(some) async for some in write_each(DocList[Document]([Document()] * (FEW + 5)), Turns())]
    assert few == [FEW, 5]


async def test_an_answer_that_is_too_large_is_not_written_to_its_end():
    docs = DocList[Counted].from_bytes(small([plain(number) for number in range(COUNT)]).to_bytes())
    Counted.made = 0
    await refused(write_json(docs, Turns(), most_bytes=1000), '1000 bytes that are sent')
    assert Counted.made <= 2 * STEP_DOCS


async def test_arrays_that_are_not_alike_stay_what_they_are():
    rows = [Document(embedding=np.arange(2 + number % 2 * (number > STEP_DOCS))) for number in range(COUNT)]
    data = DocList[Document](rows).to_list()
    docs = await read(data, doc_type=Document)
    assert [len(doc.embedding) for doc in docs] == [len(doc.embedding) for doc in rows]
    assert picked(docs, range(1)).id == [rows[0].id]

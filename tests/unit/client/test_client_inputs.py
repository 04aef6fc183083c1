from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.client.inputs import batches, batches_async, count, resolve
from headrace.documents import BaseDoc, DocList, Document
from headrace.errors import DocumentError


class Item(BaseDoc):
    title: str


def texts(lists: list[DocList[Any]]) -> list[list[str]]:
    return [[doc.text for doc in docs] for docs in lists]


def three() -> list[Document]:
    return [Document('a'), Document('b'), Document('c')]


async def generated() -> AsyncIterator[Document]:
    for doc in three():
        yield doc


def lists_of(inputs: Any, size: int = 2) -> list[list[str]]:
    return texts(list(batches(resolve(inputs), size)))


@pytest.mark.parametrize(
    'inputs',
    [
        three(),
        tuple(three()),
        DocList(three()),
        iter(three()),
        (doc for doc in three()),
        three,
        lambda: iter(three()),
        [{'text': 'a'}, Document('b'), {'text': 'c'}],
        (docs for docs in [three()[:1], DocList(three()[1:])]),
    ],
    ids=['list', 'tuple', 'DocList', 'iterator', 'generator', 'function', 'maker', 'dicts', 'lists'],
)
def test_documents_in_any_container_become_requests(inputs: Any) -> None:
    assert lists_of(inputs) == [['a', 'b'], ['c']]


@pytest.mark.parametrize('inputs', [generated, generated()], ids=['function', 'generator'])
async def test_asynchronous_generators_become_requests(inputs: Any) -> None:
    assert texts([docs async for docs in batches_async(resolve(inputs), 2)]) == [['a', 'b'], ['c']]


async def test_plain_inputs_become_requests_for_asynchronous_clients() -> None:
    assert texts([docs async for docs in batches_async(resolve(three()), 2)]) == [['a', 'b'], ['c']]


@pytest.mark.parametrize('inputs', [Document('a'), {'text': 'a'}])
def test_one_document_is_one_request(inputs: Any) -> None:
    assert lists_of(inputs) == [['a']]


def test_nothing_is_one_request_without_documents() -> None:
    assert lists_of(None) == [[]]


def test_an_empty_list_is_one_request_and_an_empty_iterable_is_none() -> None:
    assert lists_of(DocList()) == [[]]
    assert lists_of([]) == []


def test_a_list_that_fits_is_sent_as_it_is() -> None:
    docs = DocList[Document].from_bytes(DocList(three()).to_bytes())
    assert next(batches(docs, 3)) is docs


def test_slices_of_a_list_keep_their_arrays() -> None:
    docs = DocList[Document].empty(4)
    docs.embedding = np.arange(8, dtype='f4').reshape(4, 2)
    first, second = batches(docs, 2)
    assert np.shares_memory(first.embedding, docs.embedding)
    assert second.embedding.tolist() == [[4, 5], [6, 7]]


def test_a_new_class_begins_a_new_list() -> None:
    found = list(batches([Item('x'), Item('y'), Document('a'), Item('z')], 10))
    assert [(docs.doc_type, len(docs)) for docs in found] == [(Item, 2), (Document, 1), (Item, 1)]


@pytest.mark.parametrize('inputs', [7, 'text', b'bytes', Document, 1.5])
def test_what_is_no_input_is_told(inputs: Any) -> None:
    with pytest.raises(DocumentError) as caught:
        resolve(inputs)
    assert 'inputs are of type' in caught.value.message
    assert 'dicts' in caught.value.help


def test_a_wrong_item_is_told_with_its_place() -> None:
    with pytest.raises(DocumentError, match=r'inputs\[2\] is of type int'):
        list(batches([Document(), Document(), 3], 10))


def test_a_wrong_field_of_a_dict_is_told() -> None:
    with pytest.raises(DocumentError, match=r'text'):
        list(batches([{'text': 3}], 10))


def test_inputs_are_not_read_ahead() -> None:
    taken: list[int] = []

    def source() -> Iterator[Document]:
        for number in range(10):
            taken.append(number)
            yield Document(str(number))

    stream = batches(source(), 3)
    next(stream)
    assert taken == [0, 1, 2]


def test_counts_are_known_for_what_has_a_length() -> None:
    assert (count(None), count(three()), count(iter(three()))) == (0, 3, None)


@given(st.lists(st.text(max_size=3), max_size=30), st.integers(1, 12))
def test_no_document_is_lost_and_no_request_too_large(words: list[str], size: int) -> None:
    for inputs in ([Document(word) for word in words], (Document(word) for word in words)):
        found = list(batches(inputs, size))
        assert [doc.text for docs in found for doc in docs] == words
        assert all(len(docs) == size for docs in found[:-1])
        assert all(0 < len(docs) <= size for docs in found)

"""Lists that are put together and taken apart by columns are what they would be by documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import BaseDoc, DocList, Document, DocumentArray
from headrace.documents.joining import ids_of, joined, picked


class Part(BaseDoc):
    name: str = ''


class Item(BaseDoc):
    title: str = 'none'
    tags: dict[str, Any] = {}
    blob: bytes | None = None
    parts: DocList[Part] = DocList[Part]()
    main: Part | None = None


def received(docs: Any) -> Any:
    """A list as it comes from a socket: columns."""
    return type(docs).from_bytes(bytearray(docs.to_bytes()))


def is_columns(docs: Any) -> bool:
    return docs._rows is None


part = st.builds(Part, name=st.text(max_size=3))
item = st.builds(
    Item,
    title=st.sampled_from(['none', 'a', 'b']),
    tags=st.dictionaries(st.sampled_from('xy'), st.integers(0, 9), max_size=2),
    blob=st.none() | st.binary(max_size=4),
    parts=st.lists(part, max_size=3),
    main=st.none() | part,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(item, max_size=4), min_size=1, max_size=5), st.data())
def test_joined_and_picked_are_the_same_by_columns_and_by_rows(lists: list[list[Item]], data: Any) -> None:
    whole = [doc for docs in lists for doc in docs]
    made = joined([received(DocList[Item](docs)) for docs in lists])
    assert is_columns(made)
    assert ids_of(made) == [doc.id for doc in whole]
    assert is_columns(made)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    some = picked(made, range(start, stop))
    assert is_columns(some)
    assert list(received(some)) == whole[start:stop]  # as it would travel
    assert list(some) == whole[start:stop]
    assert list(received(made)) == whole
    assert list(made) == whole
    chosen = data.draw(st.lists(st.integers(0, len(whole) - 1), unique=True)) if whole else []
    assert list(picked(made, chosen)) == [whole[place] for place in chosen]


def embedded(*shapes: tuple[int, ...] | None) -> DocumentArray:
    docs = DocumentArray.empty(len(shapes))
    for number, (doc, shape) in enumerate(zip(docs, shapes, strict=True)):
        if shape is not None:
            doc.embedding = np.full(shape, number, np.float32)
    return docs


@pytest.mark.parametrize(
    'lists',
    [
        [embedded((3,), (3,)), embedded((3,))],
        [embedded((3,)), embedded((4,))],
        [embedded((3,)), embedded(None)],
        [embedded((3,), None), embedded((2, 2), (3,))],
    ],
)
def test_arrays(lists: list[DocumentArray]) -> None:
    whole = [doc.embedding for docs in lists for doc in docs]
    made = joined([received(docs) for docs in lists])
    assert is_columns(made)
    alike = len({None if array is None else array.shape for array in whole}) == 1
    assert isinstance(made.embedding, np.ndarray) is alike
    for found, array in zip(received(picked(made, range(1, len(whole)))), whole[1:], strict=True):
        assert np.array_equal(found.embedding, array) if array is not None else found.embedding is None


def test_a_part_of_an_array_is_a_view_of_it() -> None:
    made = received(embedded((3,), (3,), (3,)))
    some = picked(made, range(1, 3))
    some.embedding[:] = 7
    assert made.embedding.tolist() == [[0] * 3, [7] * 3, [7] * 3]


@pytest.mark.parametrize('look', [lambda docs: docs.parts, lambda docs: docs.main, lambda docs: docs.title])
def test_columns_that_were_looked_at(look: Callable[[Any], Any]) -> None:
    docs = [
        Item(title=str(n), parts=DocList[Part]([Part(name=str(n))]), main=Part(name=f'm{n}'))
        for n in range(4)
    ]
    lists = [received(DocList[Item](docs[:2])), received(DocList[Item](docs[2:]))]
    look(lists[0])
    made = joined(lists)
    look(made)
    assert list(received(picked(made, range(1, 3)))) == docs[1:3]


def test_rows_stay_the_documents_themselves() -> None:
    one, other = DocumentArray([Document('a'), Document('b')]), received(DocumentArray([Document('c')]))
    made = joined([one, other])
    assert made[1] is one[1]
    assert made.text == ['a', 'b', 'c']
    assert picked(one, range(1, 2))[0] is one[1]
    assert picked(made, range(3)) is made
    assert list(picked(made, ())) == []

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, NdArray
from headrace.errors import DocumentError


class Item(BaseDoc):
    title: str = 'none'
    vector: NdArray[2, np.float32] | None = None
    blob: bytes = b''
    part: Document | None = None
    parts: DocList[Document] = []


def docs_of(form: str, count: int = 3) -> DocList[Item]:
    docs = DocList[Item]([Item(f't{i}', np.full(2, i, np.float32)) for i in range(count)])
    return docs if form == 'rows' else DocList[Item].from_bytes(bytearray(docs.to_bytes()))


@pytest.fixture(params=['rows', 'columns'])
def docs(request: pytest.FixtureRequest) -> DocList[Item]:
    return docs_of(request.param)


def test_reading_columns(docs: DocList[Item]) -> None:
    assert docs.vector.shape == docs.vectors.shape == (3, 2)
    assert docs.vector.dtype == np.float32
    assert docs.title == docs.titles == ['t0', 't1', 't2']
    assert docs.blob == [b'', b'', b'']
    assert docs.part == [None, None, None]
    assert len(docs.ids) == 3
    with pytest.raises(AttributeError, match="no field 'nonsense'"):
        _ = docs.nonsense


def test_lists_are_fresh_and_arrays_are_the_memory_of_the_documents(docs: DocList[Item]) -> None:
    docs.title.append('x')
    assert docs.title == ['t0', 't1', 't2']
    docs.vector[1] = 9
    assert docs[1].vector.tolist() == [9, 9]
    docs[2].vector[0] = 5
    assert docs.vector[2].tolist() == [5, 2]
    assert docs.vector is docs.vector or np.shares_memory(docs.vector, docs[0].vector)


def test_slices_share_the_memory_of_their_list(docs: DocList[Item]) -> None:
    part = docs[1:]
    part.vector[0] = 7
    assert docs.vector[1].tolist() == [7, 7]
    assert docs[1].vector.tolist() == [7, 7]


def test_a_column_of_a_decoded_list_makes_no_rows() -> None:
    docs = docs_of('columns')
    assert docs.vector.shape == (3, 2)
    docs.title = ['a', 'b', 'c']
    docs.vector = np.ones((3, 2), np.float32)
    assert docs._rows is None
    assert [doc.title for doc in docs] == ['a', 'b', 'c']


def test_writing_columns(docs: DocList[Item]) -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    docs.vector = values
    assert np.shares_memory(docs.vector, values)
    assert docs[2].vector.tolist() == [4, 5]
    docs.vector = [[1, 2], [3, 4], [5, 6]]
    assert docs.vector.dtype == np.float32
    assert docs[0].vector.tolist() == [1, 2]
    docs.vector = None
    assert docs.vector == [None, None, None]
    docs.title = None
    assert docs.title == ['none', 'none', 'none']
    docs.part = [Document('a'), None, Document('c')]
    assert docs[2].part.text == 'c'
    docs.parts = [[], [Document('p')], []]
    assert docs[1].parts[0].text == 'p'
    assert type(docs[1].parts) is DocList[Document]


def test_numbers_come_out_of_arrays_as_numbers() -> None:
    docs = DocList[Document].empty(2)
    docs.weight = np.array([0.5, 1.5], np.float32)
    assert docs.weight == [0.5, 1.5]
    assert type(docs[0].weight) is float


@pytest.mark.parametrize(
    ('field', 'values', 'message'),
    [
        ('title', ['a'], 'needs 3 values, got 1'),
        ('title', 'abc', 'needs 3 values, got one str'),
        ('title', 7, 'got one int'),
        (
            'vector',
            np.ones((3, 4), np.float32),
            r'Expected float32 array of shape \(2\), got shape \(4,\) - at field',
        ),
        ('vector', np.ones((3, 2), complex), 'Expected float32 array, got dtype complex128'),
        ('vector', [[1, 2], [3], [4, 5]], r'got shape \(1,\)'),
        ('part', [1, 2, 3], 'Expected `Document`, got `int`'),
        ('blob', ['a', 'b', 'c'], 'Expected `bytes`, got `str`'),
    ],
)
def test_wrong_columns_are_told_and_change_nothing(
    docs: DocList[Item], field: str, values: Any, message: str
) -> None:
    before = docs.to_list()
    with pytest.raises(DocumentError, match=message):
        setattr(docs, field, values)
    assert docs.to_list() == before


def test_arrays_that_differ_or_are_missing_are_a_list() -> None:
    ragged = DocList([Document(tensor=np.ones(2)), Document(tensor=np.ones(3)), Document()])
    for docs in (ragged, DocList[Document].from_bytes(ragged.to_bytes())):
        found = docs.tensor
        assert [None if array is None else array.shape for array in found] == [(2,), (3,), None]


def test_columns_of_an_empty_list() -> None:
    assert DocList[Item]().vector.shape == (0, 2)
    assert DocList[Item].from_bytes(DocList[Item]().to_bytes()).vector.dtype == np.float32
    assert DocList().embedding.shape == (0,)
    assert DocList().text == []


def test_zero_dimensional_arrays_stay_arrays() -> None:
    docs = DocList([Document(tensor=np.array(1.5)), Document(tensor=np.array(2.5))])
    assert docs.tensor.tolist() == [1.5, 2.5]
    docs.tensor[0] = 7
    assert docs[0].tensor.shape == ()
    assert docs[0].tensor == 7


def test_what_does_not_fit_is_told_when_it_is_sent() -> None:
    with pytest.raises(
        DocumentError, match=r"Expected float32 array of shape \(2\), got shape \(3,\) - at field 'vector'"
    ):
        DocList([Item('a', np.ones(3))]).to_bytes()
    with pytest.raises(DocumentError, match="cannot be sent - at field 'tags'"):
        DocList([Document(tags={'a': object()})]).to_bytes()
    with pytest.raises(DocumentError, match="dtype object cannot be sent - at field 'tensor'"):
        DocList([Document(tensor=np.array([None, 'x']))]).to_bytes()
    with pytest.raises(DocumentError, match="at field 'text'"):
        DocList([Document('\ud800')]).to_bytes()


def test_a_document_within_itself_is_refused() -> None:
    doc = Document()
    doc.chunks.append(doc)
    with pytest.raises(DocumentError, match='contain itself'):
        DocList([doc]).to_bytes()


def test_merging_completes_the_first_of_each_id() -> None:
    first = DocList([Document('a', id='1', chunks=[Document('x', id='c')]), Document(id='2')])
    second = DocList(
        [
            Document('b', id='3'),
            Document(
                'other',
                id='1',
                embedding=np.ones(2),
                tags={'n': 1},
                chunks=[Document(id='c', weight=2.0), Document(id='d')],
            ),
            Document('late', id='2'),
        ]
    )
    merged = DocList.merged([first, second])
    assert [doc.id for doc in merged] == ['1', '2', '3']
    assert merged.text == ['a', 'late', 'b']
    assert merged[0].embedding.tolist() == [1, 1]
    assert merged[0].tags == {'n': 1}
    assert [(doc.id, doc.text, doc.weight) for doc in merged[0].chunks] == [('c', 'x', 2.0), ('d', '', None)]
    assert type(DocList.merged([])) is DocList[Document]
    assert type(DocList.merged([DocList[Item]()])) is DocList[Item]


def test_lists_of_documents_are_each_ones_own() -> None:
    one, other = Item(), Item()
    one.parts.append(Document('mine'))
    assert len(other.parts) == 0
    assert one.parts is one.parts
    assert type(Item(parts=[Document('x')]).parts) is DocList[Document]  # type: ignore[arg-type]
    one.parts = [Document('y')]  # type: ignore[assignment]
    assert one.parts.text == ['y']
    with pytest.raises(DocumentError, match='takes Document, got int'):
        one.parts = [1]  # type: ignore[list-item]

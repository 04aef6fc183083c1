"""arrow: nothing is lost on the way to a table, its bytes, and back; foreign tables; damage is told."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.documents import BaseDoc, DocList, Document, NdArray, arrow
from headrace.errors import CodecError, DocumentError
from tests.unit.documents import doc_strategies as some

pa = pytest.importorskip('pyarrow')


@given(some.lists(some.TAGS_WITH_ARRAYS), st.sampled_from(['table', 'stream', 'file']))
@some.ROUNDS
def test_documents_go_round(docs, way):
    if way == 'table':
        back = arrow.from_table(arrow.to_table(docs), DocList[Document])
    else:
        back = arrow.from_bytes(arrow.to_bytes(docs, format=way), DocList[Document])
    assert some.same(docs, back)


@given(some.ITEM_LISTS)
@some.ROUNDS
def test_typed_documents_go_round(docs):
    table = arrow.to_table(docs)
    assert some.same(docs, arrow.from_table(table, DocList[some.Item]))


@given(some.lists())
@some.ROUNDS
def test_columns_and_rows_give_the_same_table(docs):
    columns = DocList[Document].from_bytes(docs.to_bytes())
    table, other = arrow.to_table(docs), arrow.to_table(columns)
    assert other.schema.equals(table.schema, check_metadata=True)
    # Their text, since NaN is not equal to itself.
    assert repr(other.to_pylist()) == repr(table.to_pylist())
    assert some.same(docs, columns)


@given(some.ITEM_LISTS, st.integers(0, 3), st.integers(0, 3))
@some.ROUNDS
def test_slices_of_tables(docs, start, length):
    part = arrow.to_table(docs).slice(start, length)
    assert some.same(docs[start : start + length], arrow.from_table(part, DocList[some.Item]))


def test_several_chunks():
    one, two = DocList([Document('a', tensor=np.ones(2))]), DocList([Document('b', tensor=np.zeros(2))])
    table = pa.concat_tables([arrow.to_table(one), arrow.to_table(two)])
    assert some.same(arrow.from_table(table, DocList[Document]), one + two)


def test_a_hundred_thousand():
    docs = DocList[Document].empty(100_000)
    docs.embedding = np.random.default_rng(0).standard_normal((100_000, 8), dtype=np.float32)
    docs.text = [str(n) for n in range(100_000)]
    back = arrow.from_bytes(arrow.to_bytes(docs), DocList[Document])
    np.testing.assert_array_equal(back.embedding, docs.embedding)
    assert (back.texts, back.ids) == (docs.texts, docs.ids)


def test_arrow_sees_tensors_and_plain_columns():
    item = some.Item('a', np.ones(3, 'f4'), parts=[some.Part('p')])
    schema = arrow.to_table(DocList([item])).schema
    assert schema.names[0] == 'id'
    assert schema.field('vector').type == pa.fixed_shape_tensor(pa.float32(), [3])
    assert schema.field('price').type == pa.float64()
    assert schema.field('labels').type == pa.list_(pa.string())
    assert pa.types.is_list(schema.field('parts').type)
    assert schema.field('parts').type.value_type.field('name').type == pa.string()


def test_missing_tensors_are_null():
    docs = DocList([Document(embedding=np.ones(2)), Document()])
    column = arrow.to_table(docs).column('embedding')
    assert (column.null_count, column.type) == (1, pa.fixed_shape_tensor(pa.float64(), [2]))


def test_arrays_that_were_read_can_be_changed():
    docs = arrow.from_table(arrow.to_table(DocList([Document(embedding=np.ones(2))])), DocList[Document])
    docs[0].embedding[0] = 5
    assert docs.embeddings[0, 0] == 5


class Row(BaseDoc):
    name: str
    vector: NdArray[2] | None = None
    price: float = 1.5
    tags: list[str] = []


def test_foreign_tables_become_documents_with_tags():
    table = pa.table({'text': ['a', 'b'], 'price': [1, None], 'embedding': [[1.0, 2.0], [3.0, 4.0]]})
    docs = arrow.from_table(table, DocList[Document])
    assert docs.texts == ['a', 'b']
    assert [doc.tags for doc in docs] == [{'price': 1}, {}]
    np.testing.assert_array_equal(docs.embeddings, [[1, 2], [3, 4]])
    assert len({doc.id for doc in docs}) == 2


@pytest.mark.parametrize(
    'vectors',
    [
        pa.array([[1, 2], None], pa.list_(pa.int32())),
        pa.array([[1, 2], None], pa.large_list(pa.float64())),
        pa.array([[1, 2], None], pa.list_(pa.float32(), 2)),
        pa.array([[1, 2], None], pa.list_(pa.float16(), 2)),
    ],
)
def test_foreign_vectors(vectors):
    table = pa.table({'name': ['a', 'b'], 'vector': vectors, 'price': [None, 2], 'unknown': [1, 2]})
    docs = arrow.from_table(table, DocList[Row])
    np.testing.assert_array_equal(docs[0].vector, [1, 2])
    assert docs[1].vector is None
    assert docs.column('price') == [1.5, 2.0]
    assert docs.to_list()[0].keys() == {'name', 'vector', 'price', 'tags', 'id'}


def test_foreign_tensors_of_another_order():
    storage = pa.array([[1, 2, 3, 4, 5, 6]], pa.list_(pa.int32(), 6))
    turned = pa.fixed_shape_tensor(pa.int32(), [2, 3], permutation=[1, 0])
    table = pa.table({'tensor': pa.ExtensionArray.from_storage(turned, storage)})
    expected = table.column('tensor').chunk(0).to_numpy_ndarray()[0]
    np.testing.assert_array_equal(arrow.from_table(table, DocList[Document])[0].tensor, expected)


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ({'name': [1]}, 'name'),
        ({'name': ['a'], 'price': ['much']}, r"Expected `float`.*'price'"),
        ({'name': ['a'], 'vector': [[1.0]]}, r"shape \(1,\).*'vector'"),
        ({'name': ['a'], 'vector': [['x']]}, 'vector'),
        ({'name': ['a'], 'vector': [datetime.date(2020, 1, 1)]}, 'vector'),
        ({'price': [1.0]}, "no field 'name'"),
    ],
)
def test_what_does_not_fit_is_named(columns, message):
    with pytest.raises(DocumentError, match=message):
        arrow.from_table(pa.table(columns), DocList[Row])


def test_not_a_table():
    with pytest.raises(DocumentError, match=r'expected a pyarrow\.Table, got dict'):
        arrow.from_table({}, DocList[Row])


def test_record_batches():
    batch = pa.record_batch({'text': ['a']})
    assert arrow.from_table(batch, DocList[Document]).texts == ['a']


def circular():
    doc = Document()
    doc.chunks.append(doc)
    return DocList([doc])


def test_a_document_in_itself():
    with pytest.raises(DocumentError, match='nest more than'):
        arrow.to_table(circular())


def test_an_unknown_format():
    with pytest.raises(DocumentError, match="no format 'nope'"):
        arrow.to_bytes(DocList(), format='nope')


BYTES = arrow.to_bytes(
    DocList([Document('a', embedding=np.ones(3), tags={'x': 1}, chunks=[Document('b')]), Document('b')])
)


@pytest.mark.parametrize('data', [b'', b'ARROW1', b'no arrow at all', BYTES[:-50], BYTES[:100]])
def test_damaged_bytes(data):
    with pytest.raises(CodecError, match='no Arrow table'):
        arrow.from_bytes(data, DocList[Document])


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_flipped_bytes_never_raise_anything_else(data):
    damaged = bytearray(BYTES)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        for doc in arrow.from_bytes(damaged, DocList[Document]):
            repr(doc)
    except DocumentError:
        pass

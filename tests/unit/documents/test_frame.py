"""frame: documents to pandas and back without loss; foreign frames with missing values come in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.documents import BaseDoc, DocList, Document, NdArray, frame
from headrace.errors import DocumentError
from tests.unit.documents import doc_strategies as some

pd = pytest.importorskip('pandas')


@given(some.lists(some.TAGS_WITH_ARRAYS))
@some.ROUNDS
def test_documents_go_round(docs):
    assert some.same(docs, frame.from_dataframe(frame.to_dataframe(docs), DocList[Document]))


@given(some.ITEM_LISTS)
@some.ROUNDS
def test_typed_documents_go_round(docs):
    assert some.same(docs, frame.from_dataframe(frame.to_dataframe(docs), DocList[some.Item]))


@given(st.lists(st.none() | st.floats(), min_size=1, max_size=3))
@some.ROUNDS
def test_nan_and_none_stay_apart(weights):
    docs = DocList([Document(weight=weight) for weight in weights])
    back = frame.from_dataframe(frame.to_dataframe(docs), DocList[Document])
    assert [repr(doc.weight) for doc in back] == [repr(weight) for weight in weights]


def test_a_hundred_thousand():
    docs = DocList[Document].empty(100_000)
    docs.text = [str(n) for n in range(100_000)]
    docs.embedding = np.ones((100_000, 4))
    back = frame.from_dataframe(frame.to_dataframe(docs), DocList[Document])
    assert (back.ids, back.texts) == (docs.ids, docs.texts)
    np.testing.assert_array_equal(back.embeddings, docs.embeddings)


def test_columns_are_ordinary():
    docs = DocList([Document('b', weight=2.0, granularity=1), Document('a', weight=1.0)])
    found = frame.to_dataframe(docs)
    assert found.columns.tolist() == ['id', 'text', 'weight', 'granularity']
    assert found.sort_values('weight')['text'].tolist() == ['a', 'b']
    assert found['granularity'].sum() == 1


class Row(BaseDoc):
    name: str
    vector: NdArray[2] | None = None
    price: float = 1.5
    stock: int | None = None


def test_foreign_frames():
    found = pd.DataFrame(
        {
            'name': ['a', 'b'],
            'price': [np.nan, 2],
            'stock': pd.array([1, pd.NA], dtype='Int64'),
            'vector': [[1, 2], None],
            'extra': [1, 2],
        },
        index=[7, 9],
    )
    rows = frame.from_dataframe(found, DocList[Row])
    assert [(row.name, row.price, row.stock) for row in rows] == [('a', 1.5, 1), ('b', 2.0, None)]
    np.testing.assert_array_equal(rows[0].vector, [1, 2])
    assert rows[1].vector is None


def test_what_a_document_has_no_field_for_is_a_tag():
    found = pd.DataFrame(
        {'text': ['a', None], 'price': [1.5, np.nan], 'when': pd.to_datetime(['2020-01-01', None])}
    )
    docs = frame.from_dataframe(found, DocList[Document])
    assert docs.texts == ['a', '']
    assert docs[0].tags == {'price': 1.5, 'when': pd.Timestamp('2020-01-01')}
    assert docs[1].tags == {}


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ({'price': [1.0]}, "no field 'name'"),
        ({'name': [None]}, "missing in column 'name'"),
        ({'name': ['a'], 'price': ['much']}, r"Expected `float`.*'price'"),
        ({'name': ['a'], 'vector': [[1, 2, 3]]}, r"got shape \(3,\).*'vector'"),
    ],
)
def test_what_does_not_fit_is_named(columns, message):
    with pytest.raises(DocumentError, match=message):
        frame.from_dataframe(pd.DataFrame(columns), DocList[Row])


def test_an_empty_frame():
    assert len(frame.from_dataframe(pd.DataFrame({'name': []}), DocList[Row])) == 0
    assert len(frame.from_dataframe(frame.to_dataframe(DocList()), DocList[Document])) == 0

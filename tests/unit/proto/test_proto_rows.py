from __future__ import annotations

import datetime
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headrace.documents import BaseDoc, DocList, Document, NdArray
from headrace.errors import DocumentError
from headrace.proto import arrays, rows
from headrace.proto import headrace_pb2 as pb


class Size(BaseDoc):
    label: str
    number: int = 0


class Item(BaseDoc):
    title: str
    price: float = 0.0
    in_stock: bool = True
    count: int = 7
    photo: bytes = b''
    vector: NdArray[3] | None = None
    size: Size | None = None
    sizes: DocList[Size] = DocList()
    notes: dict[str, list[int]] = {}
    seen: datetime.datetime | None = None


def round_trip(docs: DocList[Any], doc_type: type[BaseDoc]) -> DocList[Any]:
    message = pb.DocumentRows()
    rows.write(message, docs)
    return rows.read(pb.DocumentRows.FromString(message.SerializeToString()), doc_type)


def test_a_document_with_everything() -> None:
    doc = Document(
        text='grüße',
        blob=b'\x00\xff',
        tensor=np.arange(6, dtype='u1').reshape(2, 3),
        embedding=np.array([1, 2], 'f4'),
        uri='file.png',
        mime_type='image/png',
        tags={'price': 5, 'ratio': 0.5, 'nested': {'list': [None, True, 'x']}},
        weight=0.5,
        location=[1.0, 2.5],
        granularity=2,
        chunks=[Document(text='part', matches=[Document(text='twin')])],
    )
    (back,) = round_trip(DocList([doc]), Document)
    assert back == doc


def test_a_typed_document_with_everything() -> None:
    item = Item(
        'shirt',
        9.9,
        False,
        0,
        b'\x00',
        np.ones(3, 'f4'),
        Size('L', 3),
        DocList[Size]([Size('S'), Size('M')]),
        {'a': [1, 2]},
        datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC),
    )
    (back,) = round_trip(DocList([item]), Item)
    assert back == item


def test_fields_with_their_default_do_not_travel() -> None:
    message = pb.DocumentRows()
    rows.write(message, DocList[Item]([Item('shirt', 0.0)]))
    assert set(message.documents[0].fields) == {'title'}


def test_a_value_that_is_empty_but_not_the_default_travels() -> None:
    (back,) = round_trip(DocList[Item]([Item('', count=0, in_stock=False)]), Item)
    assert (back.title, back.count, back.in_stock) == ('', 0, False)


@pytest.mark.parametrize('count', [0, 1, 500])
def test_any_number_of_documents(count: int) -> None:
    docs = DocList[Document]([Document(str(number)) for number in range(count)])
    back = round_trip(docs, Document)
    assert back == docs
    assert type(back) is DocList[Document]


numbers = hnp.arrays(
    dtype=st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(endianness='?'),
        hnp.floating_dtypes(endianness='?'),
        hnp.complex_number_dtypes(endianness='?', sizes=(64, 128)),
        hnp.unicode_string_dtypes(min_len=1, max_len=4),
        hnp.datetime64_dtypes(endianness='?'),
    ).filter(lambda dtype: dtype.itemsize <= 16),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@given(numbers)
def test_arrays_of_any_kind(array: Any) -> None:
    message = pb.NdArray()
    arrays.write(message, array)
    back = arrays.read(pb.NdArray.FromString(message.SerializeToString()))
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder('<')
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable


def test_arrays_that_lie_apart_and_bfloat16() -> None:
    for array in (np.arange(12, dtype='f4').reshape(3, 4).T[::2], np.array([1, 2.5], ml_dtypes.bfloat16)):
        message = pb.NdArray()
        arrays.write(message, array)
        back = arrays.read(message)
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


def test_arrays_written_as_numbers() -> None:
    assert arrays.read(pb.NdArray(values=[1, 2.5])).tolist() == [1.0, 2.5]
    assert arrays.read(pb.NdArray(values=[1, 2.5])).dtype == np.float32
    whole = arrays.read(pb.NdArray(dtype='int64', shape=[2, 2], values=[1, 2, 3, 4]))
    assert (whole.dtype, whole.tolist()) == (np.int64, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    'message',
    [
        pb.NdArray(dtype='float32', shape=[2], data=b'123'),
        pb.NdArray(dtype='float32', shape=[-2], data=b'12345678'),
        pb.NdArray(dtype='float32', shape=[2**62, 2**62], data=b''),
        pb.NdArray(dtype='object', shape=[1], data=b'12345678'),
        pb.NdArray(dtype='O', shape=[1], data=b'12345678'),
        pb.NdArray(dtype='f4,f4', shape=[1], data=b'12345678'),
        pb.NdArray(dtype='float33', shape=[1], data=b'1234'),
        pb.NdArray(dtype='float32', shape=[3], values=[1, 2]),
        pb.NdArray(shape=[2**62], values=[1, 2]),
        pb.NdArray(dtype='float32', values=[1, 1e300]),
        pb.NdArray(dtype='int8', values=[1, 300]),
        pb.NdArray(dtype='int64', values=[1.5]),
        pb.NdArray(dtype='uint8', values=[float('nan')]),
        pb.NdArray(dtype='bool', values=[2]),
    ],
)
def test_arrays_that_do_not_fit_themselves(message: pb.NdArray) -> None:
    with pytest.raises(DocumentError, match='NdArray'):
        arrays.read(message)


def document(**fields: pb.Value) -> pb.DocumentRows:
    made = pb.DocumentRows()
    target = made.documents.add()
    for name, value in fields.items():
        target.fields[name].CopyFrom(value)
    return made


def test_a_wrong_field_is_told_with_its_place() -> None:
    with pytest.raises(DocumentError, match=r'Expected `str`, got `int` - at `\$\[0\].title`'):
        rows.read(document(title=pb.Value(integer=3)), Item)


def test_a_missing_field_is_told() -> None:
    with pytest.raises(DocumentError, match='title'):
        rows.read(document(), Item)


def test_a_vector_of_another_length_is_told() -> None:
    wrong = document(title=pb.Value(text='x'), vector=pb.Value(array=pb.NdArray(values=[1, 2])))
    with pytest.raises(DocumentError, match=r'vector'):
        rows.read(wrong, Item)


def test_a_field_of_the_wrong_kind_by_name_goes_among_the_others() -> None:
    class Odd(BaseDoc):
        text: int = 0
        tags: list[str] = []

    (back,) = round_trip(DocList[Odd]([Odd(5, ['a'])]), Odd)
    assert (back.text, back.tags) == (5, ['a'])


def test_documents_nested_without_end_are_refused() -> None:
    doc = Document('core')
    for _ in range(50):
        doc = Document(chunks=[doc])
    with pytest.raises(DocumentError, match='nested deeper'):
        rows.write(pb.DocumentRows(), DocList([doc]))


def test_the_deepest_allowed_documents_can_be_parsed() -> None:
    doc = Document('core')
    for _ in range(19):
        doc = Document(chunks=[doc])
    (back,) = round_trip(DocList([doc]), Document)
    assert back == doc


def test_numbers_that_are_none_stay_so() -> None:
    array = arrays.read(pb.NdArray(values=[float('nan'), float('inf'), -float('inf'), 1e-300]))
    assert np.array_equal(array, np.array([np.nan, np.inf, -np.inf, 0], 'f4'), equal_nan=True)

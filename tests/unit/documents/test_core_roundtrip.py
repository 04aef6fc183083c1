"""Every codec over every type of field: what comes out is what went in."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import pickle
import uuid
from typing import Any, Literal

import ml_dtypes
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from headrace.documents import BaseDoc, DocList, Document, NamedScore, NdArray, schema
from headrace.documents.codec import columns, json


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Point(msgspec.Struct):
    x: int = 0
    y: float = 0.0


class Part(BaseDoc):
    name: str
    vector: NdArray[3, np.float32] | None = None
    parts: DocList[Part] = []


class Everything(BaseDoc):
    title: str
    number: int
    place: NdArray[3, np.float32]
    ratio: float = 0.5
    flag: bool = True
    blob: bytes = b''
    maybe_blob: bytes | None = None
    text: str | None = None
    when: datetime.datetime | None = None
    day: datetime.date | None = None
    key: uuid.UUID | None = None
    money: decimal.Decimal | None = None
    colour: Colour = Colour.RED
    size: Literal['S', 'M', 'L'] = 'M'
    names: list[str] = []
    pair: tuple[int, str] | None = None
    unique: set[int] = set()
    table: dict[str, float] = {}
    point: Point | None = None
    points: list[Point] = []
    anything: Any = None
    array: NdArray | None = None
    vector: NdArray[3, np.float32] | None = None
    square: NdArray[Literal['n'], Literal['n']] | None = None
    part: Part | None = None
    parts: DocList[Part] = []
    maybe_parts: DocList[Part] | None = None
    documents: DocList[Document] = []


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking such documents takes minutes
SOME = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
numbers = st.integers(-(2**63), 2**64 - 1)
words = st.text(st.characters(exclude_categories=['Cs']), max_size=12)
finite = st.floats(allow_nan=False, allow_infinity=False)  # JSON has no others
plain = st.recursive(
    st.none() | st.booleans() | numbers | finite | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
dtypes = (
    st.sampled_from(
        ['<f4', '>f4', '<f8', '>i2', '<i8', '|u1', '|b1', '<c8', '<U3', '|S4', '<f2', '<M8[s]', '<m8[ns]']
    )
    .map(np.dtype)
    .flatmap(
        lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    )
)
bfloats = st.lists(st.floats(-8, 8, width=16), max_size=5).map(
    lambda found: np.array(found, ml_dtypes.bfloat16)
)
strided = st.integers(1, 3).map(lambda step: np.arange(24.0).reshape(4, 6)[::step, ::-step])
arrays = dtypes | bfloats | strided
vectors = npst.arrays(np.float32, 3, elements=st.floats(-1, 1, width=32))


def lists_of(docs: st.SearchStrategy[Any], kind: type[Any], most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(docs, max_size=most).map(kind)


def nested_parts(depth: int) -> st.SearchStrategy[Any]:
    inner = st.builds(DocList[Part]) if depth == 0 else lists_of(nested_parts(depth - 1), DocList[Part], 2)
    return st.builds(Part, words, vector=st.none() | vectors, parts=inner)


def nested_documents(depth: int) -> st.SearchStrategy[Any]:
    below = (
        st.builds(DocList[Document])
        if depth == 0
        else lists_of(nested_documents(depth - 1), DocList[Document], 2)
    )
    return st.builds(
        Document,
        text=words,
        blob=st.binary(max_size=20),
        tensor=st.none() | arrays,
        embedding=st.none() | vectors,
        tags=st.dictionaries(words, plain, max_size=2),
        weight=st.none() | finite,
        scores=st.dictionaries(words, st.builds(NamedScore, value=finite), max_size=2),
        location=st.lists(finite, max_size=2),
        granularity=st.integers(0, 5),
        chunks=below,
        matches=below,
    )


def everything() -> st.SearchStrategy[Any]:
    return st.builds(
        Everything,
        title=words,
        number=numbers,
        place=vectors,
        ratio=finite,
        flag=st.booleans(),
        blob=st.binary(max_size=30),
        maybe_blob=st.none() | st.binary(max_size=5),
        text=st.none() | words,
        when=st.none() | st.datetimes(timezones=st.just(datetime.UTC)),
        day=st.none() | st.dates(),
        key=st.none() | st.uuids(),
        money=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
        colour=st.sampled_from(Colour),
        size=st.sampled_from('SML'),
        names=st.lists(words, max_size=3),
        pair=st.none() | st.tuples(st.integers(0, 9), words),
        unique=st.sets(st.integers(0, 99), max_size=3),
        table=st.dictionaries(words, finite, max_size=3),
        point=st.none() | st.builds(Point, st.integers(0, 9), finite),
        points=st.lists(st.builds(Point, st.integers(0, 9), finite), max_size=2),
        anything=plain,
        array=st.none() | arrays,
        vector=st.none() | vectors,
        square=st.none() | st.integers(0, 3).map(lambda n: np.arange(n * n).reshape(n, n)),
        part=st.none() | nested_parts(1),
        parts=lists_of(nested_parts(1), DocList[Part], 2),
        maybe_parts=st.none() | lists_of(nested_parts(0), DocList[Part]),
        documents=lists_of(nested_documents(0), DocList[Document], 2),
    )


def through_columns(docs: DocList[Any]) -> DocList[Any]:
    return columns.decode(b''.join(columns.encode(docs)), docs.doc_type)


def assert_same(got: Any, expected: Any) -> None:
    assert type(got) is type(expected)
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        for name in type(other).__struct_fields__:
            assert_same_value(getattr(one, name), getattr(other, name), name)


def assert_same_value(got: Any, expected: Any, where: str) -> None:
    if isinstance(expected, np.ndarray):
        assert isinstance(got, np.ndarray), where
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape), where
        assert got.tobytes() == expected.tobytes(), where
    elif isinstance(expected, DocList):
        assert_same(got, expected)
    elif isinstance(expected, BaseDoc):
        assert_same([got], [expected])
    else:
        assert got == expected, where
        assert type(got) is type(expected), where


@SOME
@given(st.lists(everything(), max_size=4))
def test_columns_keep_every_field(docs: list[Any]) -> None:
    before = DocList[Everything](docs)
    assert_same(through_columns(before), before)


@SOME
@given(st.lists(nested_documents(3), max_size=4))
def test_columns_keep_documents_three_deep(docs: list[Any]) -> None:
    before = DocList[Document](docs)
    assert_same(through_columns(before), before)


@SOME
@given(st.lists(everything(), max_size=4))
def test_columns_without_a_class_describe_themselves(docs: list[Any]) -> None:
    data = DocList[Everything](docs).to_bytes()
    schema._written.clear()  # as in another process, which has not sent such documents
    anonymous = columns.decode(data)
    assert anonymous.doc_type.__struct_fields__ == ('id', *Everything.__struct_fields__[:-1])
    again = columns.decode(anonymous.to_bytes(), Everything)
    assert_same(again, DocList[Everything](docs))


@SOME
@given(st.lists(everything(), max_size=3))
def test_untouched_columns_are_written_as_they_were_read(docs: list[Any]) -> None:
    data = DocList[Everything](docs).to_bytes()
    assert columns.decode(data, Everything).to_bytes() == data


@SOME
@given(st.lists(everything(), max_size=3))
def test_rows_that_were_only_looked_at_are_written_as_they_were_read(docs: list[Any]) -> None:
    data = DocList[Everything](docs).to_bytes()
    seen = columns.decode(data, Everything)
    assert len(list(seen)) == len(docs)
    assert_same(columns.decode(seen.to_bytes(), Everything), DocList[Everything](docs))


@SOME
@given(st.lists(everything(), max_size=4))
def test_json_with_base64_keeps_every_field(docs: list[Any]) -> None:
    before = DocList[Everything](docs)
    assert_same(json.from_json(json.to_json(before, arrays='base64'), Everything), before)


@SOME
@given(st.lists(nested_documents(3), max_size=3))
def test_json_keeps_documents_three_deep(docs: list[Any]) -> None:
    before = DocList[Document](docs)
    assert_same(json.from_json(json.to_json(before, arrays='base64'), Document), before)


@SOME
@given(st.lists(everything(), max_size=3))
def test_plain_dicts_keep_every_field(docs: list[Any]) -> None:
    before = DocList[Everything](docs)
    assert_same(DocList[Everything].from_list(before.to_list(arrays='base64')), before)


@SOME
@given(st.lists(nested_documents(2), max_size=3), st.booleans())
def test_pickle_keeps_documents(docs: list[Any], as_columns: bool) -> None:
    before = DocList[Document](docs)
    pickled = through_columns(before) if as_columns else before
    read = pickle.loads(pickle.dumps(pickled))
    assert type(read) is DocList[Document]
    assert read == before  # NumPy's pickles have native byte order


@SOME
@given(npst.arrays(np.float64, npst.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=finite))
def test_json_lists_keep_numbers(array: np.ndarray[Any, Any]) -> None:
    docs = DocList([Document(tensor=array)])
    assert json.from_json(docs.to_json(), Document)[0] == docs[0]


@SOME
@given(st.lists(st.tuples(st.none() | arrays, st.none() | st.binary(max_size=9)), max_size=6))
def test_columns_keep_arrays_of_several_shapes_and_gaps(values: list[tuple[Any, Any]]) -> None:
    docs = DocList[Everything](
        [Everything('', 0, np.zeros(3, np.float32), array=array, maybe_blob=blob) for array, blob in values]
    )
    assert_same(through_columns(docs), docs)


@pytest.mark.parametrize('length', [0, 1, 7, 8, 9, 1000])
def test_columns_keep_lengths(length: int) -> None:
    docs = DocList([Document(f'ä{i}', embedding=np.full(4, i, np.float32)) for i in range(length)])
    read = through_columns(docs)
    assert len(read) == columns.count(columns.encode(docs)[0]) == length
    assert_same(read, docs)


def test_columns_keep_a_hundred_thousand_documents() -> None:
    count = 100_000
    docs = DocList[Document].empty(count)
    docs.embedding = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
    docs.text = [f'text {i}' for i in range(count)]
    read = through_columns(docs)
    assert read.id == docs.id
    assert read.text == docs.text
    assert np.array_equal(read.embedding, docs.embedding)
    assert read[count - 1].text == f'text {count - 1}'


def test_large_arrays_are_not_copied() -> None:
    images = [np.random.default_rng(i).integers(0, 255, (128, 128, 3), np.uint8) for i in range(5)]
    docs = DocList([Document(tensor=image) for image in images])
    segments = columns.encode(docs)
    for image in images:
        assert any(
            np.shares_memory(image, np.frombuffer(segment, np.uint8)) for segment in segments if len(segment)
        )
    assert columns.size(segments) % 64 == 0
    read = columns.decode(b''.join(segments))
    assert read.tensor.shape == (5, 128, 128, 3)
    assert np.array_equal(read.tensor, np.stack(images))


@pytest.mark.parametrize('kind', [bytes, bytearray])
def test_decoded_arrays_are_views_and_writable_if_the_bytes_are(kind: Any) -> None:
    docs = DocList([Document(embedding=np.arange(4.0)), Document(embedding=np.ones(4))])
    data = kind(docs.to_bytes())
    read = columns.decode(data)
    assert np.shares_memory(read.embedding, np.frombuffer(data, np.uint8))
    assert read.embedding.flags.writeable is (kind is bytearray)
    assert read.embedding.ctypes.data % 64 == np.frombuffer(data, np.uint8).ctypes.data % 64


def test_json_writes_no_number_as_null_and_reads_it_back() -> None:
    docs = DocList([Document(tensor=np.array([[1.0, math.nan], [2.0, 3.0]]))])
    assert b'[[1.0,null],[2.0,3.0]]' in docs.to_json()
    assert math.isnan(json.from_json(docs.to_json(), Document)[0].tensor[0, 1])


def test_arrays_within_plain_values_keep_their_type() -> None:
    docs = DocList([Document(tags={'box': np.arange(4, dtype=np.int16), 'score': np.float32(0.5)})])
    tags = through_columns(docs)[0].tags
    assert tags['score'] == 0.5
    assert tags['box'].dtype == np.int16
    assert tags['box'].tolist() == [0, 1, 2, 3]
    assert json.from_json(docs.to_json(), Document)[0].tags == {'box': [0, 1, 2, 3], 'score': 0.5}


def test_a_document_json_has_only_what_was_set() -> None:
    assert Document('hello', id='1').to_json() == b'{"text":"hello","id":"1"}'
    assert Document(blob=b'\x00\xff', id='1').to_dict() == {'blob': 'AP8=', 'id': '1'}

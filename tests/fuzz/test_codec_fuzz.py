"""Truncated, bit-flipped and hostile bytes: one clear error, no crash, no hang, little memory."""

from __future__ import annotations

import json as stdlib_json
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.documents import (
    BaseDoc,
    DocList,
    DocSchema,
    Document,
    FieldSchema,
    NdArray,
    TypeSchema,
    class_from,
)
from headrace.documents.codec import columns, json
from headrace.documents.codec.columns import Limits
from headrace.errors import CodecError, DocumentError


class Look(BaseDoc):
    title: str
    vector: NdArray[4] | None = None
    image: NdArray | None = None
    cover: Document | None = None
    items: DocList[Document] = []


def sample() -> DocList[Any]:
    rng = np.random.default_rng(0)
    return DocList(
        [
            Look(
                f'look {i}',
                vector=rng.random(4),
                image=rng.integers(0, 9, (i, 2), np.uint8) if i % 2 else None,
                cover=Document('cover', blob=b'123', tags={'a': [1, None]}) if i else None,
                items=[Document(f'item {j}', embedding=rng.random(3)) for j in range(i)],
            )
            for i in range(4)
        ]
    )


GOOD = bytes(sample().to_bytes())
MANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@contextmanager
def little_memory(limit_mib: int = 64) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit_mib * 2**20
    finally:
        tracemalloc.stop()


def read_all(data: bytes) -> None:
    """Decode in every way, and touch everything; only the one error type may come out."""
    for doc_type in (None, Look, Document):
        try:
            docs = columns.decode(data, doc_type)
            columns.encode(docs)
            for doc in docs:
                repr(doc)
                doc.to_dict()
        except DocumentError:
            pass
    try:
        columns.count(data)
    except CodecError:
        pass


def test_truncated_batches_are_refused() -> None:
    for kept in range(len(GOOD) - 64):  # zeros at the end may be missing
        with pytest.raises(CodecError):
            columns.decode(GOOD[:kept], Look)


@MANY
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 7)), min_size=1, max_size=6))
def test_flipped_bits_never_crash(flips: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD)
    for position, bit in flips:
        data[position] ^= 1 << bit
    with little_memory():
        read_all(bytes(data))


@MANY
@given(st.data())
def test_inserted_and_removed_bytes_never_crash(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, len(GOOD)))
    with little_memory():
        read_all(GOOD[:start] + data.draw(st.binary(max_size=30)) + GOOD[end:])


@MANY
@given(st.binary(max_size=200))
def test_noise_never_crashes(noise: bytes) -> None:
    with little_memory():
        read_all(noise)
        read_all(struct.pack('<4sI', b'HDR\x01', len(noise)) + noise)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
spec = st.tuples(st.sampled_from('vsabld'), values, values) | st.tuples(st.sampled_from('vsabld'), values)
header = st.tuples(
    st.integers(-1, 2**63),
    st.dictionaries(st.sampled_from(['id', 'title', 'vector', 'items', 'cover']), spec),
)


@MANY
@given(header)
def test_hostile_headers_never_crash(hostile: tuple[Any, ...]) -> None:
    with little_memory():
        read_all(batch(hostile))


def batch(header: Any, body: bytes = b'') -> bytes:
    packed = msgspec.msgpack.encode(header)
    start = struct.pack('<4sI', b'HDR\x01', len(packed)) + packed
    return start + bytes(-len(start) % 64) + body


IDS = ('v', ['a', 'b'])


@pytest.mark.parametrize(
    'hostile',
    [
        (2**62, {}),
        (2**62, {'id': IDS}),
        (-1, {'id': IDS}),
        (3, {'id': IDS}),
        (2, {'id': ('s', '<f4', (2**61,), None)}),
        (2, {'id': IDS, 'tensor': ('s', '<f4', (2**61,), None)}),
        (2, {'id': IDS, 'tensor': ('s', '<f4', (2**31, 2**31, 0), None)}),
        (2, {'id': IDS, 'tensor': ('s', '<f4', (1,) * 65, None)}),
        (2, {'id': IDS, 'tensor': ('s', '<f4', (-4,), None)}),
        (2, {'id': IDS, 'tensor': ('s', '<U2000000000', (1,), None)}),
        (2, {'id': IDS, 'tensor': ('s', '|O', (1,), None)}),
        (2, {'id': IDS, 'tensor': ('s', '<V8', (1,), None)}),
        (2, {'id': IDS, 'tensor': ('s', 'float64,(1000000000,)float64', (1,), None)}),
        (2, {'id': IDS, 'tensor': ('s', '<f4', (1,), b'')}),
        (2, {'id': IDS, 'tensor': ('a', ('<f4',), [(2**60,), None])}),
        (2, {'id': IDS, 'tensor': ('a', ('<f4', '<f4', '<f4'), [(1,), (1,)])}),
        (2, {'id': IDS, 'blob': ('b', [2**60, 1])}),
        (2, {'id': IDS, 'blob': ('b', [-5, 1])}),
        (2, {'id': IDS, 'blob': ('b', [1])}),
        (2, {'id': IDS, 'chunks': ('l', [2**60, 1], (2, {'id': IDS}))}),
        (2, {'id': IDS, 'chunks': ('l', [3, -1], (2, {'id': IDS}))}),
        (2, {'id': IDS, 'chunks': ('l', [1, 1], (2, {}))}),
        (2, {'id': IDS}, b'\xff\xff'),
        (1, {'id': ('v', [1])}),
        (1, {'id': ('v', [b'a'])}),
        (1, {'id': ('v', 7)}),
    ],
)
def test_lies_in_the_header_are_refused(hostile: Any) -> None:
    with little_memory(16), pytest.raises(DocumentError):
        list(columns.decode(batch(hostile)))


def test_a_header_that_nests_without_end_is_refused() -> None:
    nested: Any = (1, {'id': ('v', ['a'])})
    for _ in range(200):
        nested = (1, {'id': ('v', ['a']), 'chunks': ('l', [1], nested)})
    with pytest.raises(CodecError):
        columns.decode(batch(nested))
    for depth in (10_000, 200_000):
        with pytest.raises(CodecError):
            columns.decode(struct.pack('<4sI', b'HDR\x01', depth) + b'\x91' * depth)


def test_values_that_nest_without_end_are_refused() -> None:
    deep = b'\x91' * 100_000 + b'\x01'
    header = b'\x92\x01\x82\xa2id\x92\xa1v\x91\xa1a\xa4tags\x92\xa1v\x91' + deep
    with pytest.raises(CodecError):
        columns.decode(struct.pack('<4sI', b'HDR\x01', len(header)) + header)


def test_limits_hold_for_all_documents_together() -> None:
    docs = DocList([Document(chunks=[Document(), Document()]), Document()])
    data = docs.to_bytes()
    assert len(columns.decode(data, limits=Limits(max_docs=4))) == 2
    with pytest.raises(CodecError, match='over 3 documents'):
        columns.decode(data, limits=Limits(max_docs=3))
    with pytest.raises(CodecError, match='deeper'):
        columns.decode(data, limits=Limits(max_depth=0))


def test_other_versions_are_told() -> None:
    with pytest.raises(CodecError, match='version 2, this side knows 1'):
        columns.decode(b'HDR\x02' + GOOD[4:])
    with pytest.raises(CodecError, match='no batch of documents'):
        columns.decode(b'{"data": []}    ')


def test_bytes_behind_a_batch_are_refused() -> None:
    with pytest.raises(CodecError, match='too many'):
        columns.decode(GOOD + bytes(64))


@pytest.mark.parametrize(
    'schema',
    [
        DocSchema('import os', ()),
        DocSchema('X', (FieldSchema('a b', TypeSchema('str')),)),
        DocSchema('X', (FieldSchema('__init__', TypeSchema('str')),)),
        DocSchema('X', (FieldSchema('lambda', TypeSchema('str')),)),
        DocSchema('X', (FieldSchema('a', TypeSchema('doc', doc='Y')),)),
        DocSchema('X', (FieldSchema('a', TypeSchema('str')), FieldSchema('a', TypeSchema('str')))),
        DocSchema('X', (FieldSchema('to_json', TypeSchema('str')),)),
        DocSchema('X', (FieldSchema('a', TypeSchema('array', dtype='|O')),)),
    ],
)
def test_hostile_schemas_are_refused(schema: DocSchema) -> None:
    with pytest.raises(DocumentError):
        class_from(schema)


type_schemas = st.recursive(
    st.builds(
        TypeSchema,
        st.sampled_from(
            ['str', 'int', 'any', 'array', 'doc', 'docs', 'dict', 'choice', 'union', 'set', 'nonsense']
        ),
        optional=st.booleans(),
        shape=st.none()
        | st.lists(st.none() | st.integers(-1, 9) | st.text(max_size=3), max_size=3).map(tuple),
        dtype=st.none() | st.sampled_from(['<f4', '|O', '']),
        doc=st.sampled_from(['', 'X', 'Y', 'Document']),
        values=st.lists(st.integers(-9, 9) | st.text(max_size=3), max_size=2).map(tuple),
    ),
    lambda inner: st.builds(
        TypeSchema,
        st.sampled_from(['list', 'dict', 'tuple', 'union']),
        args=st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=4,
)
fields = st.lists(
    st.builds(FieldSchema, st.sampled_from('abc'), type_schemas, required=st.booleans(), default=values),
    max_size=3,
).map(tuple)


@MANY
@given(
    st.builds(
        DocSchema, st.sampled_from(['X', 'Y', 'Document']), fields, st.dictionaries(st.just('Y'), fields)
    )
)
def test_any_schema_gives_a_usable_class_or_one_error(schema: DocSchema) -> None:
    try:
        made = class_from(schema)
        DocList[made].from_json(b'[{"a": 1}]')
    except DocumentError:
        pass


@MANY
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_json_noise_never_crashes(noise: bytes) -> None:
    for doc_type in (Document, Look):
        try:
            json.from_json(noise, doc_type)
        except DocumentError:
            pass


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
keys = st.sampled_from([*Document.__struct_fields__, *Look.__struct_fields__, 'dtype', 'shape', 'data'])


@MANY
@given(st.lists(st.dictionaries(keys, json_values | st.dictionaries(keys, json_values)), max_size=3))
def test_json_of_wrong_types_gives_the_one_error(docs: list[Any]) -> None:
    data = stdlib_json.dumps(docs)
    for doc_type in (Document, Look):
        try:
            json.from_json(data, doc_type).to_bytes()
        except DocumentError:
            pass


@pytest.mark.parametrize(
    'tensor',
    [
        {'dtype': '<f4', 'shape': [2**40], 'data': ''},
        {'dtype': '<f4', 'shape': [-1], 'data': ''},
        {'dtype': '|O', 'shape': [1], 'data': 'AAAAAAAAAAA='},
        {'dtype': '<f4', 'shape': [1], 'data': '!'},
        {'dtype': 7, 'shape': [1], 'data': 'AAAA'},
        {'dtype': '<f4', 'shape': 'x', 'data': 'AAAA'},
        {'shape': [1]},
        'text',
        [[1, 2], [3]],
        [1, 'x'],
        [10**400],
        {'a': [1]},
    ],
)
def test_json_arrays_that_are_none_are_refused(tensor: Any) -> None:
    with little_memory(16), pytest.raises(DocumentError, match=r'\$\[0\]\.tensor'):
        json.from_json(stdlib_json.dumps([{'tensor': tensor}]), Document)


def test_deep_json_is_refused() -> None:
    for data in (b'[' * 100_000, b'[{"tags":' + b'{"a":' * 100_000):
        with pytest.raises(DocumentError):
            json.from_json(data, Document)

"""What a request may have, seen before it is decoded: JSON, columns, rates, streams."""

import json
import time
import tracemalloc

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import DocList, Document
from headrace.documents.codec import columns, header
from headrace.errors import CodecError, Overloaded, RateLimited, RequestError, TooLarge
from headrace.gateway.jsonshape import JsonShape
from headrace.gateway.limits import Limits
from headrace.gateway.rate import Rates
from headrace.spec.limits import LimitsSpec

TEXTS = st.text(alphabet='ab"\\[]{},:\n\u00e9\u2028')
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=30,
)


def depth_of(value):
    if isinstance(value, list | dict):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth_of, inner), default=0)
    return 0


def commas_and_openings(value):
    if not isinstance(value, list | dict):
        return 0
    inner = list(value.values() if isinstance(value, dict) else value)
    return 1 + max(0, len(inner) - 1) + sum(map(commas_and_openings, inner))


@given(PLAIN, st.booleans())
def test_the_shape_of_json_is_what_a_decoder_would_find(value, ascii_only):
    shape = JsonShape(json.dumps(value, ensure_ascii=ascii_only).encode())
    assert shape.depth() == depth_of(value)
    assert shape.values() == commas_and_openings(value) + 1


@given(st.lists(st.dictionaries(TEXTS, PLAIN, max_size=3), max_size=6))
def test_documents_are_counted_without_decoding(docs):
    assert JsonShape(json.dumps(docs).encode()).documents() == len(docs)
    assert JsonShape(json.dumps({'docs': docs}).encode()).documents() == len(docs)


@given(st.binary(max_size=200))
def test_any_bytes_have_a_shape(data):
    shape = JsonShape(data)
    assert shape.depth() >= 0
    assert shape.values() >= 1
    assert shape.documents() >= 0


def limits(**settings):
    return Limits(LimitsSpec(**settings))


def test_json_that_is_too_deep():
    few = limits(json_depth=10)
    few.check_json(b'[' * 10 + b'"[[[[[[[[[[[["' + b']' * 10)
    few.check_json(b'[' + b'[],' * 100 + b'[]]')
    with pytest.raises(RequestError, match='more deeply than the 10 levels') as caught:
        few.check_json(b'[' * 11 + b']' * 11)
    assert caught.value.http_status == 400
    assert 'json_depth' in caught.value.help
    with pytest.raises(RequestError, match='nested'):
        few.check_json(b'["]]]]]]]]]]]]]]]]",' + b'[' * 11 + b']' * 12)  # brackets in a text hide nothing


def test_json_with_too_many_values():
    few = limits(json_values=1000)
    few.check_json(b'[' + b'1,' * 998 + b'1]')
    few.check_json(b'["' + b',' * 5000 + b'"]')
    with pytest.raises(TooLarge, match='1001 values'):
        few.check_json(b'[' + b'1,' * 999 + b'1]')
    with pytest.raises(TooLarge):
        few.check_json(b'[' + b'[],' * 1000 + b'[]]')


@pytest.mark.parametrize(
    'hostile', [b'[' * 4_000_000, b'"' * 4_000_000, b'{"' * 2_000_000, b'[],' * 1_300_000]
)
def test_a_look_at_hostile_json_takes_little_time_and_memory(hostile):
    tracemalloc.start()
    begun = time.thread_time()
    try:
        Limits(LimitsSpec()).check_json(hostile)
    except RequestError:
        pass
    taken_s = time.thread_time() - begun
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken_s < 2
    assert peak < 16 * len(hostile)


def test_documents_and_parameters_of_a_json_body():
    few = limits(documents=3, parameters_bytes=100)
    three = b'[' + b'{"tags": {"a": {}}},' * 2 + b'{}]'
    few.check_data(three, len(three) + 100)
    with pytest.raises(TooLarge, match='bytes beside'):
        few.check_data(three, len(three) + 101)
    with pytest.raises(TooLarge, match='4 documents'):
        few.check_data(b'[{},{},{},{}]')
    with pytest.raises(TooLarge, match='4 documents'):
        few.check_data(b'{"docs": [{},{},{},{}]}')


def test_columns_are_seen_by_their_header():
    docs = DocList[Document]([Document(tensor=np.zeros((4, 4), 'float32')) for _ in range(10)])
    docs[0].chunks = DocList[Document]([Document(), Document()])
    data = b''.join(columns.encode(docs))
    limits(documents=12, tensor_bytes=640).check_columns(data)
    with pytest.raises(TooLarge, match='12 documents'):
        limits(documents=11).check_columns(data)
    with pytest.raises(TooLarge, match='640 bytes of arrays'):
        limits(tensor_bytes=639).check_columns(data)


def claim(column, length=1):
    written = msgspec.msgpack.encode(
        header.Header(length, {'id': header.Values(msgspec.Raw(b'\x91\xa1a')), 'x': column})
    )
    return header.PREFIX.pack(header.MAGIC, len(written)) + written


@pytest.mark.parametrize(
    'column',
    [
        header.Stack('<f8', (2**40,)),
        header.Stack('<f8', (2**31, 2**31, 2**31)),
        header.Arrays(('<f4',), [(2**20, 2**20)]),
        header.Arrays(('<f4', '<f8'), [(1,), (2**40,)]),
        header.Lists([2**50], header.Header(2**50, {})),
        header.Docs(None, header.Header(1, {'y': header.Stack('<f8', (2**40,))})),
    ],
)
def test_claims_are_refused_before_memory_is_taken(column):
    tracemalloc.start()
    with pytest.raises(TooLarge):
        Limits(LimitsSpec()).check_columns(claim(column))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1024**2


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'no columns',
        claim(header.Stack('no dtype', (1,))),
        claim(header.Stack('<f8', ()), length=-1),
    ],
)
def test_what_is_no_header_of_columns(data):
    with pytest.raises(CodecError):
        Limits(LimitsSpec()).check_columns(data)


def test_tables_in_tables_end():
    inner = header.Header(0, {})
    for _ in range(100):
        inner = header.Header(0, {'chunks': header.Lists([], inner)})
    written = msgspec.msgpack.encode(inner)
    with pytest.raises(CodecError, match='nest'):
        Limits(LimitsSpec()).check_columns(header.PREFIX.pack(header.MAGIC, len(written)) + written)


def test_documents_that_are_made_already():
    nested = Document(
        tensor=np.zeros(100), chunks=DocList[Document]([Document(embedding=np.zeros(50, 'float32'))])
    )
    docs = DocList[Document]([nested])
    limits(tensor_bytes=1000).check_docs(docs, 1000)
    with pytest.raises(TooLarge, match='1000 bytes of arrays'):
        limits(tensor_bytes=999).check_docs(docs, 1000)
    with pytest.raises(TooLarge, match='2 documents'):
        limits(documents=1).check_docs(DocList[Document]([Document(), Document()]), 10)


def test_streams_of_a_client():
    two = limits(streams_per_client=2)
    with two.stream('a'), two.stream('b'):
        with two.stream('a'), pytest.raises(Overloaded, match='2 streams open'), two.stream('a'):
            pass
        with two.stream('a'):
            pass
    assert not two._streams


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_rate_has_a_burst_and_fills_up_again():
    clock = Clock()
    rates = Rates(10, burst=3, clock=clock)
    for _ in range(3):
        rates.take('a')
    with pytest.raises(RateLimited) as caught:
        rates.take('a')
    assert caught.value.retry_after_s == pytest.approx(0.1)
    rates.take('b')
    clock.now += 0.1
    rates.take('a')
    with pytest.raises(RateLimited):
        rates.take('a')
    clock.now += 1000
    for _ in range(3):
        rates.take('a')
    with pytest.raises(RateLimited):
        rates.take('a')


def test_a_slow_rate_waits_long_and_an_unsaid_burst_is_two_seconds():
    rates = Rates(0.1, clock=Clock())
    rates.take('a')
    with pytest.raises(RateLimited) as caught:
        rates.take('a')
    assert caught.value.retry_after_s == pytest.approx(10)
    assert Rates(50).burst == 100


def test_clients_that_are_counted_are_bounded():
    rates = Rates(1, burst=1, most_clients=100, clock=Clock())
    for number in range(1000):
        rates.take(f'10.0.{number // 256}.{number % 256}')
    assert len(rates) == 100


def test_no_rate_asks_nobody():
    free = Limits(LimitsSpec())
    for _ in range(10_000):
        free.admit('a')

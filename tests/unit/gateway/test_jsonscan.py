"""JSON looked at in pieces: the same numbers as in one go, and cuts that leave whole documents."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.gateway import jsonscan
from headrace.gateway.jsonscan import JsonScan, pieces
from headrace.gateway.jsonshape import JsonShape
from headrace.gateway.turns import STEP_BYTES, STEP_DOCS

values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**6) | st.text('"\\[]{},a ü', max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('a"\\', max_size=3), inner, max_size=3)
    ),
    max_leaves=20,
)


def scanned(text: bytes) -> JsonScan:
    scan = JsonScan()
    for piece in pieces(text):
        scan.feed(piece)
    return scan


@given(values, st.integers(2, 40))
def test_pieces_show_what_the_whole_shows(value, size):
    text = msgspec.json.encode(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonscan, 'PIECE', size)
        assert b''.join(pieces(text)) == text
        scan = scanned(text)
    shape = JsonShape(text)
    assert (scan.depth, scan.values) == (shape.depth(), shape.values())
    if isinstance(value, list):
        assert scan.documents == shape.documents()


@given(st.lists(values, max_size=30), st.integers(1, 7), st.integers(1, 200), st.integers(2, 64))
def test_what_lies_between_cuts_is_the_list(listed, docs, size, piece):
    text = msgspec.json.encode(listed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonscan, 'PIECE', piece)
        patch.setattr(jsonscan, 'STEP_DOCS', docs)
        patch.setattr(jsonscan, 'STEP_BYTES', size)
        cuts = scanned(text).cuts
    found, begin = [], 0
    for end, count in [*cuts, (len(text) - 1, len(listed))]:
        part = msgspec.json.decode(b'[%b]' % text[begin + 1 : end])
        assert len(part) <= docs
        longest = max(map(len, map(msgspec.json.encode, part)), default=0)
        assert end - begin <= size + longest + 1
        found += part
        assert len(found) == count
        begin = end
    assert found == listed


def test_a_long_list_is_cut_by_documents_and_a_large_one_by_bytes():
    many = scanned(b'[%b]' % b','.join([b'{}'] * (3 * STEP_DOCS)))
    assert [count for _, count in many.cuts] == [STEP_DOCS, 2 * STEP_DOCS]
    large = scanned(b'[%b]' % b','.join([b'"%b"' % (b'x' * STEP_BYTES)] * 5))
    assert [count for _, count in large.cuts] == [1, 2, 3, 4]


@pytest.mark.parametrize('text', [b'', b'\\', b'"', b'[', b']', b'[,,,]', b'\\' * 300_000, b'"\\' * 200_000])
def test_what_is_no_json_is_looked_at_too(text):
    assert b''.join(pieces(text)) == text
    scanned(text)

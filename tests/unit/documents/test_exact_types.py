"""What is not of a field's type is refused where it is encoded, also where it counts as empty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import BaseDoc, DocList
from headrace.documents.codec import columns
from headrace.errors import DocumentError


class Sorts(BaseDoc):
    text: str = ''
    number: int = 0
    share: float = 0.0
    flag: bool = False
    words: list[str] = []
    table: dict[str, float] = {}
    blob: bytes = b''
    maybe: str | None = None
    mixed: dict[str, list[int]] = {}


WRONG = {
    'text': (0, b'x', b'', False, None, 0.0, 5, [], np.arange(3)),
    'number': ('', True, False, 1.5, b'', None),
    'share': ('', True, None, b''),
    'flag': (0, 1, ''),
    'words': (0, '', [0], [b'x'], {}, None),
    'table': ([], 0, '', {'a': 'b'}, {1: 1.0}, {'a': True}),
    'blob': ('', 0, None, 'x'),
    'maybe': (0, b'x', False),
    'mixed': ({'a': [b'x']}, {'a': 0}, {'a': ['1']}),
}
RIGHT = {
    'text': ('', 'x'),
    'number': (0, 7, np.int64(7)),
    'share': (0.0, 1, 2.5, np.float32(2.5)),
    'flag': (True, False),
    'words': ([], ['a'], ('a',), ()),
    'table': ({}, {'a': 1.0}, {'a': 1}, {'a': np.float32(1)}),
    'blob': (b'', b'x', bytearray(b'x')),
    'maybe': (None, '', 'x'),
    'mixed': ({}, {'a': [1]}),
}


def with_field(name, value):
    doc = Sorts()
    setattr(doc, name, value)
    return doc


def encoded(*docs):
    return columns.decode(bytearray().join(columns.encode(DocList[Sorts](docs))), Sorts)


@pytest.mark.parametrize(('name', 'value'), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_value_of_another_type_names_field_and_document(name, value):
    with pytest.raises(DocumentError, match=rf"Expected .* - at field '{name}'.* of docs\[0\]"):
        encoded(with_field(name, value))
    with pytest.raises(DocumentError, match=rf"Expected .* - at field '{name}'.* of docs\[2\]"):
        encoded(Sorts(), Sorts(), with_field(name, value))


@pytest.mark.parametrize(('name', 'value'), [(name, value) for name in RIGHT for value in RIGHT[name]])
def test_what_a_reader_takes_is_sent(name, value):
    first, second = encoded(with_field(name, value), Sorts())
    found = getattr(first, name)
    assert found == (list(value) if isinstance(value, tuple) else value)
    assert type(found) in (str, int, float, bool, list, dict, bytes, type(None))
    assert getattr(second, name) == getattr(Sorts(), name)


@given(
    st.sampled_from(sorted(RIGHT)),
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.lists(st.integers() | st.text() | st.binary(), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.integers(-5, 5) | st.text() | st.booleans(), max_size=2),
)
def test_a_value_is_sent_as_it_is_or_refused(name, value):
    try:
        (doc,) = encoded(with_field(name, value))
    except DocumentError:
        return
    assert getattr(doc, name) == value

"""Server-sent events: the same events, wherever the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.client.sse import Event, Events

LINE = st.text(st.characters(codec='utf-8', exclude_characters='\r\n'), max_size=8)
END = st.sampled_from(['\n', '\r', '\r\n'])


def read(pieces: list[bytes]) -> list[Event]:
    events = Events()
    return [event for piece in pieces for event in events.feed(piece)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(marks)]


@given(
    st.lists(st.tuples(st.sampled_from(['item', 'end', 'x']), st.lists(LINE, min_size=1, max_size=3))),
    END,
    st.lists(st.integers(0, 10_000), max_size=20),
)
def test_what_is_written_is_read(events: list[tuple[str, list[str]]], end: str, places: list[int]) -> None:
    text = ''
    for name, lines in events:
        text += f': a comment{end}event: {name}{end}id: 7{end}'
        text += ''.join(f'data: {line}{end}' for line in lines) + end
    expected = [Event(name, '\n'.join(lines).encode()) for name, lines in events]
    assert read(cut(text.encode(), places)) == expected


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=20))
def test_no_bytes_are_too_strange_and_cuts_change_nothing(data: bytes, places: list[int]) -> None:
    assert read(cut(data, places)) == read([data])


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('data: a\n\n', [Event('message', b'a')]),
        ('data:a\n\n', [Event('message', b'a')]),
        ('data:  a\n\n', [Event('message', b' a')]),
        ('data\n\n', [Event('message', b'')]),
        ('event: item\n\n', []),
        ('event: item\n\ndata: a\n\n', [Event('message', b'a')]),
        ('\ufeffdata: a\n\n', [Event('message', b'a')]),
        ('data: {"event: item":1}\n\n', [Event('message', b'{"event: item":1}')]),
        ('data: a\n', []),
        ('retry: 5\nunknown: x\n: \n\n', []),
    ],
)
def test_the_letters_of_the_standard(text: str, expected: list[Event]) -> None:
    assert read([text.encode()]) == expected


def test_what_is_kept_is_known() -> None:
    events = Events()
    assert list(events.feed(b'data: 12345\ndata: 678')) == []
    assert events.size == len('12345') + len('data: 678')
    assert list(events.feed(b'9\n\n')) == [Event('message', b'12345\n6789')]
    assert events.size == 0

"""traverse: paths lead where they say, in order, and wrong ones are told."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.documents import traverse
from headrace.errors import DocumentError


def doc(name, chunks=(), matches=()):
    return SimpleNamespace(id=name, chunks=list(chunks), matches=list(matches), image=None)


DOCS = [
    doc(
        'a',
        chunks=[doc('a1', chunks=[doc('a11'), doc('a12')]), doc('a2', matches=[doc('a2m')])],
        matches=[doc('am', chunks=[doc('amc')])],
    ),
    doc('b', chunks=[doc('b1')]),
]


@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        ('@r', 'a b'),
        ('r', 'a b'),
        ('@c', 'a1 a2 b1'),
        ('@m', 'am'),
        ('@r,c,m', 'a b a1 a2 b1 am'),
        ('@ r , c', 'a b a1 a2 b1'),
        ('@cc', 'a11 a12'),
        ('@rcc', 'a11 a12'),
        ('@cm', 'a2m'),
        ('@mc', 'amc'),
        ('@c[0]', 'a1 b1'),
        ('@c[-1]', 'a2 b1'),
        ('@c[1:]', 'a2'),
        ('@r[0]c[:1]c', 'a11 a12'),
        ('@r[::2]', 'a'),
        ('@c[7]', ''),
        ('@ccc', ''),
        ('@.[chunks]', 'a1 a2 b1'),
        ('@.[chunks, matches]', 'a1 a2 am b1'),
        ('@.[image]', ''),
        ('@.[chunks][0]m', ''),
        ('@r,r', 'a b a b'),
    ],
)
def test_paths(path, expected):
    assert ' '.join(d.id for d in traverse.flat(DOCS, path)) == expected


def test_lists_are_the_documents_own():
    lists = list(traverse.traverse(DOCS, '@c,cc'))
    assert lists[0] is DOCS[0].chunks
    assert len(lists) == 2 + 3


def test_choosing():
    assert [d.id for d in traverse.flat(DOCS, '@r,c', lambda d: d.chunks)] == ['a', 'b', 'a1']


@pytest.mark.parametrize(
    'path', ['', '@', '@x', '@r,', '@,r', '@c[', '@c[]', '@c[a]', '@c[1:2:3:4]', '@c[::0]', '@.x']
)
def test_what_is_no_path(path):
    with pytest.raises(DocumentError, match='is not a path'):
        traverse.flat(DOCS, path)


def test_an_unknown_field():
    with pytest.raises(DocumentError, match="no field 'parts'"):
        traverse.flat(DOCS, '@.[parts]')


@given(st.text('@rcm.[]:,-012 ab', max_size=12))
def test_any_text_is_a_path_or_an_error(path):
    try:
        traverse.flat(DOCS, path)
    except DocumentError:
        pass

"""Patterns that may take for ever are refused; others find what they should."""

from __future__ import annotations

import re

import pytest

from headrace.documents.patterns import MAX_LENGTH, SHORT, matcher, searcher


@pytest.mark.parametrize(
    ('pattern', 'text', 'is_found'),
    [
        ('^a .*t$', 'a coat', True),
        (r'(\d{3}-)+x', '123-456-x', True),
        ('(foo|bar)+$', 'foobarfoo', True),
        ('(?i)COAT|hat', 'a coat', True),
        (r'[a-z]+@[a-z]+\.(com|org)', 'me@here.org', True),
        ('(?=x)y?', 'abc', False),
        ('(cat|dog|cow)+$', 'catcow', True),
    ],
)
def test_patterns(pattern: str, text: str, is_found: bool) -> None:
    assert (searcher(pattern)(text) is not None) is is_found


@pytest.mark.parametrize(
    'pattern',
    [
        '(a+)+b',
        '(a*)*',
        '(?:a+?){2,}',
        '((ab)*c|d)+',
        '(a?){50}a{50}',
        '(?=(a+)+b)',
        '(x|(a{1,9})){1,9}',
        '(?P<n>a+)+',
        '(a|aa)+b',
        r'(.|\w)*b',
        '(|.){50}b',
    ],
)
def test_a_repetition_inside_a_repetition_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match='inside a repetition'):
        searcher(pattern)


def test_what_is_no_pattern() -> None:
    with pytest.raises(TypeError):
        searcher(b'bytes')
    with pytest.raises(ValueError, match='at most 1000'):
        searcher('a' * (MAX_LENGTH + 1))
    with pytest.raises(re.error, match='unterminated'):
        searcher('(')
    with pytest.raises(ValueError, match='such numbers'):
        searcher('a{99999999999}')
    with pytest.raises(ValueError, match='in each other'):
        searcher('(' * 450 + ')' * 450)


def test_patterns_for_names() -> None:
    assert matcher('enc.*|rank')('encoder')
    assert not matcher('coder')('encoder')  # it begins at the beginning
    assert matcher('(?:a|b|c)x.*y.*')('ax1y2')


@pytest.mark.parametrize('pattern', ['.*' * 4, '.?' * 60 + '!', '(|.)' * 40 + '!', 'a' * (SHORT + 1)])
def test_patterns_for_names_of_many_ways_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match='at most'):
        matcher(pattern)


@pytest.mark.parametrize(
    'pattern',
    [r'(?:(?:\b){3000}){3000}', '(?:(?:(?=a){500}){500}){500}', '(?:(?:){60000}){60000}', 'a{20000}'],
)
def test_repetitions_that_are_long_when_written_out_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match='written out'):
        searcher(pattern)
    with pytest.raises(ValueError, match='written out'):
        matcher(pattern)
    assert searcher('^[0-9a-f]{64}$')('0f' * 32)

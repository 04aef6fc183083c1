"""Patterns of a .dockerignore: both ways of trying them say the same, and neither takes for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.images.globs import Glob


@given(st.text(alphabet='ab.*?[]!^\\/\n', max_size=10), st.text(alphabet='ab./\n', max_size=10))
def test_step_by_step_is_the_same(pattern: str, path: str) -> None:
    glob = Glob(pattern)
    assert glob._fits(path) == (glob._whole.match(path) is not None)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ('pattern', 'path'),
    [
        ('**/' * 12 + 'b', 'a/' * 24 + 'c'),
        ('**/a/' * 8 + 'b', 'a/' * 40 + 'c'),
        ('*a' * 12 + 'b', 'a' * 40),
        ('**a' * 12 + 'b', 'a' * 40),
    ],
)
def test_no_pattern_takes_for_ever(pattern: str, path: str) -> None:
    assert not Glob(pattern).match(path)
    assert Glob(pattern).match(path.rstrip('c') + 'b')


def test_names_of_several_lines() -> None:
    assert Glob('**/.env').match('a\nb/.env')
    assert not Glob('.env').match('.env\n')

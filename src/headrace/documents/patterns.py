"""A regular expression of a stranger in, a search that is not sure to go on for ever out."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise, takewhile
from re import _constants, _parser  # type: ignore[attr-defined]  # nothing else tells what a pattern repeats
from typing import Any

MAX_LENGTH = 1000
"""Characters of a pattern."""

FEWEST = 3
"""Repetitions and alternatives of a pattern for names, each of which multiplies the ways to match."""

SHORT = 200
"""Characters of a pattern for names."""

MOST_STEPS = 10_000
"""What a pattern says when its repetitions are written out: those of nothing take time, too."""

_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)


def searcher(pattern: Any) -> Callable[[str], object]:
    """A function that says where the pattern is found in a text, or None.

    Python's `re` tries every way to match and knows no time limit: for a repetition inside a repetition, as
    in `(a+)+b`, that may double with every character of a text, as for alternatives in one that begin alike.
    Such patterns raise ValueError. What is left can still be slow (`a*a*a*b`: with a power of the length), so
    patterns want some trust.

    >>> searcher('^red|blue$')('dark blue') is not None
    True
    """
    return _checked(pattern, MAX_LENGTH)[0].search


def matcher(pattern: str) -> Callable[[str], object]:
    """As `searcher`, but of what begins with the pattern, for names: whoever wrote it, it is fast.

    >>> matcher('encoder|rank.*')('ranker') is not None
    True
    """
    compiled, parsed = _checked(pattern, SHORT)
    if _choices(parsed) > FEWEST:
        raise ValueError(f'a pattern for names has at most {FEWEST} repetitions and alternatives')
    return compiled.match


def _checked(pattern: Any, length: int) -> tuple[re.Pattern[str], Any]:
    if not isinstance(pattern, str):
        raise TypeError('a pattern is text')
    if len(pattern) > length:
        raise ValueError(f'a pattern has at most {length} characters')
    try:
        compiled, parsed = re.compile(pattern), _parser.parse(pattern)
        if _repeats_choices(parsed, is_inside=False):
            raise ValueError('a repetition inside a repetition may take for ever')
        if _steps(parsed) > MOST_STEPS:
            raise ValueError(f'a pattern has at most {MOST_STEPS} parts, with repetitions written out')
    except (OverflowError, RecursionError):
        raise ValueError('a pattern with such numbers, or as many brackets in each other, is none') from None
    return compiled, parsed


def _repeats_choices(part: Any, *, is_inside: bool) -> bool:
    """Whether what is itself repeated has several ways to match the same text."""
    if _is_repeat(part):
        least, most, repeated = part[1]
        if is_inside and least != most:
            return True
        return _repeats_choices(repeated, is_inside=is_inside or most > 1)
    if is_inside and _is_branch(part) and not _begin_apart(part[1][1]):
        return True
    return any(_repeats_choices(each, is_inside=is_inside) for each in _inner(part))


def _begin_apart(branches: Any) -> bool:
    """Whether the first characters tell which of the alternatives it can be."""
    beginnings = sorted(map(_beginning, branches))
    return not any(after.startswith(before) for before, after in pairwise(beginnings))


def _beginning(branch: Any) -> str:
    """The letters that an alternative begins with, up to what can be one thing or another."""
    letters = takewhile(lambda part: part[0] is _constants.LITERAL, branch)
    return ''.join(chr(letter).casefold() for _, letter in letters)


def _steps(part: Any) -> int:
    """How many parts a pattern has when each repetition is written out as often as it has to be there."""
    if _is_repeat(part):
        least, _, repeated = part[1]
        return max(1, int(least)) * (1 + _steps(repeated))
    return 1 + sum(map(_steps, _inner(part)))


def _choices(part: Any) -> int:
    """How many places of a pattern leave a choice."""
    own = _is_branch(part) or (_is_repeat(part) and part[1][0] != part[1][1])
    return own + sum(map(_choices, _inner(part)))


def _is_repeat(part: Any) -> bool:
    return isinstance(part, tuple) and len(part) == 2 and part[0] in _REPEATS


def _is_branch(part: Any) -> bool:
    return isinstance(part, tuple) and len(part) == 2 and part[0] is _constants.BRANCH


def _inner(part: Any) -> Any:
    return part if isinstance(part, tuple | list | _parser.SubPattern) else ()

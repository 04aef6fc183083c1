"""A regular expression of a stranger in, a search that is not sure to go on for ever out."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _constants, _parser  # type: ignore[attr-defined]  # nothing else tells what a pattern repeats
from typing import Any

MAX_LENGTH = 1000
"""Characters of a pattern."""

_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)


def searcher(pattern: Any) -> Callable[[str], object]:
    """A function that says where the pattern is found in a text, or None.

    Python's `re` tries every way to match and knows no time limit: for a repetition inside a repetition, as
    in `(a+)+b`, that may double with every character of a text. Such patterns raise ValueError. What is left
    can still be slow (`a*a*a*b`: with a power of the length), so patterns want some trust.

    >>> searcher('^red|blue$')('dark blue') is not None
    True
    """
    if not isinstance(pattern, str):
        raise TypeError('a pattern is text')
    if len(pattern) > MAX_LENGTH:
        raise ValueError(f'a pattern has at most {MAX_LENGTH} characters')
    compiled = re.compile(pattern)
    if _repeats_repeats(_parser.parse(pattern), is_inside=False):
        raise ValueError('a repetition inside a repetition may take for ever')
    return compiled.search


def _repeats_repeats(part: Any, *, is_inside: bool) -> bool:
    """Whether something of a varying number lies in what is itself repeated."""
    if isinstance(part, tuple) and len(part) == 2 and part[0] in _REPEATS:
        least, most, repeated = part[1]
        if is_inside and least != most:
            return True
        return _repeats_repeats(repeated, is_inside=is_inside or most > 1)
    if isinstance(part, tuple | list | _parser.SubPattern):
        return any(_repeats_repeats(each, is_inside=is_inside) for each in part)
    return False

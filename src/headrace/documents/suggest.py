"""A misspelt name and the names that exist in, a sentence with the likely one out."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest known name, else list them all.

    >>> did_you_mean('cosin', ['cosine', 'dot'])
    "did you mean 'cosine'?"
    >>> did_you_mean('x', ['cosine', 'dot'])
    'known: cosine, dot'
    """
    names = list(known)
    near = get_close_matches(str(name), names, n=1)
    return f'did you mean {near[0]!r}?' if near else f'known: {", ".join(names)}'

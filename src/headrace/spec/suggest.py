"""A misspelt word and the words that exist in, a "did you mean" out."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like `word`, if any is like it at all.

    >>> closest('uses_wiht', ['uses', 'uses_with'])
    'uses_with'
    """
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], *, noun: str = 'known') -> str:
    """What to do about an unknown word: the nearest one, and the whole list.

    >>> did_you_mean('grcp', ['grpc', 'http'], noun='protocols')
    "did you mean 'grpc'? protocols: grpc, http"
    """
    names = list(known)
    listed = f'{noun}: {", ".join(names)}' if names else f'{noun}: none'
    near = closest(word, names)
    return f'did you mean {near!r}? {listed}' if near else listed

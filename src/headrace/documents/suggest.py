"""A misspelt name and the names that exist in, a sentence with the likely one out."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHORTEST, LONG = 3, 8
"""Letters of names that may be slips of others, and of those that may have two mistakes."""


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


def slip_of(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is so near to that it can hardly be one of its own; None if there is none.

    It is the same but for case, `_` and `-`; or begins alike and has one mistake (two in long names): a
    letter too many, one missing, another one, or two that changed places.

    >>> slip_of('titel', ['price', 'title']), slip_of('mimeType', ['mime_type']), slip_of('name', ['game'])
    ('title', 'mime_type', None)
    """
    plain = _plain(name)
    if len(plain) < SHORTEST:
        return None
    for each in known:
        other = _plain(each)
        allowed = 2 if min(len(plain), len(other)) >= LONG else 1
        if other == plain or (other[:1] == plain[:1] and _mistakes(plain, other, allowed) <= allowed):
            return each
    return None


def _plain(name: str) -> str:
    return name.replace('_', '').replace('-', '').casefold()


def _mistakes(one: str, other: str, allowed: int) -> int:
    """How many letters were left out, added, changed or swapped; more than `allowed` need not be exact."""
    if abs(len(one) - len(other)) > allowed:
        return allowed + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, there in enumerate(other, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != there))
            if i > 1 and j > 1 and letter == other[j - 2] and there == one[i - 2]:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]

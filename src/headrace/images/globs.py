"""A pattern of a .dockerignore in; out, whether a path, or a folder that it is in, is meant.

A pattern is tried as a regular expression; one with many wildcards step by step, as expressions may take for
ever over it: files of strangers have patterns, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum

FEW = 2
"""So many wildcards are tried as a regular expression."""

_CLASS = re.compile(r'\[(?P<inside>[!^]?[^]]+)\]')

State = tuple[int, bool]
"""How many pieces are behind, and whether the next one, of any folders, has begun."""


class Kind(Enum):
    """What a piece of a pattern stands for."""

    ONE = 'one character'
    NAME = 'any part of a name'
    ANY = 'any part of a path'
    FOLDERS = 'any number of folders'


class Glob:
    """A pattern; `**` means any number of folders, and what is below a path that fits, fits.

    >>> Glob('**/*.log').match('a/b.log'), Glob('data').match('data/x'), Glob('data').match('a/data')
    (True, True, False)
    """

    def __init__(self, pattern: str) -> None:
        pieces = [*_pieces(pattern)]
        self._is_plain = sum(kind is not Kind.ONE for kind, _ in pieces) <= FEW
        self._whole = re.compile(f'{"".join(text for _, text in pieces)}(?:/|\\Z)', re.DOTALL)
        self._pieces = [(kind, re.compile(text, re.DOTALL)) for kind, text in pieces]

    def match(self, path: str) -> bool:
        """Whether a path fits, or a folder that it is in."""
        return self._whole.match(path) is not None if self._is_plain else self._fits(path)

    def _fits(self, path: str) -> bool:
        end = (len(self._pieces), False)
        states = self._and_after({(0, False)})
        for char in path:
            if char == '/' and end in states:
                return True
            states = self._and_after({each for state in states for each in self._next(state, char)})
        return end in states

    def _next(self, state: State, char: str) -> Iterator[State]:
        """Where a character leads."""
        index, _ = state
        if index == len(self._pieces):
            return
        kind, one = self._pieces[index]
        if kind is Kind.ONE:
            if one.match(char):
                yield index + 1, False
        elif kind is Kind.FOLDERS:
            yield index, True
            if char == '/':
                yield index + 1, False
        elif kind is Kind.ANY or char != '/':
            yield index, False

    def _and_after(self, states: Iterable[State]) -> set[State]:
        """These, and those that follow as pieces may stand for nothing."""
        found: set[State] = set()
        for index, has_begun in states:
            found.add((index, has_begun))
            while not has_begun and index < len(self._pieces) and self._pieces[index][0] is not Kind.ONE:
                index += 1
                found.add((index, False))
        return found


def _pieces(pattern: str) -> Iterator[tuple[Kind, str]]:
    """The pieces of a pattern, each with its expression."""
    at = 0
    while at < len(pattern):
        if pattern.startswith('**/', at):
            yield Kind.FOLDERS, '(?:.*/)?'
            at += 3
        elif pattern.startswith('**', at):
            yield Kind.ANY, '.*'
            at += 2
        elif found := _CLASS.match(pattern, at):
            yield Kind.ONE, _one_of(found['inside'])
            at = found.end()
        else:
            wild = {'*': (Kind.NAME, '[^/]*'), '?': (Kind.ONE, '[^/]')}.get(pattern[at])
            if pattern[at] == '\\' and at + 1 < len(pattern):
                at += 1
            yield wild or (Kind.ONE, re.escape(pattern[at]))
            at += 1


def _one_of(inside: str) -> str:
    """The characters between brackets as an expression for one of them, or for none of them after a `^`."""
    is_other = inside[0] in '!^' and len(inside) > 1
    parts = re.findall('(.)-(.)|(.)', inside[1:] if is_other else inside, re.DOTALL)
    one = ''.join(
        re.escape(single) or f'{re.escape(first)}-{re.escape(max(first, last))}'
        for first, last, single in parts
    )
    return f'(?!/)[{"^" if is_other else ""}{one}]'

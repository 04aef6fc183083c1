"""JSON text in, piece by piece; how deep it nests, what it has and where it can be cut out.

The same numbers as those of `JsonShape`, for texts so long that they are better looked at in steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.gateway.turns import STEP_BYTES, STEP_DOCS

PIECE = 128 * 1024
"""Bytes that are looked at in one step: about a millisecond."""

_QUOTE, _COMMA, _LIST, _OBJECT, _END = 1, 2, 3, 4, 5
_KINDS = np.zeros(256, np.uint8)
_KINDS[[ord(each) for each in '",[{]}']] = _QUOTE, _COMMA, _LIST, _OBJECT, _END, _END
_STEPS = np.array([0, 0, 0, 1, 1, -1], np.int32)
"""How much deeper it is behind each kind of mark."""


class JsonScan:
    """What is known of a text after all pieces that were fed, which have to be those of `pieces`.

    `depth` is how many lists and objects lie in each other, `values` what stands in them and they themselves,
    `documents` are the objects in the outermost list. `cuts` are places of commas of that list, such that
    what lies between two of them can be decoded in one step.

    >>> scan = JsonScan()
    >>> for piece in pieces(b'[{"text": "[[["}, {}]'):
    ...     scan.feed(piece)
    >>> scan.depth, scan.values, scan.documents
    (2, 4, 2)
    """

    __slots__ = ('_at', '_count', '_cut', '_level', '_within', 'cuts', 'depth', 'documents', 'values')

    def __init__(self) -> None:
        self.depth = self.documents = 0
        self.values = 1
        self.cuts: list[tuple[int, int]] = []
        self._at = self._level = self._within = 0
        self._count = self._cut = 0

    def feed(self, piece: bytes) -> None:
        """Look at what comes next."""
        if b'\\' in piece:  # escaped quotes end no text
            piece = piece.replace(b'\\\\', b'  ').replace(b'\\"', b'  ')
        kinds = _KINDS[np.frombuffer(piece, np.uint8)]
        places = np.flatnonzero(kinds)
        kinds = kinds[places]
        quotes = kinds == _QUOTE
        within = (np.cumsum(quotes, dtype=np.uint8) + self._within) & 1  # wraps at 256, which is even
        if len(within):
            self._within = int(within[-1])
        kept = (within == 0) & ~quotes
        kinds, places = kinds[kept], places[kept]
        levels = np.cumsum(_STEPS[kinds], dtype=np.int32) + self._level
        if len(levels):
            self._level = int(levels[-1])
            self.depth = max(self.depth, int(levels.max()))
        self.values += int(np.count_nonzero(kinds != _END))
        self.documents += int(np.count_nonzero((kinds == _OBJECT) & (levels == 2)))
        self._note_cuts(places[(kinds == _COMMA) & (levels == 1)] + self._at)
        self._at += len(piece)

    def _note_cuts(self, commas: NDArray[Any]) -> None:
        """Note which of these commas end a step, and how many values of the list come before each."""
        first = 0
        while first < len(commas):
            place = int(np.searchsorted(commas, self._cut + STEP_BYTES))
            place = min(first + STEP_DOCS - self._count - 1, max(place, first))
            if place >= len(commas):
                self._count += len(commas) - first
                return
            done = self.cuts[-1][1] if self.cuts else 0
            self._cut = int(commas[place])
            self.cuts.append((self._cut, done + self._count + place - first + 1))
            self._count, first = 0, place + 1


def pieces(text: memoryview | bytes) -> Iterator[bytes]:
    """A text in pieces that end behind no half of an escape."""
    at = 0
    while at < len(text):
        piece = bytes(text[at : at + PIECE])
        if (len(piece) - len(piece.rstrip(b'\\'))) % 2 and len(piece) > 1:
            piece = piece[:-1]
        yield piece
        at += len(piece)

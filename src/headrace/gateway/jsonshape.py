"""JSON text in; how many values it has and how deep they nest out, without decoding it.

All is counted by code in C, over bytes: a body is seen through faster than it would be decoded, and with no
object per value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_STRUCTURE = b'"[]{},'
_OTHERS = bytes(set(range(256)) - set(_STRUCTURE))
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b'[{')] = 1
_STEPS[list(b']}')] = -1


class JsonShape:
    """What can be said of JSON by its brackets and commas.

    `openings` and `most_values` are upper bounds, as they also count what stands in texts; `depth()`,
    `values()` and `documents()` are exact for whatever is JSON.

    >>> JsonShape(b'[{"text": "[[["}, {}]').depth()
    2
    """

    __slots__ = ('_data', '_outside')

    def __init__(self, text: bytes | bytearray | memoryview) -> None:
        self._data = bytes(text)
        self._outside: NDArray[np.uint8] | None = None

    @property
    def objects(self) -> int:
        """Braces that open."""
        return self._data.count(b'{')

    @property
    def openings(self) -> int:
        """Brackets and braces that open."""
        return self._data.count(b'[') + self._data.count(b'{')

    @property
    def most_values(self) -> int:
        """Values that there are at most."""
        return self.openings + self._data.count(b',') + 1

    def values(self) -> int:
        """Lists, objects and what stands in them."""
        outside = self._structure()
        return int(np.count_nonzero((outside == ord(',')) | (_STEPS[outside] == 1))) + 1

    def depth(self) -> int:
        """How many lists and objects lie in each other."""
        depths, _ = self._depths()
        return int(depths.max(initial=0))

    def documents(self) -> int:
        """Objects that the outermost list holds; for an object, those of the lists in it."""
        depths, brackets = self._depths()
        level = 3 if self._data.lstrip()[:1] == b'{' else 2
        return int(np.count_nonzero((brackets == ord('{')) & (depths == level)))

    def _depths(self) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """The brackets outside of texts, and how deep it is behind each."""
        outside = self._structure()
        brackets = outside[_STEPS[outside] != 0]
        return np.cumsum(_STEPS[brackets], dtype=np.int32), brackets

    def _structure(self) -> NDArray[np.uint8]:
        """Brackets and commas outside of texts."""
        if self._outside is None:
            bare = self._data.replace(b'\\\\', b'').replace(b'\\"', b'').translate(None, _OTHERS)
            marks = np.frombuffer(bare, np.uint8)
            quotes = marks == ord('"')
            within = np.cumsum(quotes, dtype=np.uint8) & 1  # wraps at 256, which is even
            self._outside = marks[(within == 0) & ~quotes]
        return self._outside

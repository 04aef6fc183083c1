"""Documents as columns: one entry per field that some document has a value for.

A column keeps the values of one field of all documents in the form in which they can be used, or sent,
without a loop: equal arrays are one array, blobs are one buffer, nested documents are a table of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from msgspec import Struct

from headrace.documents.base import BaseDoc
from headrace.documents.fields import missing, required_of

Buffer = bytes | bytearray | memoryview
Stacked = tuple[Any, list[Any]]
"""One array, and the views of it that the rows have."""


class ValueColumn:
    """Plain values; `raw` is their encoded form as long as nobody has seen (and could change) them."""

    __slots__ = ('_values', 'raw')

    def __init__(self, values: list[Any], raw: bytes | memoryview | None = None) -> None:
        self._values = values
        self.raw = raw

    def rows(self) -> list[Any]:
        self.raw = None
        return self._values

    def peek(self) -> list[Any]:
        """The values for somebody who does not change them."""
        return self._values

    def view(self) -> list[Any]:
        return self.rows().copy()


class StackColumn:
    """Arrays of one shape as one array (NumPy or torch) with an axis more."""

    __slots__ = ('stack',)

    def __init__(self, stack: Any) -> None:
        self.stack = stack

    def rows(self) -> list[Any]:
        if self.stack.ndim > 1:
            return list(self.stack)
        return [self.stack[index, ...] for index in range(len(self.stack))]  # 0-d views, not scalars

    def view(self) -> Any:
        return self.stack


class ArraysColumn:
    """Arrays that differ in shape or element type, or are missing (None)."""

    __slots__ = ('arrays',)

    def __init__(self, arrays: list[Any]) -> None:
        self.arrays = arrays

    def rows(self) -> list[Any]:
        return self.arrays

    def view(self) -> list[Any]:
        return self.arrays.copy()


class BytesColumn:
    """Blobs, one after the other in one buffer until somebody wants them; a length of -1 is None."""

    __slots__ = ('_blobs', 'data', 'lengths')

    def __init__(
        self, blobs: list[bytes | None] | None, *, data: memoryview | None = None, lengths: Sequence[int] = ()
    ) -> None:
        self._blobs = blobs
        self.data = data
        self.lengths = lengths

    def rows(self) -> list[bytes | None]:
        if self._blobs is None:
            data = memoryview(b'') if self.data is None else self.data
            ends = accumulate(max(length, 0) for length in self.lengths)
            self._blobs = [
                None if length < 0 else bytes(data[end - length : end])
                for length, end in zip(self.lengths, ends, strict=True)
            ]
        return self._blobs

    def view(self) -> list[bytes | None]:
        return self.rows().copy()


class ListColumn:
    """Lists of documents as one table of all their documents, and the length of each; -1 is None."""

    __slots__ = ('_lists', 'child', 'lengths', 'list_type')

    def __init__(
        self, list_type: Any, lengths: Sequence[int], child: Table, lists: list[Any] | None = None
    ) -> None:
        self.list_type = list_type
        self.lengths = lengths
        self.child = child
        self._lists = lists

    def rows(self) -> list[Any]:
        if self._lists is None:
            docs = make_rows(self.child)
            ends = accumulate(max(length, 0) for length in self.lengths)
            self._lists = [
                None if length < 0 else self.list_type.from_rows(docs[end - length : end])
                for length, end in zip(self.lengths, ends, strict=True)
            ]
        return self._lists

    @property
    def touched(self) -> bool:
        """True once the lists were handed out and the child table may no longer say the truth."""
        return self._lists is not None

    def view(self) -> list[Any]:
        return self.rows().copy()


class DocColumn:
    """Single documents as a table of those that are there."""

    __slots__ = ('_docs', 'child', 'present')

    def __init__(self, present: Sequence[bool], child: Table, docs: list[Any] | None = None) -> None:
        self.present = present
        self.child = child
        self._docs = docs

    def rows(self) -> list[Any]:
        if self._docs is None:
            docs = iter(make_rows(self.child))
            self._docs = [next(docs) if present else None for present in self.present]
        return self._docs

    @property
    def touched(self) -> bool:
        """True once the documents were handed out."""
        return self._docs is not None

    def view(self) -> list[Any]:
        return self.rows().copy()


Column = ValueColumn | StackColumn | ArraysColumn | BytesColumn | ListColumn | DocColumn


class Table(Struct, eq=False):
    """Columns of equal length; a field without a column has its default in every document."""

    doc_type: type[BaseDoc]
    length: int
    columns: dict[str, Column]


def make_rows(table: Table, stacks: dict[str, Stacked] | None = None) -> list[Any]:
    """A table as documents; row arrays are views of its stacks, which are noted down in `stacks`."""
    make = table.doc_type
    names = tuple(table.columns)
    for field in required_of(make):
        if field.name not in table.columns and table.length:
            raise missing(field)
    if not names:
        return [make() for _ in range(table.length)]
    values = [column.rows() for column in table.columns.values()]
    if stacks is not None:
        for (name, column), views in zip(table.columns.items(), values, strict=True):
            if isinstance(column, StackColumn):
                stacks[name] = (column.stack, views)
    return list(map(_factory(make, names), *values))


_factories: dict[tuple[type[BaseDoc], tuple[str, ...]], Any] = {}


def _factory(doc_type: type[BaseDoc], names: tuple[str, ...]) -> Any:
    """A function from values of some fields to a document: five times faster than a call with `**names`."""
    key = (doc_type, names)
    made = _factories.get(key)
    if made is None:
        if len(_factories) > 4096:
            _factories.clear()
        arguments = ', '.join(f'{name}=_{index}' for index, name in enumerate(names))
        parameters = ', '.join(f'_{index}' for index in range(len(names)))
        made = _factories[key] = eval(f'lambda {parameters}: make({arguments})', {'make': doc_type})
    return made

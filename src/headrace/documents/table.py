"""Documents as columns: one entry per field that some document has a value for.

A column keeps the values of one field of all documents in the form in which they can be used, or sent, without
a loop: a stack of equal arrays is one array, blobs are one buffer, nested documents are a table of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import accumulate, repeat
from operator import is_
from typing import Any

import msgspec
import numpy as np

from headrace.documents.arrays import ArraySpec, as_array, as_torch, dtype_of, fit, is_torch
from headrace.documents.base import BaseDoc
from headrace.documents.fields import Field, Kind, fields_of
from headrace.errors import DocumentError

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


class Table:
    """Columns of equal length; a field without a column has its default in every document."""

    __slots__ = ('columns', 'doc_type', 'length')

    def __init__(self, doc_type: type[BaseDoc], length: int, columns: dict[str, Column]) -> None:
        self.doc_type = doc_type
        self.length = length
        self.columns = columns

    def column(self, field: Field) -> Column:
        """The column of a field, made of defaults if there is none yet."""
        column = self.columns.get(field.name)
        if column is None:
            column = self.columns[field.name] = default_column(field, self.length)
        return column


def default_column(field: Field, length: int) -> Column:
    """A column of as many defaults; DocumentError if the field has none."""
    if field.required and length:
        raise DocumentError(
            f'the documents have no field {field.name!r}, which has no default',
            help=f'send {field.name!r} with every document, or give the field a default',
        )
    values = [None if field.required else field.make_default() for _ in range(length)]
    return column_of(field, values)


def make_rows(table: Table, stacks: dict[str, Stacked] | None = None) -> list[Any]:
    """A table as documents; row arrays are views of its stacks, which are noted down in `stacks`."""
    make = table.doc_type
    names = tuple(table.columns)
    for field in fields_of(make).values():
        if field.required and field.name not in table.columns and table.length:
            default_column(field, table.length)
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
    """A function from the values of some fields to a document: a call with names known is five times faster."""
    key = (doc_type, names)
    made = _factories.get(key)
    if made is None:
        if len(_factories) > 4096:
            _factories.clear()
        arguments = ', '.join(f'{name}=_{index}' for index, name in enumerate(names))
        parameters = ', '.join(f'_{index}' for index in range(len(names)))
        made = _factories[key] = eval(f'lambda {parameters}: make({arguments})', {'make': doc_type})
    return made


def table_of(doc_type: type[BaseDoc], rows: Sequence[Any], stacks: dict[str, Stacked] | None = None) -> Table:
    """Documents as a table; `stacks` has fields whose rows are already known to be views of one array."""
    fields = fields_of(doc_type)
    columns: dict[str, Column] = {}
    if rows:
        if set(map(type, rows)) == {doc_type}:
            transposed = zip(*map(msgspec.structs.astuple, rows), strict=True)
        else:  # subclasses: only the fields of the list's type travel
            transposed = zip(*([getattr(row, name) for name in fields] for row in rows), strict=True)
        for field, values in zip(fields.values(), transposed, strict=True):
            kept = stacks.get(field.name) if stacks else None
            if kept is not None and all(map(is_, values, kept[1])):
                columns[field.name] = StackColumn(kept[0])
            elif field.required or not _all_default(field, values):
                columns[field.name] = column_of(field, list(values))
    return Table(doc_type, len(rows), columns)


_EMPTY = ('', b'')


def _all_default(field: Field, values: Sequence[Any]) -> bool:
    if field.kind is Kind.LIST:
        return not any(values) and not (field.optional and any(value is not None for value in values))
    if field.default_factory in (dict, list):
        return not any(values)
    default = field.default
    if default is msgspec.NODEFAULT:
        return False
    if type(default) in (str, bytes) and not default and not field.optional:
        return not any(values)
    return all(map(is_, values, repeat(default)))


def column_of(field: Field, values: list[Any]) -> Column:
    """The values of one field as a column; DocumentError if they do not fit the field."""
    try:
        return _BUILDERS[field.kind](field, values)
    except ValueError as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f'{error} - at field {field.name!r}') from error


def _value_column(field: Field, values: list[Any]) -> Column:
    return ValueColumn(values)


def _bytes_column(field: Field, values: list[Any]) -> Column:
    for value in values:
        if value is not None and not isinstance(value, bytes | bytearray | memoryview):
            raise ValueError(f'Expected `bytes`, got `{type(value).__name__}`')
    return BytesColumn(values)


def _array_column(field: Field, values: list[Any]) -> Column:
    torch = field.type.__origin__ is not np.ndarray
    stacked = stack(values, field.spec)
    if stacked is not None:
        return StackColumn(as_torch(stacked) if torch else stacked)
    return ArraysColumn([None if value is None else fitted(value, field) for value in values])


def fitted(value: Any, field: Field) -> Any:
    """One array-like as the field wants it."""
    if is_torch(value) and (field.spec is None or field.spec == ArraySpec()):
        return value
    array = fit(as_array(value), field.spec or ArraySpec())
    return array if field.type.__origin__ is np.ndarray else as_torch(array)


def stack(values: Sequence[Any], spec: ArraySpec | None) -> Any:
    """Arrays of equal shape and element type as one array, checked; None if they differ or some are missing."""
    if not values or any(value is None for value in values):
        return None
    if (
        all(map(is_torch, values))
        and len({(value.shape, value.dtype, value.device) for value in values}) == 1
    ):
        stacked = sys.modules['torch'].stack(list(values))
        return (
            stacked
            if spec is None or spec == ArraySpec()
            else as_torch(fit(as_array(stacked), spec, leading=1))
        )
    arrays = [as_array(value) for value in values]
    first = arrays[0]
    shape, dtype = first.shape, first.dtype
    for array in arrays:
        if array.shape != shape or array.dtype != dtype:
            return None
    if first.ndim:
        stacked = np.concatenate(arrays).reshape(len(arrays), *shape)
    else:
        stacked = np.stack(arrays)
    return (
        stacked.astype(dtype, copy=False)
        if spec is None
        else fit(stacked.astype(dtype, copy=False), spec, leading=1)
    )


def stack_column(field: Field, values: Any) -> StackColumn:
    """An array with one entry per document as a column, without a copy if it fits the field as it is."""
    spec = field.spec or ArraySpec()
    if is_torch(values) and spec == ArraySpec():
        return StackColumn(values)
    try:
        array = fit(as_array(values), spec, leading=1)
    except ValueError as error:
        raise DocumentError(f'{error} - at field {field.name!r}') from error
    return StackColumn(array if field.type.__origin__ is np.ndarray else as_torch(array))


def empty_stack(field: Field) -> Any:
    """The stack of no arrays, in the shape that the field says."""
    spec = field.spec or ArraySpec()
    sizes = [size if isinstance(size, int) else 0 for size in spec.shape or ()]
    array = np.empty((0, *sizes), dtype_of(spec.dtype or '<f8'))
    return array if field.type.__origin__ is np.ndarray else as_torch(array)


def _list_column(field: Field, values: list[Any]) -> Column:
    empty = None if field.optional else ()
    lists = [value if isinstance(value, field.type) else _listed(field, value, empty) for value in values]
    return ListColumn(field.type, [], Table(field.type.doc_type, 0, {}), lists)


def _listed(field: Field, value: Any, empty: Any) -> Any:
    value = empty if value is None else value
    return None if value is None else field.type(value)


def _doc_column(field: Field, values: list[Any]) -> Column:
    for value in values:
        if value is not None and not isinstance(value, field.type):
            raise ValueError(f'Expected `{field.type.__name__}`, got `{type(value).__name__}`')
    return DocColumn([], Table(field.type, 0, {}), values)


_BUILDERS = {
    Kind.VALUE: _value_column,
    Kind.ARRAY: _array_column,
    Kind.BYTES: _bytes_column,
    Kind.LIST: _list_column,
    Kind.DOC: _doc_column,
}

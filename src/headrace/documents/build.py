"""Values of documents turned into columns, checked against their fields."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from operator import attrgetter, is_
from typing import Any

import msgspec
import numpy as np

from headrace.documents.arrays import ArraySpec, as_array, as_torch, dtype_of, fit, is_torch
from headrace.documents.base import BaseDoc
from headrace.documents.codec.plain import value_column
from headrace.documents.fields import Field, Kind, fields_of, missing
from headrace.documents.table import (
    ArraysColumn,
    BytesColumn,
    Column,
    DocColumn,
    ListColumn,
    StackColumn,
    Stacked,
    Table,
)

LARGE = 16 * 1024
"""Arrays of this many bytes are not copied into one."""

_shape_of = attrgetter('shape')
_dtype_of = attrgetter('dtype')
_ANY = ArraySpec()


def table_of(
    doc_type: type[BaseDoc],
    rows: Sequence[Any],
    stacks: dict[str, Stacked] | None = None,
    *,
    nested: bool = False,
) -> Table:
    """Documents as a table; `stacks` has fields whose rows are perhaps still views of one array.

    An error names the document by its place, or by its id if these are `nested` in those of a list.
    """
    columns: dict[str, Column] = {}
    single = len(rows) == 1
    checks = _checks(doc_type)
    for (field, check, default), values in zip(checks, _transposed(doc_type, rows), strict=bool(rows)):
        if check == _SAME:
            if values[0] is default and (single or all(map(is_, values, repeat(default)))):
                continue
        elif check == _EMPTY:
            try:
                if values.count(default) == len(values):  # 0 is no empty text: `not any()` would not see it
                    continue
            except ValueError:  # an array, which is equal to nothing as a whole
                pass
        elif check == _LISTS and not any(values):
            continue
        known = stacks.get(field.name) if stacks else None
        if known is not None and is_stack_of(known, values):
            columns[field.name] = StackColumn(known[0])
        else:
            columns[field.name] = column_of(field, values, rows if nested else None)
    return Table(doc_type, len(rows), columns)


_ALWAYS, _EMPTY, _LISTS, _SAME = range(4)


@lru_cache(maxsize=4096)
def _checks(doc_type: type[BaseDoc]) -> tuple[tuple[Field, int, Any], ...]:
    """How to see whether all values of a field are its default: equal to it, empty, the same, or never."""
    checks: list[tuple[Field, int, Any]] = []
    for field in fields_of(doc_type).values():
        if field.empty_default and not field.optional:
            is_list = field.kind is Kind.LIST
            checks.append((field, _LISTS if is_list else _EMPTY, None if is_list else field.make_default()))
        else:
            check = _ALWAYS if field.default is msgspec.NODEFAULT else _SAME
            checks.append((field, check, field.default))
    return tuple(checks)


def is_stack_of(known: Stacked, values: Sequence[Any]) -> bool:
    """True if the values are the very views of that stack, all of them and in order."""
    return len(known[1]) == len(values) and all(map(is_, values, known[1]))


def _transposed(doc_type: type[BaseDoc], rows: Sequence[Any]) -> Any:
    if set(map(type, rows)) <= {doc_type}:
        return zip(*map(msgspec.structs.astuple, rows), strict=True)
    fields = fields_of(doc_type)
    read = attrgetter(*fields) if len(fields) > 1 else lambda row: (row.id,)
    return zip(*map(read, rows), strict=True)  # of subclasses only the fields of the list's type travel


def column_in(table: Table, field: Field) -> Column:
    """The column of a field, made of defaults (and kept) if the table has none yet."""
    column = table.columns.get(field.name)
    if column is None:
        column = table.columns[field.name] = default_column(field, table.length)
    return column


def default_column(field: Field, length: int) -> Column:
    """A column of as many defaults; DocumentError if the field has none."""
    if field.required and length:
        raise missing(field)
    return column_of(field, [field.make_default() for _ in range(length)])


def column_of(field: Field, values: Sequence[Any], nested: Sequence[Any] | None = None) -> Column:
    """The values of one field as a column; DocumentError if they do not fit the field.

    The error names the first document that is wrong: its place, or the id of one that is nested in others.
    """
    try:
        return _BUILDERS[field.kind](field, values)
    except ValueError as error:
        raise field.wrong(error, _first_wrong(field, values, nested)) from error


def _first_wrong(field: Field, values: Sequence[Any], nested: Sequence[Any] | None) -> str:
    """The first document whose value alone does not fit; '' if each one does."""
    for index, value in enumerate(values):
        try:
            _BUILDERS[field.kind](field, [value])
        except ValueError:
            return f'docs[{index}]' if nested is None else f'document {nested[index].id}'
    return ''


def stack_column(field: Field, values: Any) -> StackColumn:
    """An array with one entry per document as a column, without a copy if it fits the field as it is."""
    if is_torch(values) and field.spec == _ANY:
        return StackColumn(values)
    try:
        return StackColumn(_own_library(fit(as_array(values), field.spec, leading=1), field))
    except ValueError as error:
        raise field.wrong(error) from error


def empty_stack(field: Field) -> Any:
    """The stack of no arrays, in the shape that the field says."""
    sizes = [size if isinstance(size, int) else 0 for size in field.spec.shape or ()]
    return _own_library(np.empty((0, *sizes), dtype_of(field.spec.dtype or '<f8')), field)


def fitted(value: Any, field: Field) -> Any:
    """One array-like as the field wants it."""
    if is_torch(value) and field.spec == _ANY:
        return value
    return _own_library(fit(as_array(value), field.spec), field)


def stacked(values: Sequence[Any]) -> Any:
    """Array-likes of equal shape and element type as one array (torch if all are); None if they differ."""
    if not values:
        return None
    kinds = set(map(type, values))
    if kinds != {np.ndarray}:
        if type(None) in kinds:
            return None
        if all(map(is_torch, values)):
            return _torch_stacked(values)
        values = list(map(as_array, values))
    if not _alike(values):
        return None
    first = values[0]
    if first.ndim == 0:
        return np.stack(values).astype(first.dtype, copy=False)
    joined = np.concatenate(values).reshape(len(values), *first.shape)
    return joined.astype(first.dtype, copy=False)  # joining turns big-endian numbers into native ones


def _torch_stacked(values: Sequence[Any]) -> Any:
    if len({(value.shape, value.dtype, value.device) for value in values}) > 1:
        return None
    return sys.modules['torch'].stack(list(values))


def _alike(arrays: Sequence[Any]) -> bool:
    count, first = len(arrays), arrays[0]
    same_shape = list(map(_shape_of, arrays)).count(first.shape) == count
    return same_shape and list(map(_dtype_of, arrays)).count(first.dtype) == count


def _own_library(array: Any, field: Field) -> Any:
    return as_torch(array) if field.torch else array


def _bytes_column(field: Field, values: Sequence[Any]) -> Column:
    for value in values:
        if not isinstance(value, bytes | bytearray | memoryview) and not (value is None and field.optional):
            got = 'None' if value is None else type(value).__name__
            raise ValueError(f'Expected `bytes`, got `{got}`')
    return BytesColumn(list(values))


def _array_column(field: Field, values: Sequence[Any]) -> Column:
    if getattr(values[0] if values else None, 'nbytes', 0) < LARGE:
        found = stacked(values)
        if found is not None:
            return stack_column(field, found)
    return ArraysColumn([None if value is None else fitted(value, field) for value in values])


def _list_column(field: Field, values: Sequence[Any]) -> Column:
    return ListColumn(
        field.type, [], Table(field.type.doc_type, 0, {}), [_listed(field, value) for value in values]
    )


def _listed(field: Field, value: Any) -> Any:
    if isinstance(value, field.type) or (value is None and field.optional):
        return value
    return field.type(value or ())


def _doc_column(field: Field, values: Sequence[Any]) -> Column:
    for value in values:
        if value is not None and not isinstance(value, field.type):
            raise ValueError(f'Expected `{field.type.__name__}`, got `{type(value).__name__}`')
    return DocColumn([], Table(field.type, 0, {}), list(values))


_BUILDERS = {
    Kind.VALUE: value_column,
    Kind.ARRAY: _array_column,
    Kind.BYTES: _bytes_column,
    Kind.LIST: _list_column,
    Kind.DOC: _doc_column,
}

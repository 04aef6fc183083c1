"""Lists in, one list out; a list in, a part of it out: by columns, without a look at single documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeVar, cast

import numpy as np

from headrace.documents.build import column_in, column_of
from headrace.documents.codec.pack import pack
from headrace.documents.doclist import DocList
from headrace.documents.fields import fields_of
from headrace.documents.table import (
    ArraysColumn,
    BytesColumn,
    Column,
    DocColumn,
    ListColumn,
    StackColumn,
    Table,
    ValueColumn,
)

D = TypeVar('D', bound=DocList[Any])


def joined(lists: Sequence[D]) -> D:
    """Lists of one class one after the other; those that are all columns stay columns.

    Arrays of one shape become one array, a copy; all else is shared with the lists that were given.
    """
    if len(lists) == 1:
        return lists[0]
    if all(each._rows is None for each in lists):
        return type(lists[0]).from_table(_joined_table([each.table() for each in lists]))
    return type(lists[0]).from_rows(list(chain.from_iterable(each.rows for each in lists)))


def picked(docs: D, places: Sequence[int]) -> D:
    """The documents at these places; of columns that were not looked at, a part of each if they lie together.

    >>> from headrace import DocumentArray
    >>> docs = DocumentArray.from_bytes(DocumentArray.empty(5).to_bytes())
    >>> picked(docs, range(1, 3)).id == docs.id[1:3]
    True
    """
    if len(places) == len(docs) and _is_run(places):
        return docs
    if not _is_run(places):
        rows = docs.rows
        return docs.from_rows([rows[place] for place in places])
    start, stop = (places[0], places[-1] + 1) if places else (0, 0)
    return docs[start:stop] if docs._rows is not None else docs.from_table(_part(docs.table(), start, stop))


def as_columns(docs: D) -> D:
    """The same documents as columns all through, so that joining them looks at none of them again."""
    table = docs.table()
    if any(isinstance(column, ListColumn | DocColumn) for column in table.columns.values()):
        return docs.from_bytes(bytearray().join(pack(table)))  # nested ones are columns when they are encoded
    return docs.from_table(table)


def ids_of(docs: DocList[Any]) -> list[str]:
    """The ids of all documents, without making rows of columns; not to be changed."""
    if docs._rows is not None:
        return [row.id for row in docs._rows]
    table = docs.table()
    return cast('list[str]', cast(ValueColumn, column_in(table, fields_of(docs.doc_type)['id'])).peek())


def _is_run(places: Sequence[int]) -> bool:
    if isinstance(places, range):
        return places.step == 1
    return list(places) == list(range(places[0], places[0] + len(places))) if places else True


def _joined_table(tables: Sequence[Table]) -> Table:
    doc_type = tables[0].doc_type
    fields = fields_of(doc_type)
    columns: dict[str, Column] = {}
    for name in dict.fromkeys(chain.from_iterable(table.columns for table in tables)):
        parts = [column_in(table, fields[name]) for table in tables]
        kinds = set(map(type, parts))
        join = _JOINS[type(parts[0])] if len(kinds) == 1 else None
        whole = join(parts) if join else None
        if whole is None and kinds <= {StackColumn, ArraysColumn}:
            whole = ArraysColumn(_all_rows(parts))  # each of them fits
        columns[name] = whole or column_of(fields[name], _all_rows(parts))
    return Table(doc_type, sum(table.length for table in tables), columns)


def _all_rows(columns: Iterable[Column]) -> list[Any]:
    return list(chain.from_iterable(column.rows() for column in columns))


def _values(columns: Sequence[ValueColumn]) -> Column:
    return ValueColumn(list(chain.from_iterable(column.peek() for column in columns)))


def _stacks(columns: Sequence[StackColumn]) -> Column | None:
    stacks = [column.stack for column in columns]
    alike = {(type(stack), getattr(stack, 'dtype', None), stack.shape[1:]) for stack in stacks}
    if len(alike) > 1 or type(stacks[0]) is not np.ndarray:
        return None
    return StackColumn(np.concatenate(stacks).astype(stacks[0].dtype, copy=False))


def _lists(columns: Sequence[ListColumn]) -> Column | None:
    if any(column.touched for column in columns):
        return None
    lengths = list(chain.from_iterable(column.lengths for column in columns))
    return ListColumn(columns[0].list_type, lengths, _joined_table([column.child for column in columns]))


def _docs(columns: Sequence[DocColumn]) -> Column | None:
    if any(column.touched for column in columns):
        return None
    present = list(chain.from_iterable(column.present for column in columns))
    return DocColumn(present, _joined_table([column.child for column in columns]))


_JOINS: dict[type[Any], Callable[[Any], Column | None]] = {
    ValueColumn: _values,
    StackColumn: _stacks,
    ArraysColumn: lambda columns: ArraysColumn(_all_rows(columns)),
    BytesColumn: lambda columns: BytesColumn(_all_rows(columns)),
    ListColumn: _lists,
    DocColumn: _docs,
}


def _part(table: Table, start: int, stop: int) -> Table:
    """The documents from `start` to `stop`; arrays are views."""
    columns = {name: _column_part(column, start, stop) for name, column in table.columns.items()}
    return Table(table.doc_type, stop - start, columns)


def _column_part(column: Column, start: int, stop: int) -> Column:
    match column:
        case ValueColumn():
            return ValueColumn(column.peek()[start:stop])
        case StackColumn():
            return StackColumn(column.stack[start:stop])
        case ArraysColumn():
            return ArraysColumn(column.arrays[start:stop])
        case BytesColumn():
            return BytesColumn(column.rows()[start:stop])
        case ListColumn():
            return _list_part(column, start, stop)
        case DocColumn():
            return _doc_part(column, start, stop)


def _list_part(column: ListColumn, start: int, stop: int) -> Column:
    if column.touched:
        empty = Table(column.list_type.doc_type, 0, {})
        return ListColumn(column.list_type, [], empty, column.rows()[start:stop])
    lengths = list(column.lengths[start:stop])
    first = sum(length for length in column.lengths[:start] if length > 0)
    child = _part(column.child, first, first + sum(length for length in lengths if length > 0))
    return ListColumn(column.list_type, lengths, child)


def _doc_part(column: DocColumn, start: int, stop: int) -> Column:
    if column.touched:
        return DocColumn([], Table(column.child.doc_type, 0, {}), column.rows()[start:stop])
    present = list(column.present[start:stop])
    first = sum(column.present[:start])
    return DocColumn(present, _part(column.child, first, first + sum(present)))

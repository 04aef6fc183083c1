"""Batches in; out, the same without the values that must not be kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import msgspec
import numpy as np
from msgspec.structs import replace

from headrace.documents.arrays import as_array
from headrace.documents.codec import columns
from headrace.documents.codec.hooks import from_msgpack, to_msgpack
from headrace.documents.codec.pack import pack
from headrace.documents.fields import Field, fields_of
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
from headrace.recording.records import Case, Fault, Side

REDACTED = '[redacted]'
NOTHINGS = ('', 0, '0', '1970-01-01T00:00:00Z', '1970-01-01', '00:00:00', 'PT0S', str(UUID(int=0)))
"""What else may fit a field: a number, a time, an id."""

_encoder = msgspec.msgpack.Encoder(enc_hook=to_msgpack)
_decoder = msgspec.msgpack.Decoder(ext_hook=from_msgpack)
Path = tuple[str, ...]


class Redaction:
    """Takes away the values of fields, of keys of dicts and of parameters.

    A name counts at any depth, however it is written (`Password`, `encoder__password`); one with dots is a
    path from the document, or from the parameters (`tags.card.number`). A value stays of its kind, so that
    what is read again still fits its field: text becomes '[redacted]', a number 0, an array zeros. Without
    `blobs` the bytes in documents go, too.

    >>> Redaction(['token']).plain({'token': 'secret', 'top_k': 3})
    {'token': '[redacted]', 'top_k': 3}
    """

    def __init__(self, names: Sequence[str] = (), *, blobs: bool = True) -> None:
        self._redact = tuple(names)
        self._names = {name.lower() for name in names if '.' not in name}
        self._paths = {tuple(name.lower().split('.')) for name in names if '.' in name}
        self._blobs = blobs

    @property
    def is_idle(self) -> bool:
        """Whether everything stays."""
        return self._blobs and not self._names and not self._paths

    def case(self, case: Case) -> Case:
        """A request as it may be kept. What errors said goes as a whole: they repeat what was wrong."""
        if self.is_idle:
            return case
        visits = [
            replace(
                visit,
                asked=self.side(visit.asked),
                answers=list(map(self.side, visit.answers)),
                error=self._fault(visit.error),
            )
            for visit in case.visits
        ]
        return replace(
            case,
            asked=self.side(case.asked),
            answers=list(map(self.side, case.answers)),
            error=self._fault(case.error),
            visits=visits,
            redact=self._redact,
            blobs=self._blobs,
        )

    def side(self, side: Side) -> Side:
        """A batch as it may be kept."""
        return replace(
            side,
            sources=[(name, self._docs(data)) for name, data in side.sources],
            parameters=_encoder.encode(self.plain(_decoder.decode(side.parameters))),
        )

    def plain(self, value: Any, path: Path = ()) -> Any:
        """Plain data as it may be kept."""
        if isinstance(value, dict):
            return {
                key: blank(item) if self._hits(inner := (*path, str(key))) else self.plain(item, inner)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.plain(item, path) for item in value]
        return value

    def _fault(self, error: Fault | None) -> Fault | None:
        if error is None or not (self._names or self._paths):
            return error
        return Fault(error.name)

    def _hits(self, path: Path) -> bool:
        lowered = tuple(name.lower() for name in path)
        last = lowered[-1]
        return last in self._names or last.rpartition('__')[2] in self._names or lowered in self._paths

    def _docs(self, data: bytes) -> bytes:
        return b''.join(pack(self._table(columns.decode(data).table(), ())))

    def _table(self, table: Table, path: Path) -> Table:
        known = fields_of(table.doc_type)
        return Table(
            table.doc_type,
            table.length,
            {
                name: self._column(column, known[name], (*path, name))
                for name, column in table.columns.items()
            },
        )

    def _column(self, column: Column, field: Field, path: Path) -> Column:
        if self._hits(path):
            return _blank_column(column, field)
        match column:
            case ValueColumn():
                return ValueColumn([self.plain(value, path) for value in column.peek()])
            case BytesColumn() if not self._blobs:
                return _blank_column(column, field)
            case ListColumn():
                return ListColumn(column.list_type, column.lengths, self._table(column.child, path))
            case DocColumn():
                return DocColumn(column.present, self._table(column.child, path))
        return column


def blank(value: Any) -> Any:
    """A value of the same kind that says nothing.

    >>> blank({'number': '4111'}), blank(7)
    ({}, 0)
    """
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        return np.zeros_like(value)
    if isinstance(value, bool | int | float | bytes | list | tuple | dict | set | frozenset):
        return type(value)()
    return REDACTED


def _blank_column(column: Column, field: Field) -> Column:
    match column:
        case StackColumn():
            return StackColumn(np.zeros_like(as_array(column.stack)))
        case ArraysColumn():
            return ArraysColumn(
                [None if each is None else np.zeros_like(as_array(each)) for each in column.arrays]
            )
        case BytesColumn():
            return BytesColumn([None if each is None else b'' for each in column.rows()])
        case ListColumn():
            empty = Table(column.child.doc_type, 0, {})
            return ListColumn(column.list_type, [min(length, 0) for length in column.lengths], empty)
        case DocColumn():
            return DocColumn(column.present, _blank_table(column.child))
        case ValueColumn():
            return ValueColumn([_fitting(value, field) for value in column.peek()])


def _blank_table(table: Table) -> Table:
    """Documents of which only the ids are left."""
    known = fields_of(table.doc_type)
    blanked = {
        name: column if name == 'id' else _blank_column(column, known[name])
        for name, column in table.columns.items()
    }
    return Table(table.doc_type, table.length, blanked)


def _fitting(value: Any, field: Field) -> Any:
    """A blank value that a reader of the field accepts; if none is known, the one that says most clearly."""
    default = None if field.default is msgspec.NODEFAULT else field.default
    choices = get_args(field.type)[:1] if get_origin(field.type) is Literal else ()
    for candidate in (blank(value), None, default, *choices, *NOTHINGS):
        try:
            return msgspec.convert(candidate, field.annotation)
        except (msgspec.ValidationError, TypeError):
            continue
    return REDACTED

"""A table to the buffers of a batch; large buffers go as they lie, without a copy."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from headrace.documents.arrays import as_array, wire_dtype
from headrace.documents.build import table_of
from headrace.documents.codec import header, hooks
from headrace.documents.schema import schema_bytes
from headrace.documents.table import (
    ArraysColumn,
    Buffer,
    BytesColumn,
    Column,
    DocColumn,
    ListColumn,
    StackColumn,
    Table,
    ValueColumn,
)
from headrace.errors import DocumentError

MAX_DEPTH = 64
"""How deep documents may lie in documents."""

_SMALL = 16 * 1024  # below this, a copy is cheaper than one more segment
_encoder = msgspec.msgpack.Encoder(enc_hook=hooks.to_msgpack)
_ZEROS = bytes(header.ALIGNMENT)


def pack(table: Table) -> list[Buffer]:
    """A table as segments to be written one after the other; the first one has the header."""
    writer = _Writer()
    written = _encoder.encode(writer.table(table, 0, schema_bytes(table.doc_type)))
    if len(written) > 0xFFFF_FFFF:
        raise DocumentError('the plain values of these documents take over 4 GB', help='send fewer at a time')
    start = header.PREFIX.pack(header.MAGIC, len(written)) + written
    return [start + _ZEROS[: -len(start) % header.ALIGNMENT], *writer.segments]


def _first_wrong(column: Column) -> str:
    """Which document has the plain value that cannot be encoded, as the end of a sentence."""
    for index, value in enumerate(column.peek() if isinstance(column, ValueColumn) else ()):
        try:
            _encoder.encode(value)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return f' of docs[{index}]'
    return ''


class _Writer:
    """Turns columns into header records, and collects their buffers on the way."""

    def __init__(self) -> None:
        self.segments: list[Buffer] = []

    def table(self, table: Table, depth: int, schema: bytes = b'') -> header.Header:
        if depth > MAX_DEPTH:
            raise DocumentError(
                f'documents lie in documents more than {MAX_DEPTH} deep', help='does one contain itself?'
            )
        columns = {name: self.column(name, column, depth) for name, column in table.columns.items()}
        return header.Header(table.length, columns, schema)

    def column(self, name: str, column: Column, depth: int) -> header.Spec:
        try:
            match column:
                case StackColumn():
                    return self.stack(column)
                case ValueColumn():
                    return self.values(column)
                case BytesColumn():
                    return self.blobs(column)
                case ArraysColumn():
                    return self.arrays(column)
                case ListColumn():
                    return self.lists(column, depth)
                case DocColumn():
                    return self.docs(column, depth)
        except DocumentError as error:
            if ' - at field ' not in error.message:
                error.message = f'{error.message} - at field {name!r}'
            raise
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            owner = _first_wrong(column) if depth == 0 else ''
            raise DocumentError(f'{error} - at field {name!r}{owner}') from error

    def values(self, column: ValueColumn) -> header.Values:
        raw = column.raw
        if raw is None:
            raw = _encoder.encode(column.peek())
        return header.Values(msgspec.Raw(raw))

    def stack(self, column: StackColumn) -> header.Stack:
        array = as_array(column.stack)
        dtype = wire_dtype(array.dtype)
        self.add([hooks.contiguous_bytes(array)])
        return header.Stack(dtype, array.shape[1:])

    def arrays(self, column: ArraysColumn) -> header.Spec:
        found = [None if value is None else as_array(value) for value in column.arrays]
        there = [array for array in found if array is not None]
        dtypes = tuple(wire_dtype(array.dtype) for array in there)
        if len(set(dtypes)) < 2 and len({array.shape for array in there}) == 1:
            self.add([hooks.contiguous_bytes(array) for array in there])
            return header.Stack(dtypes[0], there[0].shape, bits([array is not None for array in found]))
        pieces: list[Buffer] = []
        for array in there:
            pieces.append(hooks.contiguous_bytes(array))
            pieces.append(_ZEROS[: -array.nbytes % 16])
        self.add(pieces)
        shapes = [None if array is None else array.shape for array in found]
        return header.Arrays(dtypes[:1] if len(set(dtypes)) == 1 else dtypes, shapes)

    def blobs(self, column: BytesColumn) -> header.Blobs:
        if column.data is not None:
            self.add([column.data])
            return header.Blobs(list(column.lengths))
        blobs = column.rows()
        self.add([blob for blob in blobs if blob is not None])
        return header.Blobs([-1 if blob is None else len(blob) for blob in blobs])

    def lists(self, column: ListColumn, depth: int) -> header.Lists:
        if not column.touched:
            return header.Lists(list(column.lengths), self.table(column.child, depth + 1))
        lists = column.rows()
        docs = [doc for found in lists if found is not None for doc in found]
        child = table_of(column.list_type.doc_type, docs, nested=True)
        return header.Lists(
            [-1 if found is None else len(found) for found in lists], self.table(child, depth + 1)
        )

    def docs(self, column: DocColumn, depth: int) -> header.Docs:
        if not column.touched:
            return header.Docs(bits(column.present), self.table(column.child, depth + 1))
        docs = column.rows()
        child = table_of(column.child.doc_type, [doc for doc in docs if doc is not None], nested=True)
        return header.Docs(bits([doc is not None for doc in docs]), self.table(child, depth + 1))

    def add(self, pieces: Sequence[Buffer]) -> None:
        """One buffer, given in pieces."""
        total = 0
        small: list[Buffer] = []
        for piece in pieces:
            size = len(piece)
            total += size
            if size >= _SMALL:
                self._flush(small)
                self.segments.append(piece)
            elif size:
                small.append(piece)
        small.append(_ZEROS[: -total % header.ALIGNMENT])
        self._flush(small)

    def _flush(self, small: list[Buffer]) -> None:
        joined = b''.join(small)
        if joined:
            self.segments.append(joined)
        small.clear()


def bits(flags: Sequence[bool]) -> bytes | None:
    """Booleans as bits, None if all are true."""
    if all(flags):
        return None
    packed: bytes = np.packbits(np.asarray(flags, dtype=bool)).tobytes()
    return packed

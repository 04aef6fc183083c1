"""The buffers of a batch to a table whose arrays are views of them; hostile bytes to one `CodecError`.

Nothing is allocated because a header says so: every document is backed by at least the byte of its id, every
array and blob by its bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from headrace.documents.arrays import Array, dtype_of
from headrace.documents.base import BaseDoc
from headrace.documents.build import column_of, fitted, stack_column
from headrace.documents.codec import header, hooks
from headrace.documents.codec.plain import values_decoder
from headrace.documents.codec.text import located
from headrace.documents.fields import Field, Kind, fields_of, missing, required_of
from headrace.documents.table import (
    ArraysColumn,
    Buffer,
    BytesColumn,
    Column,
    DocColumn,
    ListColumn,
    Table,
    ValueColumn,
)
from headrace.errors import CodecError, DocumentError


class Limits(msgspec.Struct, frozen=True):
    """What a decoder accepts: documents in all (nested ones too), and how deep they nest."""

    max_docs: int = 50_000_000
    max_depth: int = 64


DEFAULT_LIMITS = Limits()
_header_decoder = msgspec.msgpack.Decoder(header.Header)


def read_header(data: Buffer) -> tuple[header.Header, memoryview]:
    """The header of a batch and the buffers behind it; CodecError if these are not the bytes of one."""
    view = memoryview(data)
    if view.format != 'B' or view.ndim != 1:
        view = view.cast('B')
    if len(view) < header.PREFIX.size:
        raise CodecError(f'a batch has at least {header.PREFIX.size} bytes, got {len(view)}')
    magic, size = header.PREFIX.unpack_from(view)
    if magic[:3] != header.MAGIC[:3]:
        raise CodecError(
            'these bytes are no batch of documents', help='was this written by `columns.encode`?'
        )
    if magic != header.MAGIC:
        raise CodecError(f'a batch of format version {magic[3]}, this side knows {header.MAGIC[3]}')
    end = header.PREFIX.size + size
    if end > len(view):
        raise CodecError(f'the batch is cut off: its header has {size} bytes, {len(view)} are there')
    try:
        read = _header_decoder.decode(view[header.PREFIX.size : end])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CodecError(f'the header of the batch is damaged: {error}') from error
    return read, view[end + -end % header.ALIGNMENT :]


def unpack(read: header.Header, body: memoryview, doc_type: type[BaseDoc], limits: Limits) -> Table:
    """A header and its buffers as a table of documents of the type."""
    reader = _Reader(body, limits)
    try:
        table = reader.table(read, doc_type, 0)
    except (RecursionError, OverflowError, MemoryError) as error:
        raise CodecError(f'the batch is damaged: {error}') from error
    if reader.position < len(body):
        raise CodecError(f'{len(body) - reader.position} bytes too many behind the batch')
    return table


class _Reader:
    """Walks through the columns and hands to each one its buffer."""

    def __init__(self, body: memoryview, limits: Limits) -> None:
        self.body = body
        self.position = 0
        self.limits = limits
        self.docs_left = limits.max_docs

    def take(self, size: int) -> memoryview:
        start = self.position
        end = start + size
        if end > len(self.body):
            raise CodecError(f'the batch is cut off: {end - len(self.body)} bytes are missing')
        self.position = min(end + -end % header.ALIGNMENT, len(self.body))
        return self.body[start:end]

    def table(self, read: header.Header, doc_type: type[BaseDoc] | None, depth: int) -> Table:
        if depth > self.limits.max_depth:
            raise CodecError(f'documents nest deeper than {self.limits.max_depth}')
        self.docs_left -= read.length
        if read.length < 0 or self.docs_left < 0:
            raise CodecError(
                f'over {self.limits.max_docs} documents in one batch', help='send fewer at a time'
            )
        if read.length and not isinstance(read.columns.get('id'), header.Values):
            raise CodecError('the documents of the batch have no ids')
        known = fields_of(doc_type) if doc_type else {}
        columns: dict[str, Column] = {}
        for name, spec in read.columns.items():
            try:
                column = self.column(spec, known.get(name), read.length, depth)
            except ValueError as error:
                raise _at(error, name) from error
            if column is not None:
                columns[name] = column
        for field in required_of(doc_type) if doc_type and read.length else ():
            if field.name not in columns:
                raise missing(field)
        return Table(doc_type or BaseDoc, read.length, columns)

    def column(self, spec: header.Spec, field: Field | None, length: int, depth: int) -> Column | None:
        match spec:
            case header.Values():
                return _values(spec, field, length)
            case header.Stack():
                return self.stack(spec, field, length)
            case header.Blobs():
                return self.blobs(spec, field, length)
            case header.Arrays():
                return self.arrays(spec, field, length)
            case header.Lists():
                return self.lists(spec, field, length, depth)
            case header.Docs():
                return self.docs(spec, field, length, depth)

    def stack(self, spec: header.Stack, field: Field | None, length: int) -> Column | None:
        flags = None if spec.present is None else _flags(spec.present, length)
        count = length if flags is None else sum(flags)
        shape = (count, *spec.shape)
        array = _view(self.take(_nbytes(spec.dtype, shape)), spec.dtype, shape)
        if field is None:
            return None
        if field.kind is not Kind.ARRAY:
            return _converted(field, _spread(array.tolist(), flags))
        stack = stack_column(field, array)
        return stack if flags is None else ArraysColumn(_spread(stack.rows(), flags))

    def arrays(self, spec: header.Arrays, field: Field | None, length: int) -> Column | None:
        _check_length(len(spec.shapes), length)
        shapes = [shape for shape in spec.shapes if shape is not None]
        dtypes = spec.dtypes * len(shapes) if len(spec.dtypes) == 1 else spec.dtypes
        _check_length(len(dtypes), len(shapes))
        sizes = [_nbytes(dtype, shape) for dtype, shape in zip(dtypes, shapes, strict=True)]
        body = self.take(sum(size + -size % 16 for size in sizes))
        found, start = [], 0
        for dtype, shape, size in zip(dtypes, shapes, sizes, strict=True):
            found.append(_view(body[start : start + size], dtype, shape))
            start += size + -size % 16
        if field is None:
            return None
        arrays = _spread(found, [shape is not None for shape in spec.shapes])
        if field.kind is not Kind.ARRAY:
            return _converted(field, [None if array is None else array.tolist() for array in arrays])
        return ArraysColumn([None if array is None else fitted(array, field) for array in arrays])

    def blobs(self, spec: header.Blobs, field: Field | None, length: int) -> Column | None:
        _check_length(len(spec.lengths), length)
        _check_lengths(spec.lengths)
        data = self.take(sum(size for size in spec.lengths if size > 0))
        if field is None:
            return None
        column = BytesColumn(None, data=data, lengths=spec.lengths)
        if field.kind is Kind.BYTES and (field.optional or -1 not in spec.lengths):
            return column
        return _converted(field, column.rows())

    def lists(self, spec: header.Lists, field: Field | None, length: int, depth: int) -> Column | None:
        _check_length(len(spec.lengths), length)
        _check_lengths(spec.lengths)
        _check_length(spec.child.length, sum(size for size in spec.lengths if size > 0))
        if field is None or field.kind is not Kind.LIST:
            self.table(spec.child, None, depth + 1)
            _refuse(field, 'a list of documents')
            return None
        if -1 in spec.lengths and not field.optional:
            raise ValueError('Expected `list`, got `null`')
        child = self.table(spec.child, field.type.doc_type, depth + 1)
        return ListColumn(field.type, spec.lengths, child)

    def docs(self, spec: header.Docs, field: Field | None, length: int, depth: int) -> Column | None:
        flags = [True] * length if spec.present is None else _flags(spec.present, length)
        _check_length(spec.child.length, sum(flags))
        if field is None or field.kind is not Kind.DOC:
            self.table(spec.child, None, depth + 1)
            _refuse(field, 'a document')
            return None
        if not field.optional and not all(flags):
            raise ValueError(f'Expected `{field.type.__name__}`, got `null`')
        return DocColumn(flags, self.table(spec.child, field.type, depth + 1))


def _nbytes(dtype: str, shape: tuple[int, ...]) -> int:
    if min(shape, default=0) < 0:
        raise CodecError(f'an array of negative size {shape}')
    return math.prod(shape) * dtype_of(dtype).itemsize


def _view(body: memoryview, dtype: str, shape: tuple[int, ...]) -> Array:
    try:
        return np.ndarray(shape, dtype_of(dtype), body)
    except (ValueError, TypeError) as error:
        raise CodecError(f'no array has dtype {dtype} and shape {shape}: {error}') from error


def _values(spec: header.Values, field: Field | None, length: int) -> Column | None:
    raw = memoryview(spec.values)
    if field is None:
        return None
    annotation = field.annotation if field.kind is Kind.VALUE else Any
    try:
        values = values_decoder(annotation).decode(raw)
    except msgspec.ValidationError as error:
        raise ValueError(located(str(error))) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise CodecError(f'the values of field {field.name!r} are damaged: {error}') from error
    _check_length(len(values), length)
    return ValueColumn(values, raw) if field.kind is Kind.VALUE else _converted(field, values)


def _converted(field: Field, values: list[Any]) -> Column:
    """Values that came as another kind of column than the field has."""
    try:
        converted = msgspec.convert(values, list[field.annotation], dec_hook=hooks.convert)  # type: ignore[name-defined]
    except msgspec.ValidationError as error:
        raise ValueError(located(str(error))) from error
    return column_of(field, converted)


def _refuse(field: Field | None, got: str) -> None:
    if field is not None:
        raise ValueError(f'Expected `{getattr(field.type, "__name__", field.type)}`, got {got}')


def _at(error: ValueError, name: str) -> DocumentError:
    message = error.message if isinstance(error, DocumentError) else str(error)
    if ' - at field ' not in message:
        message = f'{message} - at field {name[:100]!r}'
    return CodecError(message) if isinstance(error, CodecError) else DocumentError(message)


def _check_length(got: int, expected: int) -> None:
    if got != expected:
        raise CodecError(f'the batch is damaged: a column of {got} where {expected} are announced')


def _check_lengths(lengths: Sequence[int]) -> None:
    if min(lengths, default=0) < -1:
        raise CodecError('the batch is damaged: a negative length')


def _flags(present: bytes, length: int) -> list[bool]:
    _check_length(len(present), (length + 7) // 8)
    flags: list[bool] = np.unpackbits(np.frombuffer(present, np.uint8), count=length).astype(bool).tolist()
    return flags


def _spread(values: Sequence[Any], flags: Sequence[bool] | None) -> list[Any]:
    if flags is None:
        return list(values)
    found = iter(values)
    return [next(found) if flag else None for flag in flags]

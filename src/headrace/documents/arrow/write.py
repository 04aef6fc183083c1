"""Documents in, an Arrow table out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from headrace.documents.arrays import Array, as_array, wire_dtype
from headrace.documents.arrow import storage
from headrace.documents.build import default_column, table_of
from headrace.documents.codec import hooks
from headrace.documents.codec.text import decoder
from headrace.documents.fields import Field, Kind, fields_of
from headrace.documents.schema import is_document, schema_of
from headrace.documents.table import (
    BytesColumn,
    Column,
    DocColumn,
    ListColumn,
    StackColumn,
    Table,
    ValueColumn,
)
from headrace.errors import DocumentError
from headrace.extras import load

if TYPE_CHECKING:
    from headrace.documents.doclist import DocList

MAX_DEPTH = 64
_LARGE = 2**31 - 1
_json = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder(enc_hook=hooks.to_msgpack)
Part = tuple[Any, dict[bytes, bytes]]


def to_table(docs: DocList[Any]) -> Any:
    """Turn documents into a `pyarrow.Table`, one row per document.

    Fields become columns by name; a `Document` has columns only for fields that some document has a value
    for. Equal-shaped arrays are `arrow.fixed_shape_tensor` columns (null where missing), lists of documents
    lists of structs. The table's metadata has the schema, so that `from_table` gives equal documents.

    >>> to_table(DocList([Document('a')])).column_names  # doctest: +SKIP
    ['id', 'text']
    """
    pa = load('pyarrow', extra='arrow')
    fields, arrays = _columns(pa, docs.table(), 0)
    note = {storage.SCHEMA: msgspec.json.encode(schema_of(docs.doc_type))}
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=note))


def _columns(pa: Any, table: Table, depth: int) -> tuple[list[Any], list[Any]]:
    if depth > MAX_DEPTH:
        raise DocumentError(f'documents nest more than {MAX_DEPTH} deep', help='does one contain itself?')
    fields, arrays = [], []
    for field in sorted(fields_of(table.doc_type).values(), key=lambda field: field.name != 'id'):
        column = table.columns.get(field.name) or _unset(table, field)
        if column is None:
            continue
        try:
            array, note = _column(pa, column, field, table.length, depth)
        except (pa.ArrowException, UnicodeError, TypeError, OverflowError) as error:
            raise DocumentError(f'{error} - at field {field.name!r}') from error
        arrays.append(array)
        fields.append(pa.field(field.name, array.type, metadata=note or None))
    return fields, arrays


def _unset(table: Table, field: Field) -> Column | None:
    """A column that nobody has set: shown in typed documents, left out of the many fields of `Document`."""
    if is_document(table.doc_type) or field.kind in (Kind.LIST, Kind.DOC):
        return None
    if table.length:
        return default_column(field, table.length)
    return ValueColumn([]) if field.kind is Kind.VALUE else None


def _column(pa: Any, column: Column, field: Field, length: int, depth: int) -> Part:
    match column:
        case ValueColumn():
            return _values(pa, column.peek(), field)
        case StackColumn():
            return _stack(pa, as_array(column.stack))
        case BytesColumn():
            blobs = [blob if blob is None or type(blob) is bytes else bytes(blob) for blob in column.rows()]
            return pa.array(blobs, _sized(pa.binary(), pa.large_binary(), blobs)), {}
        case ListColumn():
            return _lists(pa, column, depth)
        case DocColumn():
            return _docs(pa, column, depth)
        case _:
            return _arrays(pa, column.rows())


def _values(pa: Any, values: list[Any], field: Field) -> Part:
    plain = _plain_type(pa, field.type, values)
    if plain is not None:
        return pa.array(values, plain), {}
    texts = _as_json(values, field)
    if texts is not None:
        return pa.array(texts, _sized(pa.string(), pa.large_string(), texts)), {storage.KIND: storage.JSON}
    packed = [_msgpack.encode(value) for value in values]
    return pa.array(packed, _sized(pa.binary(), pa.large_binary(), packed)), {storage.KIND: storage.MSGPACK}


def _plain_type(pa: Any, annotation: Any, values: list[Any]) -> Any:
    """The Arrow type of a plain column; None if there is none, or a value does not have its field's type."""
    plain = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    item = (
        getattr(annotation, '__args__', (None,))[0]
        if getattr(annotation, '__origin__', None) is list
        else None
    )
    checked: Sequence[Any] = values
    if item in plain:
        if not all(value is None or type(value) is list for value in values):
            return None
        checked = list(chain.from_iterable(value for value in values if value is not None))
        if None in checked:
            return None
    wanted = item if item in plain else annotation
    if wanted not in plain or not _all_are(wanted, checked):
        return None
    found = _sized(plain[str], pa.large_string(), checked) if wanted is str else plain[wanted]
    return found if item not in plain else pa.list_(found)


def _all_are(wanted: type, values: Sequence[Any]) -> bool:
    """True if a column of this type holds the values as they are."""
    found = {type(value) for value in values} - {type(None), wanted}
    if wanted is int:
        return not found and all(value is None or -(2**63) <= value < 2**63 for value in values)
    if wanted is float and found == {int}:
        return all(type(value) is not int or abs(value) <= 2**53 for value in values)
    return not found


def _as_json(values: list[Any], field: Field) -> list[str | None] | None:
    """Values as JSON if they are the same again when they are read; None if some are not."""
    read = decoder(field.annotation).decode
    texts: list[str | None] = []
    try:
        for value in values:
            text = _json.encode(value)
            if read(text) != value:
                return None
            texts.append(text.decode())
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return None
    return texts


def _sized(small: Any, large: Any, values: Sequence[Any]) -> Any:
    return large if sum(len(value) for value in values if value is not None) > _LARGE // 4 else small


def _stack(pa: Any, stack: Array, missing: Array | None = None) -> Part:
    plain = storage.stored(stack)
    size = 0 if plain is None else int(np.prod(plain.shape[1:], dtype=np.int64))
    if plain is None or not 0 < size < _LARGE:
        rows = StackColumn(stack).rows()
        return _any_arrays(
            pa, rows if missing is None else [None if m else r for m, r in zip(missing, rows, strict=True)]
        )
    kind = pa.fixed_shape_tensor(pa.from_numpy_dtype(plain.dtype), plain.shape[1:])
    mask = None if missing is None else pa.array(missing)
    held = pa.FixedSizeListArray.from_arrays(pa.array(plain.reshape(-1)), size, mask=mask)
    note = {storage.KIND: storage.TENSORS, storage.DTYPE: storage.name_of(stack)}
    return pa.ExtensionArray.from_storage(kind, held), note


def _arrays(pa: Any, values: list[Any]) -> Part:
    found = [None if value is None else as_array(value) for value in values]
    there = [array for array in found if array is not None]
    if len({(array.shape, array.dtype.str, array.dtype) for array in there}) != 1:
        return _any_arrays(pa, found)
    missing = np.array([array is None for array in found])
    stack = np.zeros((len(found), *there[0].shape), there[0].dtype)
    stack[~missing] = np.stack(there)
    return _stack(pa, stack, missing if missing.any() else None)


def _any_arrays(pa: Any, arrays: Sequence[Array | None]) -> Part:
    """Arrays that differ, or of types that Arrow has not: each with its own element type and shape."""
    there = [array for array in arrays if array is not None]
    parts = [
        pa.array([wire_dtype(array.dtype) for array in there], pa.string()),
        pa.array([list(array.shape) for array in there], pa.list_(pa.int64())),
        pa.array([bytes(hooks.contiguous_bytes(array)) for array in there], pa.large_binary()),
    ]
    struct = pa.StructArray.from_arrays(parts, names=['dtype', 'shape', 'data'])
    return _spread(pa, struct, [array is not None for array in arrays]), {storage.KIND: storage.ANY_ARRAYS}


def _lists(pa: Any, column: ListColumn, depth: int) -> Part:
    if column.touched:
        lists = column.rows()
        lengths = [-1 if docs is None else len(docs) for docs in lists]
        rows = [doc for docs in lists if docs is not None for doc in docs]
        child = table_of(column.list_type.doc_type, rows)
    else:
        lengths, child = list(column.lengths), column.child
    ends = list(accumulate(max(length, 0) for length in lengths))
    starts: list[int | None] = [None if n < 0 else end - n for n, end in zip(lengths, ends, strict=True)]
    offsets = pa.array([*starts, ends[-1] if ends else 0], pa.int32())
    return pa.ListArray.from_arrays(offsets, _struct(pa, child, depth)), {}


def _docs(pa: Any, column: DocColumn, depth: int) -> Part:
    if column.touched:
        docs = column.rows()
        present: Sequence[bool] = [doc is not None for doc in docs]
        child = table_of(column.child.doc_type, [doc for doc in docs if doc is not None])
    else:
        present, child = column.present, column.child
    return _spread(pa, _struct(pa, child, depth), present), {}


def _struct(pa: Any, child: Table, depth: int) -> Any:
    fields, arrays = _columns(pa, child, depth + 1)
    return pa.StructArray.from_arrays(arrays, fields=fields)


def _spread(pa: Any, struct: Any, present: Sequence[bool]) -> Any:
    """Put nulls between the structs where nothing is present."""
    if all(present):
        return struct
    places = accumulate(present)
    return struct.take(
        pa.array(
            [place - 1 if there else None for place, there in zip(places, present, strict=True)], pa.int64()
        )
    )

"""An Arrow table in, documents out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from headrace.documents.arrays import Array
from headrace.documents.arrow import storage
from headrace.documents.build import column_of, stack_column
from headrace.documents.codec import hooks
from headrace.documents.codec.text import decoder, located
from headrace.documents.fields import Field, Kind, fields_of, missing
from headrace.documents.ids import new_ids
from headrace.documents.table import Column, DocColumn, ListColumn, Table, ValueColumn
from headrace.errors import CodecError, DocumentError
from headrace.extras import load

if TYPE_CHECKING:
    from headrace.documents.base import BaseDoc
    from headrace.documents.doclist import DocList

MAX_DEPTH = 64


def from_table(table: Any, list_type: type[DocList[Any]]) -> DocList[Any]:
    """Turn a `pyarrow.Table` into a list of that type.

    Columns are taken by field name. Of a table that Headrace did not write, columns that a `Document` has no
    field for go to `tags`; other document types drop them. Arrays are copied once, per column. Raises
    DocumentError that names the column that does not fit, CodecError for a damaged table.
    """
    pa = load('pyarrow', extra='arrow')
    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    if not isinstance(table, pa.Table):
        raise DocumentError(f'expected a pyarrow.Table, got {type(table).__name__}')
    named = dict(zip(table.column_names, zip(table.schema, table.columns, strict=True), strict=True))
    parts = {name: (field, _whole(pa, column)) for name, (field, column) in named.items()}
    try:
        return list_type.from_table(_table(parts, table.num_rows, list_type.doc_type, 0))
    except pa.ArrowException as error:
        raise CodecError(f'the Arrow table cannot be read: {error}') from error


def _whole(pa: Any, column: Any) -> Any:
    """A chunked column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        combined = combined.chunk(0) if combined.num_chunks else pa.array([], column.type)
    return combined


def _table(parts: dict[str, tuple[Any, Any]], length: int, doc_type: type[BaseDoc], depth: int) -> Table:
    if depth > MAX_DEPTH:
        raise CodecError(f'the Arrow table nests documents more than {MAX_DEPTH} deep')
    known = fields_of(doc_type)
    columns: dict[str, Column] = {}
    for name, (arrow_field, array) in parts.items():
        field = known.get(name)
        if field is None:
            continue
        try:
            columns[name] = _column(field, array, arrow_field.metadata or {}, depth)
        except (msgspec.MsgspecError, ValueError) as error:
            wrong = error if isinstance(error, DocumentError) else ValueError(located(str(error)))
            raise field.wrong(wrong) from error
    if 'id' not in columns:
        columns['id'] = ValueColumn(list(new_ids(length)))
    for field in known.values():
        if field.required and field.name not in columns and length:
            raise missing(field)
    rest = {name: array for name, (_, array) in parts.items() if name not in known}
    if rest and 'tags' in known and 'tags' not in columns:
        rows = zip(*(array.to_pylist() for array in rest.values()), strict=True)
        columns['tags'] = ValueColumn([_tags(rest, row) for row in rows])
    return Table(doc_type, length, columns)


def _tags(names: dict[str, Any], row: Sequence[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(names, row, strict=True) if value is not None}


def _column(field: Field, array: Any, note: dict[bytes, bytes], depth: int) -> Column:
    kind = note.get(storage.KIND)
    if kind in (storage.JSON, storage.MSGPACK):
        return _encoded(field, array, kind)
    if kind == storage.ANY_ARRAYS:
        return _as_field(field, _any_arrays(array))
    if field.kind in (Kind.LIST, Kind.DOC):
        return _nested(field, array, depth)
    values = array.storage if hasattr(array, 'storage') else array
    if str(values.type).startswith('fixed_size_list'):
        return _tensors(field, array, values, note)
    if field.kind is Kind.ARRAY and hasattr(values.type, 'value_type'):
        return column_of(field, _ragged(values))
    return _plain(field, values.to_pylist())


def _plain(field: Field, values: list[Any]) -> Column:
    if field.kind is not Kind.VALUE:
        return column_of(field, values)
    empty = None if field.optional or field.required else field.make_default()
    return _checked(field, [empty if value is None else value for value in values])


def _checked(field: Field, values: list[Any]) -> Column:
    """Values that came from elsewhere as those that the field asks for; text that is a number may be one."""
    wanted: Any = list[field.annotation]  # type: ignore[name-defined]
    return ValueColumn(msgspec.convert(values, wanted, strict=False, dec_hook=hooks.convert))


def _encoded(field: Field, array: Any, kind: bytes) -> Column:
    read = decoder(field.annotation) if kind == storage.JSON else _msgpack_decoder(field.annotation)
    return ValueColumn([read.decode(value) for value in array.to_pylist()])


@lru_cache(maxsize=1024)
def _msgpack_decoder(annotation: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(annotation, dec_hook=hooks.convert, ext_hook=hooks.from_msgpack)


def _tensors(field: Field, array: Any, values: Any, note: dict[bytes, bytes]) -> Column:
    """A column of fixed-size lists as a stack, or as arrays with None where there is null."""
    size = values.type.list_size
    there = values.is_valid().to_pylist()
    shape = getattr(array.type, 'shape', [size])
    stack = _numbers(values.flatten()).reshape(sum(there), *shape)  # without those of nulls
    order = getattr(array.type, 'permutation', None)
    if order:
        stack = stack.transpose(0, *(place + 1 for place in order))
    if storage.DTYPE in note:
        stack = storage.restored(stack, note[storage.DTYPE].decode())
    if all(there) and field.kind is Kind.ARRAY:
        return stack_column(field, stack)
    rows = iter([stack[index, ...] for index in range(len(stack))])
    return _as_field(field, [next(rows) if found else None for found in there])


def _numbers(values: Any) -> Array:
    if str(values.type) == 'bool':
        return np.array(values.to_pylist(), dtype=bool)
    if values.null_count:
        return np.array(values.to_pylist(), dtype=np.float64)
    storage.element_type(values.type)
    return np.array(values.to_numpy(zero_copy_only=False))


def _ragged(values: Any) -> list[Array | None]:
    """Lists of numbers of any length as arrays; nested lists as arrays of more axes."""
    inner = values.type
    while hasattr(inner, 'value_type'):
        inner = inner.value_type
    dtype = storage.element_type(inner)
    return [None if value is None else np.array(value, dtype=dtype) for value in values.to_pylist()]


def _any_arrays(array: Any) -> list[Array | None]:
    found: list[Array | None] = []
    for value in array.to_pylist():
        if value is None:
            found.append(None)
        else:
            data = bytearray(value['data'])
            found.append(hooks.from_bytes(data, value['dtype'], tuple(value['shape'])))
    return found


def _as_field(field: Field, arrays: list[Array | None]) -> Column:
    if field.kind is Kind.ARRAY:
        return column_of(field, arrays)
    return _checked(field, [None if array is None else array.tolist() for array in arrays])


def _nested(field: Field, array: Any, depth: int) -> Column:
    lists = field.kind is Kind.LIST
    struct = _items(array) if lists and hasattr(array.type, 'value_type') else array
    if hasattr(array.type, 'value_type') != lists or not hasattr(struct, 'field'):
        expected = 'a list of structs' if lists else 'a struct'
        raise ValueError(f'Expected {expected}, got {array.type}')
    doc_type = field.type.doc_type if lists else field.type
    if lists:
        lengths = [-1 if n is None else n for n in array.value_lengths().to_pylist()]
        if not field.optional:
            lengths = [max(n, 0) for n in lengths]
        return ListColumn(field.type, lengths, _child(struct, doc_type, depth))
    there = array.is_valid()
    if not field.optional and array.null_count:
        raise ValueError(f'Expected `{doc_type.__name__}`, got null')
    return DocColumn(there.to_pylist(), _child(array.filter(there), doc_type, depth))


def _items(array: Any) -> Any:
    """The items of all lists, one after the other."""
    offsets = getattr(array, 'offsets', None)
    if offsets is None or array.null_count:
        lengths = np.array([n or 0 for n in array.value_lengths().to_pylist()])
        if offsets is None or (np.diff(offsets.to_numpy()) != lengths).any():
            return array.flatten()  # lists that overlap, or items behind nulls
    return array.values[offsets[0].as_py() : offsets[len(array)].as_py()]


def _child(struct: Any, doc_type: type[BaseDoc], depth: int) -> Table:
    kinds = [struct.type.field(index) for index in range(struct.type.num_fields)]
    parts = {kind.name: (kind, struct.field(index)) for index, kind in enumerate(kinds)}
    return _table(parts, len(struct), doc_type, depth + 1)

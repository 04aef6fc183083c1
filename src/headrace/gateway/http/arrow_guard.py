"""What an Arrow IPC stream claims in, nothing out, or an error: before memory is taken for it.

A few bytes of Arrow can stand for any number of values: packed buffers, lists of nothing, views of the same
bytes again and again. What is let through has a size that follows from the bytes that came.
"""

from __future__ import annotations

import struct
from typing import Any

from headrace.errors import CodecError, TooLarge

FILE = b'ARROW1'
CONTINUES = 0xFFFFFFFF
DICTIONARY, BATCH = 2, 3
"""Kinds of messages, as in Message.fbs of Arrow."""
HEADER_TYPE, HEADER, BODY_LENGTH = 1, 2, 3
"""Places of fields of a message; below those of its header."""
BATCH_OF_DICTIONARY, COMPRESSION = 1, 3
VALUES_PER_BYTE = 8
ODD = ('dictionary', 'run_end_encoded', 'list_view', 'large_list_view', 'string_view', 'binary_view')
ODD_HELP = 'write plain columns: no dictionaries, run-end encoding, views or unions'


def check_batches(data: bytes) -> None:
    """Refuse a stream whose buffers are compressed: how much comes out of them, nobody knows before."""
    if data.startswith(FILE):
        raise CodecError('this is an Arrow file', help='write an Arrow stream')
    offset = 0
    try:
        while offset + 4 <= len(data):
            (size,) = struct.unpack_from('<I', data, offset)
            if size == CONTINUES:
                offset += 4
                (size,) = struct.unpack_from('<I', data, offset)
            offset += 4
            if size == 0:
                return
            offset += size + _body_length(data, offset)
    except (struct.error, IndexError):
        raise CodecError('these bytes are no Arrow stream: a message ends too early') from None


def check_values(table: Any, size: int) -> None:
    """Refuse a table of `size` bytes with columns that stand for more values than the bytes can hold."""
    most = size * VALUES_PER_BYTE + table.num_rows
    for field, column in zip(table.schema, table.columns, strict=True):
        for chunk in column.chunks:
            _check(chunk, field.name, most)


def _check(array: Any, name: str, most: int) -> None:
    kind = str(array.type).partition('<')[0].strip()
    if kind in ODD or 'union' in kind:
        raise CodecError(f'the Arrow column {name!r} is of type {array.type}', help=ODD_HELP)
    if hasattr(array, 'storage'):
        _check(array.storage, name, most)
        return
    children = []
    if kind == 'struct':
        children = [array.field(index) for index in range(array.type.num_fields)]
    elif hasattr(array.type, 'value_type') or kind == 'map':
        children = [array.values] if kind != 'map' else [array.keys, array.items]
    for child in children:
        if len(child) > most:
            raise TooLarge(
                f'the Arrow column {name!r} has {len(child)} values, more than its bytes can hold',
                help='send fewer documents at a time',
            )
        _check(child, name, most)


def _body_length(data: bytes, at: int) -> int:
    """The bytes that follow a message; CodecError if they are compressed."""
    (root,) = struct.unpack_from('<I', data, at)
    message = at + root
    header = _place(data, message, HEADER)
    kind = _place(data, message, HEADER_TYPE)
    if header and kind and data[kind] in (DICTIONARY, BATCH):
        batch = header + struct.unpack_from('<I', data, header)[0]
        if data[kind] == DICTIONARY:
            inner = _place(data, batch, BATCH_OF_DICTIONARY)
            batch = inner + struct.unpack_from('<I', data, inner)[0] if inner else 0
        if batch and _place(data, batch, COMPRESSION):
            raise CodecError(
                'the buffers of the Arrow stream are compressed',
                help='write them plain, and compress the body instead (Content-Encoding: gzip or zstd)',
            )
    length = _place(data, message, BODY_LENGTH)
    found: int = struct.unpack_from('<q', data, length)[0] if length else 0
    if found < 0:
        raise CodecError('these bytes are no Arrow stream: a message has a negative length')
    return found


def _place(data: bytes, table: int, field: int) -> int:
    """Where a field of a flatbuffers table is; 0 if it has none."""
    (back,) = struct.unpack_from('<i', data, table)
    vtable = table - back
    if vtable < 0:
        raise CodecError('these bytes are no Arrow stream: a message is damaged')
    (size,) = struct.unpack_from('<H', data, vtable)
    if 4 + 2 * field + 2 > size:
        return 0
    (offset,) = struct.unpack_from('<H', data, vtable + 4 + 2 * field)
    return table + offset if offset else 0

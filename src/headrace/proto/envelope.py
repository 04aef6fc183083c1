"""A protobuf message and the buffers of its `columns` in, one bytes object out; back without a copy.

protobuf would copy large bytes twice on each side. Its wire format allows the fields of a message in any
order, so the columns are written behind the rest by hand, and read as a view of the received bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from headrace.errors import CodecError
from headrace.proto import headrace_pb2 as pb

Buffer = bytes | bytearray | memoryview
M = TypeVar('M', bound=Message)

_TAG = pb.Request.COLUMNS_FIELD_NUMBER << 3 | 2
"""Field number and wire type of `columns`, which Request and Reply have in common: one byte."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def pack(message: Message, columns: Sequence[Buffer] = ()) -> bytes:
    """Serialise `message` with `columns`, the segments of encoded documents, as its field of that name.

    An empty sequence writes no such field. Each buffer is copied once.
    """
    head = message.SerializeToString()
    if not columns:
        return head
    size = sum(part.nbytes if isinstance(part, memoryview) else len(part) for part in columns)
    return b''.join((head, bytes((_TAG,)), _varint(size), *columns))


def unpack(kind: type[M], data: bytes) -> tuple[M, memoryview | None]:
    """Parse `data` as a message of `kind` without its columns, and these as a view of `data` (None: none).

    Raises CodecError for bytes that are no such message.
    """
    view = memoryview(data)
    columns: memoryview | None = None
    others: list[memoryview] = []
    start = position = 0
    try:
        while position < len(data):
            field = position
            if data[field] != _TAG:
                position = _after(data, field)
                continue
            size, begin = _read_varint(data, field + 1)
            position = begin + size
            columns = view[begin:position]
            others.append(view[start:field])
            start = position
        if position > len(data):
            raise IndexError
        if columns is None:
            return kind.FromString(data), None
        return kind.FromString(b''.join((*others, view[start:]))), columns
    except (IndexError, DecodeError):
        raise CodecError(
            f'these {len(data)} bytes are not a {kind.DESCRIPTOR.full_name}',
            help='serialise the message with the classes that protoc makes from headrace.proto',
        ) from None


def _after(data: bytes, position: int) -> int:
    """Where the field that begins at `position` ends."""
    tag, position = _read_varint(data, position)
    wire_type = tag & 7
    if wire_type == _VARINT:
        return _read_varint(data, position)[1]
    if wire_type == _LENGTH:
        size, position = _read_varint(data, position)
        return position + size
    if wire_type == _FIXED64:
        return position + 8
    if wire_type == _FIXED32:
        return position + 4
    raise IndexError  # groups are not used by proto3


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The number at `position`, and the position behind it; IndexError if the data ends too early."""
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
        shift += 7
        if shift > 63:
            raise IndexError

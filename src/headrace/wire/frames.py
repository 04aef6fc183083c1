"""Frames: how batches look between our own processes (specified in docs/protocol.md).

A frame is a header of 16 bytes (little endian), a msgpack value that says what is asked or answered, and the
encoded documents, which begin at the next multiple of 16 so that arrays can be read in place:

    length  u32   of all that follows this header
    kind    u8    one of `Kind`
    flags   u8    0
    version u16   of the protocol
    call    u32   which call this frame belongs to (0: the connection itself)
    meta    u32   length of the msgpack value
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from headrace.errors import ProtocolError

VERSION = 1
HEADER = struct.Struct('<IBBHII')
ALIGNMENT = 16
MAX_FRAME_BYTES = 1 << 31

Buffer = bytes | bytearray | memoryview

_encode = msgspec.msgpack.Encoder(decimal_format='string').encode
_PADDING = bytes(ALIGNMENT)


class Kind(enum.IntEnum):
    """What a frame is for. The numbers are part of the protocol."""

    HELLO = 1
    CALL = 2
    REPLY = 3
    ERROR = 4
    CANCEL = 5
    ITEM = 6
    END = 7
    WINDOW = 8
    PING = 9
    PONG = 10
    DRAIN = 11


class Frame(msgspec.Struct, eq=False):
    """One received frame: its kind, its call, its msgpack value, the documents' bytes; `size` is of all."""

    kind: int
    call: int
    meta: Any
    payload: memoryview
    size: int

    def __repr__(self) -> str:
        return f'<Frame {self.kind} call={self.call} payload={len(self.payload)} B>'


def pack(kind: int, call: int, meta: Any, segments: Sequence[Buffer] = ()) -> list[Buffer]:
    """A frame as buffers to be written one after the other; `segments` are not copied."""
    head = _encode(meta)
    padding = -(HEADER.size + len(head)) % ALIGNMENT if segments else 0
    payload = sum(map(size, segments))
    length = len(head) + padding + payload
    if length > MAX_FRAME_BYTES:
        raise ProtocolError(
            f'a frame of {length} bytes is more than the {MAX_FRAME_BYTES} that one may have',
            help='send fewer documents per request (request_size=)',
        )
    first = HEADER.pack(length, kind, 0, VERSION, call, len(head)) + head + _PADDING[:padding]
    return [first, *filter(size, segments)]  # an empty one keeps the loop of Python 3.12 and later busy


def unpack(data: Buffer) -> Frame:
    """A whole frame, header included, as its parts; the payload is a view of `data`."""
    length, kind, _, version, call, meta_length = HEADER.unpack_from(data)
    if version != VERSION:
        raise ProtocolError(
            f'the peer speaks version {version} of the frame protocol, this side {VERSION}',
            help='run the same version of headrace on both sides',
        )
    start = HEADER.size
    end = start + meta_length
    if len(data) != start + length or end > len(data):
        raise ProtocolError(f'a frame of kind {kind} has lengths that contradict each other')
    view = memoryview(data)
    try:
        meta = msgspec.msgpack.decode(view[start:end])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f'a frame of kind {kind} is damaged: {error}') from None
    return Frame(kind, call, meta, view[end + -end % ALIGNMENT :], len(data))


def size(segment: Buffer) -> int:
    """How many bytes a segment has."""
    return segment.nbytes if isinstance(segment, memoryview) else len(segment)

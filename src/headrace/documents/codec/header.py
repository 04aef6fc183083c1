"""The records of a batch's header: what the raw buffers behind it are.

A batch is `MAGIC`, the header's length (4 bytes, little-endian), the header (msgpack of `Header`), zeros up
to a multiple of `ALIGNMENT`; then the buffers in the order in which the columns, depth first, speak of them,
each followed by zeros up to a multiple of `ALIGNMENT`. The last byte of `MAGIC` is the version of the format.
"""

from __future__ import annotations

import struct

import msgspec

MAGIC = b'HDR\x01'
ALIGNMENT = 64
PREFIX = struct.Struct('<4sI')


class Values(msgspec.Struct, array_like=True, tag='v', frozen=True):
    """Plain values as a msgpack array."""

    values: msgspec.Raw


class Stack(msgspec.Struct, array_like=True, tag='s', frozen=True):
    """Arrays of one shape in one buffer; `present` has one bit per document if some are missing."""

    dtype: str
    shape: tuple[int, ...]
    present: bytes | None = None


class Arrays(msgspec.Struct, array_like=True, tag='a', frozen=True):
    """Arrays of several shapes in one buffer, each at a multiple of 16; a None shape is a missing array.

    `dtypes` has one element type for all, or one for each array that is there.
    """

    dtypes: tuple[str, ...]
    shapes: list[tuple[int, ...] | None]


class Blobs(msgspec.Struct, array_like=True, tag='b', frozen=True):
    """Byte strings, one after the other in one buffer; a length of -1 is None."""

    lengths: list[int]


class Lists(msgspec.Struct, array_like=True, tag='l', frozen=True):
    """Lists of documents: the length of each (-1 is None), and all their documents as one table."""

    lengths: list[int]
    child: Header


class Docs(msgspec.Struct, array_like=True, tag='d', frozen=True):
    """Single documents: one bit for each that is there (None: all), and those as a table."""

    present: bytes | None
    child: Header


class Header(msgspec.Struct, array_like=True, frozen=True):
    """A table: how many documents, the columns by field name, and the schema (empty for `Document`)."""

    length: int
    columns: dict[str, Values | Stack | Arrays | Blobs | Lists | Docs]
    schema: bytes = b''


Spec = Values | Stack | Arrays | Blobs | Lists | Docs

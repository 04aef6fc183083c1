"""Entries to the bytes of a file and back; what is damaged or cut off costs nothing but itself.

A file is `MAGIC`, whose last byte is the version of the format, and then entries: `SYNC`, the length and the
CRC-32 of what follows (4 bytes each, little-endian), and a msgpack map (`Case` or `Preface`, by its `type`).
Several processes may add to one file: each entry is one write at its end.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import msgspec

from headrace.errors import CodecError
from headrace.recording.records import Case, Entry, Preface

MAGIC = b'HREC\r\n\x00\x01'
SYNC = b'\xf5\x00rc'
HEADER = struct.Struct('<4sII')
SUFFIX = '.hrec'

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def packed(entry: Entry) -> bytes:
    """An entry as the bytes that stand for it in a file."""
    body = _encoder.encode(entry)
    return HEADER.pack(SYNC, len(body), crc32(body)) + body


class Recording:
    """The requests of a file, read one after the other; `damaged_bytes` are those that were passed over.

    >>> def endpoints(path):
    ...     return [case.endpoint for case in Recording(path)]

    Raises CodecError if the file is no recording, OSError if it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.damaged_bytes = 0
        with self.path.open('rb') as file:
            start = file.read(len(MAGIC))
        if start[:-1] != MAGIC[:-1]:
            raise CodecError(
                f'{self.path} is no recording', help='record one: headrace record -o traffic.hrec'
            )
        if start != MAGIC:
            raise CodecError(
                f'{self.path} is a recording of format {start[-1]}, this is version {MAGIC[-1]}',
                help='read it with the version of headrace that wrote it',
            )

    def __iter__(self) -> Iterator[Case]:
        return (entry for entry in self.entries() if isinstance(entry, Case))

    def prefaces(self) -> list[Preface]:
        """Who has written to the file."""
        return [entry for entry in self.entries() if isinstance(entry, Preface)]

    def case(self, request_id: str) -> Case:
        """The request of this id, or whose id begins like that; KeyError if there is none."""
        for case in self:
            if case.request_id.startswith(request_id):
                return case
        raise KeyError(f'no request {request_id!r} in {self.path}')

    def entries(self) -> Iterator[Entry]:
        """Everything, in the order in which it was written."""
        self.damaged_bytes = 0
        with self.path.open('rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            position, end = len(MAGIC), len(data)
            while position < end:
                found = _entry(data, position, end)
                if found is not None:
                    entry, position = found
                    yield entry
                    continue
                following = data.find(SYNC, position + 1)
                following = end if following < 0 else following
                self.damaged_bytes += following - position
                position = following

    def __repr__(self) -> str:
        return f'<Recording {self.path}>'


def _entry(data: mmap.mmap, position: int, end: int) -> tuple[Entry, int] | None:
    """The entry at a position and where the next one is; None if there is none, or a damaged one."""
    start = position + HEADER.size
    if start > end:
        return None
    sync, length, check = HEADER.unpack(data[position:start])
    if sync != SYNC or start + length > end:
        return None
    body = data[start : start + length]
    if crc32(body) != check:
        return None
    try:
        return _decoder.decode(body), start + length
    except msgspec.MsgspecError:
        return None

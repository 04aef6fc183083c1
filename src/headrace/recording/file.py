"""Entries to the bytes of a file and back; what is damaged or cut off costs nothing but itself.

A recording is one file, or several: those that are full have numbers (see `files`). A file is `MAGIC`, whose
last byte is the version of the format, and then entries: `SYNC`, the length and the CRC-32 of what follows (4
bytes each, little-endian), and a msgpack map (`Case` or `Preface`, by its `type`).
Several processes may add to one file: each entry is one write at its end.
"""

from __future__ import annotations

import mmap
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from errno import ENOENT
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec

from headrace.errors import CodecError
from headrace.recording.records import Case, Entry, Preface

MAGIC = b'HREC\r\n\x00\x01'
SYNC = b'\xf5\x00rc'
HEADER = struct.Struct('<4sII')
SUFFIX = '.hrec'
TRIES = 100
"""How often files are looked for that may be deleted before they are opened."""

Key = tuple[int, int]
"""Device and number of a file, whatever its name is."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def packed(entry: Entry) -> bytes:
    """An entry as the bytes that stand for it in a file."""
    body = _encoder.encode(entry)
    return HEADER.pack(SYNC, len(body), crc32(body)) + body


class Recording:
    """The requests of a file, read one after the other; `damaged_bytes` are those that were passed over.

    With the file at `path` those are read that have been full, the oldest first.

    >>> def endpoints(path):
    ...     return [case.endpoint for case in Recording(path)]

    Raises CodecError if the file is no recording, OSError if it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.damaged_bytes = 0
        with ExitStack() as opened:
            files = self._files(opened)
            start = files[0].read(len(MAGIC)) if files else b''
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
        with ExitStack() as opened:
            for file in self._files(opened):
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    yield from self._entries(data)

    def _entries(self, data: mmap.mmap) -> Iterator[Entry]:
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

    def _files(self, opened: ExitStack) -> list[BinaryIO]:
        """Its files, the oldest first, with something in them.

        They may get numbers and be deleted in the meantime. The newest is opened first, and is found again if
        it gets a number. Where there is nothing, all may just have been deleted, and newer ones are there.
        """
        for _ in range(TRIES):
            newest: dict[Key, BinaryIO] = {}
            found: dict[Key, BinaryIO] = {}
            with suppress(FileNotFoundError):
                _open(self.path, opened, newest)
            for path in numbered(self.path):
                with suppress(FileNotFoundError):
                    _open(path, opened, found)
            found = {**found, **{key: file for key, file in newest.items() if key not in found}}
            if found:
                break
        if not found and not self.path.exists():
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(self.path))
        return [*found.values()]

    def __repr__(self) -> str:
        return f'<Recording {self.path}>'


def numbered(path: Path) -> list[Path]:
    """The files of a recording that are full, the oldest first."""
    form = re.compile(re.escape(path.name) + r'\.(\d{6,})')
    try:
        found = [(match, each) for each in path.parent.iterdir() if (match := form.fullmatch(each.name))]
    except FileNotFoundError:
        return []
    by_number = sorted((int(match[1]), each) for match, each in found)
    return [each for _, each in by_number if _is_recording(each)]


def _is_recording(path: Path) -> bool:
    """Whether a file is one of ours: others are neither read nor deleted."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(file).st_mode) and os.pread(file, len(MAGIC), 0) == MAGIC
    finally:
        os.close(file)


def _open(path: Path, opened: ExitStack, found: dict[Key, BinaryIO]) -> None:
    """Open a file to be read, if there is anything in it."""
    file = path.open('rb')
    status = os.fstat(file.fileno())
    if not status.st_size:
        file.close()
        return
    found[status.st_dev, status.st_ino] = opened.enter_context(file)


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

"""Entries in; out, files that hold the newest of them (or the oldest), up to so many bytes in all.

What is written goes to the end of `path`. To keep the newest, that file is given a number when it is full
(`traffic.hrec.000001`, the lowest is the oldest) and another one begins; files with numbers are deleted when
all of them together would have too many bytes. Several processes may add to the same files: who writes holds
the lock of the file at `path`, and looks whether it still is the one there. A name changes in one step, so
whoever is killed, at any moment, leaves files that can be read.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headrace.errors import HeadraceError
from headrace.recording.file import MAGIC, numbered

PIECES = 8
"""Files that what is kept is divided into: so little of it goes at a time."""


class Files:
    """The files of a recording, to be added to: `most_bytes` in all, `preface` at the beginning of each.

    They are their owner's alone. `deleted_bytes` are those of files that are gone. Raises HeadraceError if
    `path` cannot be written, or is another kind of file.
    """

    def __init__(self, path: Path, preface: bytes, *, most_bytes: int, keeps_newest: bool = True) -> None:
        self.path = path
        self.deleted_bytes = 0
        self._preface = preface
        self._most_bytes = most_bytes
        self._piece_bytes = most_bytes // PIECES
        self._keeps_newest = keeps_newest
        self._file = _opened(path)
        self._is_new = True

    def add(self, data: bytes) -> int:
        """Write at the end, in one piece; how many bytes that were: 0 if there is no room."""
        while True:
            with self._held() as size:
                whole = (b'' if size else MAGIC) + (self._preface if self._is_new else b'') + data
                if size + len(whole) > self._limit(size):
                    if not self._may_make_room(len(data)):
                        return 0
                    if size:
                        os.rename(self.path, _next(self.path))
                        continue
                if not size and self._keeps_newest:
                    self._trim(max(self._piece_bytes, len(whole)))
                left = memoryview(whole)
                while left:
                    left = left[os.write(self._file, left) :]
                self._is_new = False
                return len(whole)

    def close(self) -> None:
        """Add nothing more."""
        os.close(self._file)

    def _limit(self, size: int) -> int:
        """How large the file at `path` may become, which has `size` bytes."""
        return self._piece_bytes if self._keeps_newest and size else self._most_bytes

    def _may_make_room(self, size: int) -> bool:
        return self._keeps_newest and len(MAGIC) + len(self._preface) + size <= self._most_bytes

    @contextmanager
    def _held(self) -> Iterator[int]:
        """Hold the lock of the file at `path`; how many bytes it has."""
        while True:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if _is_at(self.path, self._file):
                break
            file = _opened(self.path)  # another one by now: this one has a number, or was taken away
            os.close(self._file)
            self._file, self._is_new = file, True
        try:
            yield os.fstat(self._file).st_size
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _trim(self, wanted: int) -> None:
        """Delete the oldest files until there is room for so many bytes."""
        sizes = {}
        for path in numbered(self.path):
            with suppress(FileNotFoundError):
                sizes[path] = path.stat().st_size
        total = sum(sizes.values())
        for path, size in sizes.items():
            if total + wanted <= self._most_bytes:
                return
            with suppress(FileNotFoundError):  # another process was quicker
                path.unlink()
                self.deleted_bytes += size
            total -= size

    def __repr__(self) -> str:
        return f'<Files {self.path}>'


def _next(path: Path) -> Path:
    """The name of the file at `path` when it is full: a number that no other has."""
    taken = [int(each.name.rpartition('.')[2]) for each in numbered(path)]
    number = max(taken, default=0) + 1
    while (found := path.with_name(f'{path.name}.{number:06}')).exists():  # somebody's own
        number += 1
    return found


def _is_at(path: Path, file: int) -> bool:
    """Whether an open file is the one at a path."""
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(file))


def _opened(path: Path) -> int:
    """A file to be added to, of its owner alone; one that is there has to be a recording."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = os.open(path, flags, 0o600)
    except OSError as error:
        raise HeadraceError(
            f'{path} cannot be recorded to: {error.strerror}', help='name a file in a folder that is there'
        ) from error
    try:
        status = os.fstat(file)
        start = os.pread(file, len(MAGIC), 0) if stat.S_ISREG(status.st_mode) else b''
        if not stat.S_ISREG(status.st_mode) or (status.st_size and start != MAGIC):
            raise HeadraceError(
                f'{path} is there, and is no recording', help='name another file: nothing is overwritten'
            )
        os.fchmod(file, 0o600)
    except OSError as error:
        os.close(file)
        raise HeadraceError(f'{path} cannot be recorded to: {error.strerror}') from error
    except BaseException:
        os.close(file)
        raise
    return file

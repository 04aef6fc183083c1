"""Lines of logs in, bounded files of one process each out; and the last lines of all of them."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO

import msgspec

from headrace.observe.loglines import LEVELS, Line, from_json

FOLDER = 'logs'
"""The folder of these files in that of a running Flow."""

KEEP_BYTES = 2 * 1024 * 1024
"""What is kept of each process, in two files: when the newer one has half of it, it becomes the older one."""

SUFFIX, OLDER = '.jsonl', '.older.jsonl'
BLOCK_BYTES = 64 * 1024


class LogFile:
    """The last lines of one process, as JSON, one per line.

    Lines are written at once, by one write each call: whoever reads sees whole lines, but for the last one
    at most. There is one writer per file.
    """

    def __init__(self, folder: Path, process: str, *, keep_bytes: int = KEEP_BYTES) -> None:
        self._path = folder / (file_name(process) + SUFFIX)
        self._older = folder / (file_name(process) + OLDER)
        self._limit = max(1, keep_bytes // 2)
        self._file = self._opened()
        self._size = os.fstat(self._file).st_size

    def _opened(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, lines: bytes) -> None:
        """Add lines, each with its line break; OSError if that cannot be done."""
        if self._size and self._size + len(lines) > self._limit:
            os.replace(self._path, self._older)
            os.close(self._file)
            self._file, self._size = self._opened(), 0
        self._size += os.write(self._file, lines)

    def close(self) -> None:
        """Let go of the file; it stays."""
        os.close(self._file)


def file_name(process: str) -> str:
    """The name of a process as one of a file.

    >>> file_name('index/shard-1/rep-0')
    'index.shard-1.rep-0'
    """
    return process.replace('/', '.')


def tail(
    directory: str | Path,
    process: str | None = None,
    *,
    level: str | None = None,
    request_id: str | None = None,
    limit: int = 200,
    since: str = '',
) -> list[Line]:
    """The last `limit` lines that the processes of a Flow have written, in the order of their times.

    `directory` is the Flow's. `process` names one of them, or an executor with all of its replicas; `level`
    is the least that is wanted; `request_id` is one, or how it begins; `since` is the time (`Line.time`)
    after which lines are wanted. A Flow that keeps no logs has none.

    Example: `tail(directory, 'encoder', level='WARNING', limit=50)`
    """
    found: list[list[Line]] = []
    for newer in _files(directory, process or ''):
        lines: list[Line] = []
        for line in _backwards(newer):
            if line.time <= since or len(lines) >= limit:
                break
            if is_wanted(line, process, level, request_id):
                lines.append(line)
        found.append(lines[::-1])
    merged = list(heapq.merge(*found, key=lambda line: line.time))
    return merged[-limit:] if limit else []


class Follower:
    """The lines that the processes of a Flow write from now on; `fresh` gives those since it was asked."""

    def __init__(self, directory: str | Path) -> None:
        self._folder = Path(directory) / FOLDER
        self._read = {path: _place(path) for path in self._newer()}

    def _newer(self) -> list[Path]:
        return [path for path in self._folder.glob(f'*{SUFFIX}') if not path.name.endswith(OLDER)]

    def fresh(self) -> list[Line]:
        """New lines, in the order of their times."""
        lines: list[Line] = []
        for path in self._newer():
            number, position = self._read.get(path, (0, 0))
            if number and _place(path)[0] != number:  # it has become the older one
                older = path.with_name(path.name.removesuffix(SUFFIX) + OLDER)
                if _place(older)[0] == number:
                    lines += _lines(older, position)[0]
                position = 0
            more, position = _lines(path, position)
            lines += more
            self._read[path] = _place(path)[0], position
        return sorted(lines, key=lambda line: line.time)


def _place(path: Path) -> tuple[int, int]:
    """Which file this is at present, and how long."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_ino, status.st_size


def _lines(path: Path, position: int) -> tuple[list[Line], int]:
    """The complete lines from a position on, and where the next one begins."""
    try:
        with path.open('rb') as file:
            file.seek(position)
            data = file.read()
    except OSError:
        return [], position
    whole = data[: data.rfind(b'\n') + 1]
    lines = []
    for each in whole.splitlines():
        with suppress(msgspec.MsgspecError):
            lines.append(from_json(each))
    return lines, position + len(whole)


def is_wanted(
    line: Line, process: str | None = None, level: str | None = None, request_id: str | None = None
) -> bool:
    """Whether a line is of this process (or executor), of this level or a higher one, and of this request."""
    return (
        LEVELS.get(line.level, 0) >= LEVELS.get((level or '').upper(), 0)
        and (not process or process in (line.process, line.executor))
        and (not request_id or any(each.startswith(request_id) for each in _ids(line)))
    )


def _ids(line: Line) -> tuple[str, ...]:
    return line.request_ids or (line.request_id,)


def _files(directory: str | Path, process: str) -> list[Path]:
    """The newer file of each process, or of those whose names begin with `process`."""
    names = (path.name for path in (Path(directory) / FOLDER).glob(f'{escape(file_name(process))}*{SUFFIX}'))
    newer = {name.removesuffix(OLDER).removesuffix(SUFFIX) + SUFFIX for name in names}
    return [Path(directory) / FOLDER / name for name in sorted(newer)]


def _backwards(newer: Path) -> Iterator[Line]:
    """The lines of a process, the last one first. What is cut off or no line is left out."""
    for path in (newer, newer.with_name(newer.name.removesuffix(SUFFIX) + OLDER)):
        try:
            file = path.open('rb')
        except FileNotFoundError:
            continue
        with file:
            for data in reversed_lines(file):
                try:
                    yield from_json(data)
                except msgspec.MsgspecError:
                    continue


def reversed_lines(file: BinaryIO) -> Iterator[bytes]:
    """The complete lines of a file, the last one first, read block by block from its end."""
    position = file.seek(0, os.SEEK_END)
    rest = b''  # a line whose beginning is in a block before
    is_whole = False  # what follows the last line break is a line that is being written
    while position:
        size = min(BLOCK_BYTES, position)
        position -= size
        file.seek(position)
        rest, *lines = (file.read(size) + rest).split(b'\n')
        if not is_whole and lines:
            lines.pop()
            is_whole = True
        yield from reversed(lines)
    if is_whole:
        yield rest

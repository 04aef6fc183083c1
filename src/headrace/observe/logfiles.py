"""Lines of logs in, bounded files of one process each out; and the last lines of all of them."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
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
    least = LEVELS.get((level or '').upper(), 0)

    def is_wanted(line: Line) -> bool:
        return (
            LEVELS.get(line.level, 0) >= least
            and (process is None or line.process == process or line.executor == process)
            and (request_id is None or _is_of(line, request_id))
        )

    found: list[list[Line]] = []
    for newer in _files(directory, process or ''):
        lines: list[Line] = []
        for line in _backwards(newer):
            if line.time <= since or len(lines) >= limit:
                break
            if is_wanted(line):
                lines.append(line)
        found.append(lines[::-1])
    merged = list(heapq.merge(*found, key=lambda line: line.time))
    return merged[-limit:] if limit else []


def _files(directory: str | Path, process: str) -> list[Path]:
    """The newer file of each process, or of those whose names begin with `process`."""
    names = (path.name for path in (Path(directory) / FOLDER).glob(f'{file_name(process)}*{SUFFIX}'))
    newer = {name.removesuffix(OLDER).removesuffix(SUFFIX) + SUFFIX for name in names}
    return [Path(directory) / FOLDER / name for name in sorted(newer)]


def _is_of(line: Line, request_id: str) -> bool:
    ids = line.request_ids or (line.request_id,)
    return any(each.startswith(request_id) for each in ids)


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

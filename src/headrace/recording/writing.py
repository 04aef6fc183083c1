"""Requests to a file, on a thread of its own: what comes faster than it can be written is left out."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import threading
from collections import deque
from pathlib import Path

from msgspec import Struct

from headrace.errors import HeadraceError
from headrace.recording.file import MAGIC, packed
from headrace.recording.records import Case, Entry, Preface
from headrace.recording.redaction import Redaction
from headrace.spec.observe import RecordSpec

HELD_BYTES = 64 * 1024 * 1024
"""What requests that are under way, or wait to be written, may take in memory."""

FLUSH_S = 5.0
"""How long the end of a recording waits for what is still to be written."""

_log = logging.getLogger(__name__)


class Written(Struct, frozen=True):
    """What became of the requests that were chosen: those in the file, those left out, and the bytes."""

    requests: int = 0
    left_out: int = 0
    bytes: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(
            self.requests + other.requests, self.left_out + other.left_out, self.bytes + other.bytes
        )


class Writer:
    """Adds requests to a file, up to `most_bytes` of it, each as one write: a kill costs the last at most.

    The file is its owner's alone. `take` never waits. Raises HeadraceError if the file cannot be written, or
    is another kind of file.
    """

    def __init__(self, spec: RecordSpec, preface: Preface) -> None:
        self._path = Path(spec.path)
        self._most_bytes = spec.most_bytes
        self._redaction = Redaction(spec.redact, blobs=spec.blobs)
        self._file = _opened(self._path)
        self._waiting: deque[tuple[Case, int]] = deque()
        self._lock = threading.Condition()
        self._held = 0
        self._is_closing = False
        self._requests = self._left_out = self._bytes = 0
        self.is_full = False
        self._add(preface)
        self._thread = threading.Thread(target=self._run, name='headrace-record', daemon=True)
        self._thread.start()

    def hold(self, size: int) -> bool:
        """Have room in memory for so many bytes more; False if there is none."""
        with self._lock:
            if self._held + size > HELD_BYTES:
                return False
            self._held += size
            return True

    def take(self, case: Case, held: int) -> None:
        """Write a request that has ended, and for which so much room is held."""
        with self._lock:
            self._waiting.append((case, held))
            self._lock.notify()

    def leave_out(self, held: int) -> None:
        """Do not write a request, and hold no room for it."""
        with self._lock:
            self._held -= held
            self._left_out += 1

    @property
    def written(self) -> Written:
        """What has become of requests until now."""
        return Written(self._requests, self._left_out, self._bytes)

    def close(self) -> Written:
        """Write what has ended, for `FLUSH_S` at most, and let go of the file."""
        with self._lock:
            self._is_closing = True
            self._lock.notify()
        self._thread.join(FLUSH_S)
        with self._lock:
            self._left_out += len(self._waiting)
            self._waiting.clear()
        return self.written

    def _run(self) -> None:
        try:
            while (next_one := self._next()) is not None:
                case, held = next_one
                is_written = self._write(case)
                with self._lock:
                    self._held -= held
                    self._requests += is_written
                    self._left_out += not is_written
        finally:
            os.close(self._file)

    def _next(self) -> tuple[Case, int] | None:
        with self._lock:
            while not self._waiting and not self._is_closing:
                self._lock.wait()
            return self._waiting.popleft() if self._waiting else None

    def _write(self, case: Case) -> bool:
        """Whether a request is in the file now: as it may be kept, or not at all."""
        try:
            return self._add(self._redaction.case(case))
        except Exception as error:  # whatever cannot be redacted must not be kept
            _log.warning('request %s could not be recorded: %s', case.request_id, type(error).__name__)
            return False

    def _add(self, entry: Entry) -> bool:
        data = packed(entry)
        fcntl.flock(self._file, fcntl.LOCK_EX)  # other processes may write to it, too
        try:
            size = os.fstat(self._file).st_size
            start = b'' if size else MAGIC
            if size + len(start) + len(data) > self._most_bytes:
                self._is_too_large()
                return False
            left = memoryview(start + data)
            while left:
                left = left[os.write(self._file, left) :]
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._bytes += len(start) + len(data)
        return True

    def _is_too_large(self) -> None:
        if not self.is_full:
            self.is_full = True
            _log.warning(
                'recording to %s ends: it would have more than %d bytes', self._path.name, self._most_bytes
            )

    def __repr__(self) -> str:
        return f'<Writer to {self._path}, {self.written}>'


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

"""Requests to a file, on a thread of its own: what comes faster than it can be written is left out."""

from __future__ import annotations

import logging
import threading
from collections import deque
from pathlib import Path

from msgspec import Struct

from headrace.recording.file import packed
from headrace.recording.files import Files
from headrace.recording.records import Case, Preface
from headrace.recording.redaction import Redaction
from headrace.spec.observe import RecordSpec

HELD_BYTES = 64 * 1024 * 1024
"""What requests that are under way, or wait to be written, may take in memory."""

FLUSH_S = 5.0
"""How long the end of a recording waits for what is still to be written."""

_log = logging.getLogger(__name__)


class Written(Struct, frozen=True):
    """What became of the requests that were chosen: those written, those left out, and the bytes.

    `deleted_bytes` are those of the oldest files, which are gone: newer requests have taken their place.
    """

    requests: int = 0
    left_out: int = 0
    bytes: int = 0
    deleted_bytes: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(
            self.requests + other.requests,
            self.left_out + other.left_out,
            self.bytes + other.bytes,
            self.deleted_bytes + other.deleted_bytes,
        )


class Writer:
    """Adds requests to the files of a recording, each as one write: a kill costs the last at most.

    `take` never waits. It `is_full` when nothing more is written: only if the oldest are kept. Raises
    HeadraceError if the file cannot be written, or is another kind of file.
    """

    def __init__(self, spec: RecordSpec, preface: Preface) -> None:
        self._path = Path(spec.path)
        self._most_bytes = spec.most_bytes
        self._keeps_newest = spec.keep == 'newest'
        self._redaction = Redaction(spec.redact, blobs=spec.blobs)
        start = packed(preface)
        self._files = Files(self._path, start, most_bytes=spec.most_bytes, keeps_newest=self._keeps_newest)
        self._waiting: deque[tuple[Case, int]] = deque()
        self._lock = threading.Condition()
        self._held = 0
        self._is_closing = False
        self._requests = self._left_out = self._bytes = 0
        self.is_full = self._has_told = False
        self._bytes = self._files.add(b'')
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
        return Written(self._requests, self._left_out, self._bytes, self._files.deleted_bytes)

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
            self._files.close()

    def _next(self) -> tuple[Case, int] | None:
        with self._lock:
            while not self._waiting and not self._is_closing:
                self._lock.wait()
            return self._waiting.popleft() if self._waiting else None

    def _write(self, case: Case) -> bool:
        """Whether a request is in the file now: as it may be kept, or not at all."""
        try:
            return self._add(packed(self._redaction.case(case)))
        except Exception as error:  # whatever cannot be redacted must not be kept
            _log.warning('request %s could not be recorded: %s', case.request_id, type(error).__name__)
            return False

    def _add(self, data: bytes) -> bool:
        size = self._files.add(data)
        self._bytes += size
        if not size and not self._has_told:
            self._has_told = True
            self._tell(len(data))
        self.is_full = not size and not self._keeps_newest
        return size > 0

    def _tell(self, size: int) -> None:
        """Say once that something was not written for its size."""
        if self._keeps_newest:
            _log.warning(
                'a request of %d bytes was not recorded to %s, which has up to %d',
                *(size, self._path.name, self._most_bytes),
            )
        else:
            _log.warning(
                'recording to %s ends: it would have more than %d bytes', self._path.name, self._most_bytes
            )

    def __repr__(self) -> str:
        return f'<Writer to {self._path}, {self.written}>'

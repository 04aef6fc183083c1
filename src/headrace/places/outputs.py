"""What the processes of a Flow write in; out, lines with their names: printed, and kept in files."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec

from headrace.observe.log import DEFAULT_FLOW, SUPERVISOR, Look, line_of, supervising
from headrace.observe.logchannel import MARK_BYTES, SIGN
from headrace.observe.logcontext import FLOW
from headrace.observe.logfiles import FOLDER, KEEP_BYTES, LogFile
from headrace.observe.loglines import LONGEST, OUTPUT, Line, from_json, stamp, to_json
from headrace.places.printing import Printer

BLOCK_BYTES = 256 * 1024
LONGEST_RECORD_BYTES = 4 * 1024 * 1024
IDLE_S = 1.0
"""How long the beginning of a line waits for its end."""

FINISH_S = 2.0
"""How long the rest of what a process has written is read at most."""

PIPE_BYTES = 256 * 1024
"""What a process may write before it is read, where the system allows."""

FATAL = b'Fatal Python error'
"""How the traceback of a process begins that died of a signal."""


class Outputs:
    """Reads the output of all processes of one Flow, on a thread of its own.

    Each process gets a pipe for all that it writes (`tap`). Lines of Python are records already; others get
    the name of their process. What a process has written before it was killed is read to its end.
    """

    def __init__(self, directory: str, look: Look, *, flow: str = '', keep_bytes: int = KEEP_BYTES) -> None:
        self._folder = Path(directory) / FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._look = look
        self._flow = flow
        self._keep_bytes = keep_bytes
        self._files: dict[str, LogFile] = {}
        self._printer = Printer()
        self._taps: dict[int, Tap] = {}
        self._orders: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        self._poll = select.poll()
        self._poll.register(self._woken, select.POLLIN)
        self._is_over = self._is_closed = False
        self._lock = threading.Lock()
        with suppress(OSError):
            self._file(SUPERVISOR)
        self._own = _Own(self, flow)
        logging.getLogger(__package__).addHandler(self._own)
        self._thread = threading.Thread(target=self._read, name='headrace-outputs', daemon=True)
        self._thread.start()

    def tap(self, process: str, executor: str = '') -> Tap:
        """A pipe for the output of a process that is about to start."""
        named = {'flow': self._flow, 'process': process, 'executor': executor}
        tap = Tap(self, {key: value for key, value in named.items() if value})
        self._do(lambda: self._begin(tap))
        return tap

    def finish(self, tap: Tap) -> None:
        """Read what is in a pipe, and no more of it; returns when that is kept and printed."""
        done = threading.Event()
        self._do(lambda: self._end(tap, done))
        done.wait(FINISH_S)
        self._printer.flush()

    def keep(self, line: Line) -> None:
        """Keep a line of the supervisor's own; others print it."""
        self._do(lambda: self._write(SUPERVISOR, [line], is_printed=False))

    def close(self) -> None:
        """Read and print all that there is; the files stay."""
        logging.getLogger(__package__).removeHandler(self._own)
        self._do(self._stop)
        self._thread.join()
        with self._lock:
            self._is_closed = True
            os.close(self._wake)
            os.close(self._woken)
        self._printer.close()

    def _do(self, order: Callable[[], object]) -> None:
        with self._lock:
            if not self._is_closed:
                self._orders.put(order)
                os.write(self._wake, b'.')

    # On the thread

    def _read(self) -> None:
        while not self._is_over:
            waits = any(tap.has_begun for tap in self._taps.values())
            for number, _ in self._poll.poll(IDLE_S * 1000 if waits else None):
                if number == self._woken:
                    self._obey()
                elif number in self._taps and not self._take(self._taps[number]):
                    self._forget(self._taps[number])
            if waits:
                self._flush()
        for file in self._files.values():
            file.close()

    def _obey(self) -> None:
        os.read(self._woken, 4096)
        while not self._orders.empty():
            self._orders.get()()

    def _begin(self, tap: Tap) -> None:
        self._taps[tap.pipe] = tap
        self._poll.register(tap.pipe, select.POLLIN)
        with suppress(OSError):
            self._file(tap.process)

    def _file(self, process: str) -> LogFile:
        if process not in self._files:
            self._files[process] = LogFile(self._folder, process, keep_bytes=self._keep_bytes)
        return self._files[process]

    def _end(self, tap: Tap, done: threading.Event) -> None:
        deadline = time.monotonic() + FINISH_S  # what it has started may hold the pipe, and go on writing
        if self._taps.get(tap.pipe) is tap:  # another one may have the number since
            while self._take(tap) and tap.has_more and time.monotonic() < deadline:
                pass
            self._forget(tap)
        done.set()

    def _stop(self) -> None:
        for tap in list(self._taps.values()):
            self._end(tap, threading.Event())
        self._is_over = True

    def _forget(self, tap: Tap) -> None:
        self._write(tap.process, tap.rest())
        del self._taps[tap.pipe]
        self._poll.unregister(tap.pipe)
        os.close(tap.pipe)

    def _take(self, tap: Tap) -> bool:
        """Read what is in a pipe, a block at most; False at its end."""
        try:
            data = os.read(tap.pipe, BLOCK_BYTES)
        except BlockingIOError:
            tap.has_more = False
            return True
        tap.has_more = True
        if data:
            self._write(tap.process, tap.lines(data))
        return bool(data)

    def _flush(self) -> None:
        for tap in self._taps.values():
            if tap.has_begun and time.monotonic() - tap.since >= IDLE_S:
                self._write(tap.process, tap.rest())

    def _write(self, process: str, lines: Iterable[Line], *, is_printed: bool = True) -> None:
        lines = list(lines)
        if not lines:
            return
        data = b''.join(to_json(line) + b'\n' for line in lines)
        if is_printed and self._look.is_json:
            self._printer.put(data.decode())
        elif is_printed:
            self._printer.put(''.join(f'{self._look(line)}\n' for line in lines))
        with suppress(OSError):  # a disk that is full, or a folder that is gone, must not end the reading
            self._file(process).write(data)


class Tap:
    """The output of one process: `write_end` is for the process, `pipe` is where it is read."""

    def __init__(self, outputs: Outputs, about: dict[str, Any]) -> None:
        self._outputs = outputs
        self._about = about
        self._begun = b''
        self._mark = b''
        self.process = about['process']
        self.since = 0.0
        self.has_more = True
        self.pipe, self.write_end = os.pipe()
        os.set_blocking(self.pipe, False)
        try:
            fcntl.fcntl(self.pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except (AttributeError, OSError):
            pass  # no Linux, or this user has many pipes

    def given(self) -> None:
        """The process has its end: nobody else shall."""
        os.close(self.write_end)

    def finish(self) -> None:
        """The process has ended: read the rest."""
        self._outputs.finish(self)

    @property
    def has_begun(self) -> bool:
        """Whether the beginning of a line waits for its end; that of a record always comes."""
        return bool(self._begun) and not self._begins_record(self._begun)

    def lines(self, data: bytes) -> Iterable[Line]:
        """The lines that these bytes complete."""
        *whole, begun = (self._begun + data).split(b'\n') if self._begun else data.split(b'\n')
        for each in whole:
            yield from self._parsed(each)
        limit = LONGEST_RECORD_BYTES if self._begins_record(begun) else LONGEST
        if len(begun) > limit:
            yield from self._parsed(begun)
            begun = b''
        if begun and (not self._begun or whole):
            self.since = time.monotonic()
        self._begun = begun

    def rest(self) -> Iterable[Line]:
        """The line that has begun, if one has."""
        begun, self._begun = self._begun, b''
        return list(self._parsed(begun)) if begun else []

    def _parsed(self, data: bytes) -> Iterable[Line]:
        """The lines in what stands between two line breaks: records, and what was written past Python."""
        if not self._mark:
            yield from self._before_mark(data)
            return
        raw, *records = data.split(self._mark)
        if raw or not records:
            yield self._raw(raw)
        for record in records:
            try:
                yield from_json(record)
            except msgspec.MsgspecError:
                yield self._raw(record)

    def _before_mark(self, data: bytes) -> Iterable[Line]:
        """A line of a process that has not said yet what its records begin with; this may be the one."""
        raw, sign, rest = data.rpartition(SIGN)
        if not sign or len(sign + rest) != MARK_BYTES:
            yield self._raw(data)
            return
        self._mark = sign + rest
        if raw:
            yield self._raw(raw)

    def _begins_record(self, data: bytes) -> bool:
        return bool(self._mark) and data.startswith(self._mark)

    def _raw(self, data: bytes) -> Line:
        text = data.rstrip(b'\r').rpartition(b'\r')[2].decode('utf-8', 'backslashreplace')
        level = 'CRITICAL' if data.startswith(FATAL) else 'INFO'
        return Line(time=stamp(time.time()), level=level, logger=OUTPUT, message=text, **self._about)


class _Own(logging.Handler):
    """Keeps what the supervisor itself says of its processes, and not what one of another Flow says."""

    def __init__(self, outputs: Outputs, flow: str) -> None:
        super().__init__()
        self._outputs = outputs
        self._flow = flow

    def emit(self, record: logging.LogRecord) -> None:
        if FLOW.get() not in ('', self._flow or DEFAULT_FLOW):
            return
        try:
            self._outputs.keep(line_of(record, supervising(self._flow)))
        except Exception:
            self.handleError(record)

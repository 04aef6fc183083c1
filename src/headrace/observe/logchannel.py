"""Lines of a process in, the pipe to its supervisor out (or its output): never waiting long for a reader."""

from __future__ import annotations

import os
import secrets
import select
import stat
import threading
import time
from collections.abc import Callable

from headrace.observe.loglines import Line, stamp, to_json

SIGN = b'\x1e'
MARK_BYTES = 1 + 32 + 1
"""A mark stands before each line that is a record; what comes without it was written past Python.

It is `SIGN`, a number in hex that nobody else knows, and a space: text that a library of C writes out for a
stranger may have any bytes in it, and must not become a record. What the process writes first is the mark.
"""

PATIENCE_S = 1.0
"""How long a process waits for a supervisor that does not read, once; then lines are left out and counted."""


class Channel:
    """Writes lines to a pipe, each at once and whole, so that nothing is lost when the process is killed.

    Any thread may write. While the reader does not read, lines that there is no room for are counted, and
    their number is told when it reads again; when it is gone, so are they. With a `look` lines are written
    as it says, for who has not to tell them from what was written past Python.
    """

    def __init__(self, pipe: int, look: Callable[[Line], str] | None = None) -> None:
        self._pipe = _unblocked(pipe)
        self._look = look
        self._lock = threading.Lock()
        self._is_stuck = False
        self._left_out = 0
        self._mark = SIGN + secrets.token_hex(16).encode() + b' '
        if look is None:
            self._send(self._mark + b'\n')
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may have had it

    def write(self, line: Line) -> None:
        """Write a line, or count it."""
        data = self._packed(line)
        with self._lock:
            if self._left_out and self._has_room():
                missing = f'{self._left_out} lines were left out here: nobody read them in time'
                note = Line(
                    time=line.time, level='WARNING', flow=line.flow, process=line.process, message=missing
                )
                self._left_out = 0
                self._send(self._packed(note))
            if not self._send(data):
                self._left_out += 1

    def _packed(self, line: Line) -> bytes:
        if self._look is None:
            return self._mark + to_json(line) + b'\n'
        return f'{self._look(line)}\n'.encode('utf-8', 'backslashreplace')

    def close(self) -> None:
        """Write nothing more; the process may still write to the pipe itself."""
        os.close(self._pipe)

    def _has_room(self) -> bool:
        room = select.poll()
        room.register(self._pipe, select.POLLOUT)
        return bool(room.poll(0))

    def _send(self, data: bytes) -> bool:
        """Write all of it, unless there is no room for longer than the patience."""
        deadline = 0.0
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._pipe, rest) :]
            except BlockingIOError:
                now = time.monotonic()
                deadline = deadline or now + (0.0 if self._is_stuck else PATIENCE_S)
                if now >= deadline or not self._room_within(deadline - now):
                    self._is_stuck = True
                    return False
            except OSError:
                return True  # the reader is gone, and so are we soon
        self._is_stuck = False
        return True

    def _room_within(self, seconds: float) -> bool:
        room = select.poll()
        room.register(self._pipe, select.POLLOUT)
        return bool(room.poll(seconds * 1000))


def now() -> str:
    """The time for a line that is made now."""
    return stamp(time.time())


def _unblocked(pipe: int) -> int:
    """The pipe, opened once more: a write finds out that it is full, while those of C libraries wait."""
    if stat.S_ISREG(os.fstat(pipe).st_mode):
        return os.dup(pipe)  # a file always has room, and opened once more would have a place of its own
    try:
        return os.open(f'/proc/self/fd/{pipe}', os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no Linux: all wait alike
        return os.dup(pipe)

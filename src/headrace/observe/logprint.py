"""What user code prints in, lines of the log out: with process, request and trace."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from typing import Any

from headrace.observe.loglines import LONGEST

Emit = Callable[[str], None]
"""Takes one line of text, without its line break."""


class Printed(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr` of a process: each line that is printed is emitted.

    A line is emitted when it is complete; what is flushed before that goes on as it is, without the request
    that it belongs to. Threads do not mix their lines. `buffer` and `fileno()` are the pipe itself: what is
    written there has the name of the process, and no more.
    """

    encoding = 'utf-8'
    errors = 'backslashreplace'

    def __init__(self, emit: Emit, pipe: int, name: str) -> None:
        self.name = name
        self.mode = 'w'
        self.buffer = io.FileIO(pipe, 'wb', closefd=False)
        self._emit = emit
        self._pipe = pipe
        self._begun = threading.local()

    def write(self, text: str) -> int:
        """Take text; lines that it completes are emitted."""
        if not isinstance(text, str):
            raise TypeError(f'write() argument must be str, not {type(text).__name__}')
        if '\n' not in text:
            self._keep(text)
            return len(text)
        *lines, rest = text.split('\n')
        lines[0] = self._taken() + lines[0]
        for line in lines:
            if getattr(self._begun, 'is_raw', False):  # its beginning has been sent
                self._begun.is_raw = False
                self._send(line + '\n')
            else:
                self._emit(_last_state(line))
        if rest:
            self._keep(rest)
        return len(text)

    def _keep(self, text: str) -> None:
        begun = self._taken() + text
        while len(begun) > LONGEST:
            self._emit(begun[:LONGEST])
            begun = begun[LONGEST:]
        self._begun.text = begun

    def _taken(self) -> str:
        begun: str = getattr(self._begun, 'text', '')
        self._begun.text = ''
        return begun

    def flush(self) -> None:
        """Send what this thread has printed of its line."""
        if begun := self._taken():
            self._begun.is_raw = True
            self._send(begun)

    def _send(self, text: str) -> None:
        data = memoryview(text.encode(self.encoding, self.errors))
        try:
            while data:
                data = data[os.write(self._pipe, data) :]
        except OSError:
            pass  # nobody reads any more

    def fileno(self) -> int:
        return self._pipe

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def reconfigure(self, **settings: Any) -> None:
        """Lines are what they are: nothing of this changes."""

    def close(self) -> None:
        """It stays open: the process may still have something to say."""


def _last_state(line: str) -> str:
    """What a terminal would show of a line that was written over again and again.

    >>> _last_state('  10 %\\r100 %')
    '100 %'
    """
    return line.rstrip('\r').rpartition('\r')[2]

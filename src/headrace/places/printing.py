"""Text of the processes of a Flow in, standard error out, on a thread that nobody waits long for."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque

PATIENCE_S = 1.0
"""How long the text waits for a terminal (or whoever reads) that takes nothing at all."""

ROOM = 4 * 1024 * 1024
"""Characters that wait to be printed at most."""


class Printer:
    """Prints text in order; when its reader is stuck, what there is no room for is counted instead.

    A reader that is only slow slows down who writes; one that takes nothing for `PATIENCE_S` does not.
    """

    def __init__(self, *, room: int = ROOM, patience_s: float = PATIENCE_S) -> None:
        self._room = room
        self._patience_s = patience_s
        self._texts: deque[str] = deque()
        self._size = self._left_out = 0
        self._progressed = time.monotonic()
        self._is_over = self._is_printing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._print, name='headrace-printer', daemon=True)
        self._thread.start()

    def put(self, text: str) -> None:
        """Have a text of whole lines printed."""
        with self._changed:
            if not self._texts and not self._is_printing:
                self._progressed = time.monotonic()
            while self._size and self._size + len(text) > self._room:
                left_s = self._progressed + self._patience_s - time.monotonic()
                if left_s <= 0:
                    self._left_out += text.count('\n')
                    return
                self._changed.wait(left_s)
            if self._left_out:
                note = f'{self._left_out} lines are not printed here: nobody read them in time\n'
                self._left_out = 0
                text = note + text
            self._texts.append(text)
            self._size += len(text)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until what is there is printed, as long as somebody takes it."""
        with self._changed:
            while self._texts or self._is_printing:
                left_s = self._progressed + self._patience_s - time.monotonic()
                if left_s <= 0:
                    return
                self._changed.wait(left_s)

    def close(self) -> None:
        """Print what is there, as long as somebody takes it, and nothing more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self.flush()
        self._thread.join(self._patience_s)

    def _print(self) -> None:
        while True:
            with self._changed:
                while not self._texts:
                    if self._is_over:
                        return
                    self._changed.wait()
                text = self._texts.popleft()
                self._is_printing = True
            _to_stderr(text)
            with self._changed:
                self._is_printing = False
                self._size -= len(text)
                self._progressed = time.monotonic()
                self._changed.notify_all()


def _to_stderr(text: str) -> None:
    """Print to whatever `sys.stderr` is at present: a notebook, or a test, has its own."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (AttributeError, OSError, UnicodeError, ValueError):
        pass  # there is none, or nobody reads it: the files have the lines

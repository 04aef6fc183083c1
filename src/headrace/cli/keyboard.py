"""Keys that are pressed in, characters out, one by one and without Enter; the terminal is as it was after."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from types import TracebackType
from typing import Any, Self


class Keyboard:
    """The keys of the terminal while the block runs; none where standard input is no terminal."""

    def __init__(self) -> None:
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._descriptor = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else -1
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        if self._descriptor >= 0:
            self._before = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor)
            asyncio.get_running_loop().add_reader(self._descriptor, self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    async def key(self, within_s: float) -> str:
        """The next key; '' if there is none within that time."""
        try:
            return await asyncio.wait_for(self._keys.get(), within_s)
        except TimeoutError:
            return ''

    def _read(self) -> None:
        pressed = os.read(self._descriptor, 64).decode(errors='replace')
        if not pressed:  # the terminal has gone
            asyncio.get_running_loop().remove_reader(self._descriptor)
        for key in pressed or 'q':
            self._keys.put_nowait(key)

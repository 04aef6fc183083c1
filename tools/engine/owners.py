"""Who needs the tests' engine: lines in a file, one per process; the engine ends when none of them lives."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

FOREVER = 'forever'
"""An owner that never ends: somebody has asked for an engine that stays."""


def identity(pid: int) -> str:
    """A process as text that no other process ever has: its number and its start time; '' if it is gone."""
    try:
        after_name = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return ''
    return '' if after_name[0] in 'ZX' else f'{pid} {after_name[19]}'


class Owners:
    """The lines of a file, changed under a lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _locked(self) -> Generator[set[str], None, None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._path, 'a+', encoding='utf-8') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            before = {line.strip() for line in file if line.strip()}
            after = {each for each in before if _lives(each)}
            yield after
            if after != before:
                file.truncate(0)
                file.write(''.join(f'{each}\n' for each in sorted(after)))

    def add(self, owner: str) -> None:
        """One more needs it."""
        with self._locked() as owners:
            owners.add(owner)

    def remove(self, owner: str) -> None:
        """One needs it no more."""
        with self._locked() as owners:
            owners.discard(owner)

    def clear(self) -> None:
        """Nobody needs it."""
        with self._locked() as owners:
            owners.clear()

    def living(self) -> set[str]:
        """Those that need it and have not ended."""
        with self._locked() as owners:
            return set(owners)


def _lives(owner: str) -> bool:
    return owner == FOREVER or identity(int(owner.partition(' ')[0])) == owner


def of_this_process() -> str:
    """The process that asks, as an owner."""
    return identity(os.getpid())

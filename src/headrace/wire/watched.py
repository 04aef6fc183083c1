"""Files and what to make of them in; out: what they hold now, read again when one of them has changed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar('T')
Stamp = tuple[int, int, int]

_log = logging.getLogger('headrace.security')


class Watched(Generic[T]):
    """What `load` makes of some files; asking costs a look at each (about a microsecond), and no more.

    Nobody has to be told of a change, and no timer runs: who asks next gets what is there now. Files that
    cannot be read, or belong to each other and are not renewed all yet, leave what was there, and the log
    says so once.
    """

    def __init__(self, files: Sequence[str], load: Callable[[], T], *, gone: Callable[[], T] | None = None):
        self._files = tuple(files)
        self._load = load
        self._gone = gone
        self._stamps = self._look()
        self._value = load()

    def now(self) -> T:
        """What the files hold now."""
        stamps = self._look()
        if stamps != self._stamps:
            self._stamps = stamps
            self._renew()
        return self._value

    def _look(self) -> tuple[Stamp | None, ...]:
        return tuple(map(_stamp, self._files))

    def _renew(self) -> None:
        if self._gone is not None and None in self._stamps:
            self._value = self._gone()
            _log.error('%s is gone: nothing in it counts any more', self._names)
            return
        try:
            self._value = self._load()
        except Exception as error:
            _log.error(
                '%s changed and cannot be used; what was there before still counts: %s', self._names, error
            )
        else:
            _log.info('%s changed and was read again', self._names)

    @property
    def _names(self) -> str:
        return ', '.join(map(os.path.basename, self._files))


def _stamp(path: str) -> Stamp | None:
    """What changes with a file, also if another one takes its name; None if there is none."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_ino, facts.st_size

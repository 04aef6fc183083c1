"""What one gateway keeps in; out, what all gateways of the Flow keep, also those that have ended.

Each writes a file of its own into the Flow's folder, when there is news and once a second at most; who is
asked reads them all. Where there is no folder, it has what it keeps itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from headrace.gateway.dashboard.records import Ended, Requests
from headrace.gateway.dashboard.ring import KEPT, OVER_S, Kept, Ring

_log = logging.getLogger(__name__)

FOLDER = 'requests'
WRITE_EVERY_S = 1.0
FILES = 16
"""Gateways that are read: the last that wrote, alive or not."""


class Shared:
    """The requests that are kept; `note` takes each that ends at this gateway."""

    def __init__(self, directory: str, most: int = KEPT, *, write_every_s: float = WRITE_EVERY_S) -> None:
        self._folder = Path(directory) / FOLDER if directory else None
        self._most = most
        self._write_every_s = write_every_s
        self._timer: asyncio.TimerHandle | None = None
        self._ring = Ring(most, on_kept=self._has_news if directory else None)
        self.note = self._ring.note
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for old in _newest(self._folder)[FILES - 1 :]:
                old.unlink(missing_ok=True)

    def read(self, now: float, named: str = '') -> Requests:
        """What all gateways keep; it may take a moment, as files are read."""
        all_of_them = [self._ring.kept(), *self._others()]
        slow = [ended for kept in all_of_them for ended in kept.slow if ended.at > now - OVER_S]
        slow.sort(key=lambda ended: -ended.took_s)
        known = (ended for kept in all_of_them for ended in _each(kept) if named and ended.id == named)
        return Requests(
            over_s=OVER_S,
            slow=tuple(slow[: self._most]),
            failed=self._last(ended for kept in all_of_them for ended in kept.failed),
            refused=self._last(ended for kept in all_of_them for ended in kept.refused),
            named=next(known, None),
        )

    def close(self) -> None:
        """Write what is not written yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._write()

    def _last(self, ended: Iterable[Ended]) -> tuple[Ended, ...]:
        return tuple(sorted(ended, key=lambda each: -each.at)[: self._most])

    def _has_news(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._write_every_s, self._write)

    def _write(self) -> None:
        self._timer = None
        if self._folder is None:
            return
        file = self._folder / f'{os.getpid()}.msgpack'
        new = file.with_suffix('.new')
        try:
            new.write_bytes(msgspec.msgpack.encode(self._ring.kept()))
            new.replace(file)
        except OSError as error:
            _log.warning('the last requests could not be written to %s: %s', self._folder.name, error)

    def _others(self) -> list[Kept]:
        own = f'{os.getpid()}.msgpack'
        if self._folder is None:
            return []
        return [kept for file in _newest(self._folder)[:FILES] if file.name != own if (kept := _read(file))]


def _each(kept: Kept) -> list[Ended]:
    return [*kept.tried, *kept.failed, *kept.refused, *kept.slow]


def _read(file: Path) -> Kept | None:
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError):  # it has just gone, or another version wrote it
        return None


def _newest(folder: Path) -> list[Path]:
    """The files of a folder, the newest first."""

    def written(file: Path) -> float:
        try:
            return file.stat().st_mtime
        except OSError:
            return 0.0

    return sorted(folder.glob('*.msgpack'), key=written, reverse=True)

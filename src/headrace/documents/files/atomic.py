"""Bytes and a path in, a file that is there whole, or as it was, whatever happens on the way."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from headrace.documents.ids import new_id

Buffer = bytes | bytearray | memoryview


def write_whole(path: str | os.PathLike[str], parts: Iterable[Buffer]) -> None:
    """Write the parts, one after the other, to `path`, and return when they are on the disk.

    They go to a new file beside it, which takes the old one's place, permissions and links when it is
    complete. A crash, a full disk or an exception leaves what was there.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        wrong = f'there is no folder {str(target.parent)!r}: make it first, to save'
        raise FileNotFoundError(errno.ENOENT, wrong, os.fspath(path))
    beside = target.with_name(f'.{target.name[:200]}.{new_id()[:16]}.part')
    try:
        with open(beside, 'xb') as file:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(beside, stat.S_IMODE(target.stat().st_mode))
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable; Windows cannot and need not."""
    if os.name != 'posix':
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

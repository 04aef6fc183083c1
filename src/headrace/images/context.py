"""A folder in; out, what an engine builds an image from: an archive that is the same for the same files."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from headrace.deploy.generated import is_export
from headrace.errors import SpecError
from headrace.images.exported import is_exported
from headrace.images.ignore import OURS, Ignore

EPOCH = 315532800
"""The time that files in an image have, 1980: when they were written says nothing of them."""

_CHUNK = 1 << 20


class Context(Struct, frozen=True, kw_only=True):
    """The files that an engine is given: those of a folder, and others under names of their own.

    `files` are paths from the folder's top, sorted; `more` are texts, bytes or files by their names there,
    and replace files of the same name.
    """

    folder: Path
    files: tuple[str, ...]
    more: Mapping[str, str | bytes | Path]

    @property
    def size(self) -> int:
        """The bytes of the folder's files."""
        return sum((self.folder / name).lstat().st_size for name in self.files)

    @property
    def newest(self) -> int:
        """When the newest file of the folder was changed, in seconds since 1970."""
        return int(max(((self.folder / name).lstat().st_mtime for name in self.files), default=EPOCH))

    def write(self, out: BinaryIO) -> None:
        """Write the archive; nothing in it tells of its owner, or of the time.

        Raises SpecError for a link that leads out of the folder: a stranger's could lead to a key of yours.
        """
        with tarfile.open(fileobj=out, mode='w|', format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as archive:
            names = {*self.files} - {*self.more}
            for name in sorted({*names, *self.more}):
                if name in self.more:
                    self._put(archive, name, self.more[name])
                else:
                    self._put(archive, name, self.folder / name)

    def _put(self, archive: tarfile.TarFile, name: str, content: str | bytes | Path) -> None:
        info = tarfile.TarInfo(name)
        info.mtime, info.mode = EPOCH, 0o644
        if isinstance(content, Path):
            if content.is_symlink():
                info.type, info.linkname = tarfile.SYMTYPE, self._link(content)
                archive.addfile(info)
                return
            info.size = content.stat().st_size
            info.mode = 0o755 if os.access(content, os.X_OK) else 0o644
            with content.open('rb') as file:
                archive.addfile(info, file)
            return
        data = content.encode() if isinstance(content, str) else content
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))

    def _link(self, link: Path) -> str:
        """What a link says that stays within the folder."""
        target = Path(os.path.realpath(link))  # which a link to itself does not stop
        if target.is_relative_to(self.folder.resolve()):
            return os.path.relpath(target, link.parent.resolve())
        raise SpecError(
            f'{link} leads to {target}, which would not be in the image',
            help='copy it there, let a folder go in that has both (--context), '
            'or leave the link out in .dockerignore',
        )


def context(folder: Path, ignore: Ignore, more: Mapping[str, str | bytes | Path]) -> Context:
    """The files of a folder that are not left out, together with others.

    What `headrace export` has made is left out, unless the rules take it back by name.
    """
    return Context(folder=folder, files=tuple(sorted(_files(folder, ignore))), more=dict(more))


def _files(folder: Path, ignore: Ignore) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        here = Path(place).relative_to(folder).as_posix()
        prefix = '' if here == '.' else f'{here}/'
        links = [name for name in folders if Path(place, name).is_symlink()]
        if not ignore.takes_back:
            folders[:] = [name for name in folders if not ignore(prefix + name)]
        if not prefix:
            folders[:] = [name for name in folders if name not in OURS]
        folders[:] = [name for name in folders if not _is_export(Path(place, name), prefix + name, ignore)]
        for name in (*files, *links):
            path = prefix + name
            file = Path(place, name)
            is_out = path in OURS or ignore(path) or not _is_plain(file)
            if not is_out and (not is_exported(file) or ignore.keeps(path)):
                yield path


def _is_export(folder: Path, path: str, ignore: Ignore) -> bool:
    """Whether a folder tells others how the image is run: each export would make it another image."""
    return is_export(folder) and not ignore.keeps(path)


def _is_plain(file: Path) -> bool:
    """Whether it can be copied: a file or a link, no socket and no device."""
    return file.is_symlink() or file.is_file()

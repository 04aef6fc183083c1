"""Files by their names in, files in a folder out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from headrace.errors import SpecError


def within(folder: str | Path, name: str) -> Path:
    """Where a file of a folder is written; SpecError if a link would have it written elsewhere.

    >>> within('k8s', 'base/gateway.yaml').as_posix()
    'k8s/base/gateway.yaml'
    """
    path = Path(folder, name)
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(os.path.realpath(folder)):
        raise SpecError(
            f'{path} would be written to {real}, where a link leads',
            help='remove the link, or name another folder',
        )
    return path


def write(files: Mapping[str, str], folder: str | Path) -> list[Path]:
    """Write files into a folder, which is made if it is not there; what else is in it stays.

    Raises SpecError if that cannot be done, or a link leads out of the folder.
    """
    written = []
    for name, text in files.items():
        path = within(folder, name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')
        except OSError as error:
            raise SpecError(f'{path} cannot be written: {error}', help='name another folder') from None
        written.append(path)
    return written

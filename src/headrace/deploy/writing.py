"""Files by their names in, files in a folder out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headrace.errors import SpecError


def write(files: Mapping[str, str], folder: str | Path) -> list[Path]:
    """Write files into a folder, which is made if it is not there; what else is in it stays.

    Raises SpecError if that cannot be done.
    """
    written = []
    for name, text in files.items():
        path = Path(folder, name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')
        except OSError as error:
            raise SpecError(f'{path} cannot be written: {error}', help='name another folder') from None
        written.append(path)
    return written

"""A folder in; out, the texts of its files, and the programs that work on it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from headrace.errors import SpecError

CHOSEN_WITHIN_S = 1800.0
"""How long it may take to choose versions of all packages, whose descriptions may have to be fetched."""

BUILT_WITHIN_S = 600.0
"""How long a wheel may take to be built, or files to be unpacked."""

NEITHER = f'neither uv (beside {sys.executable}, or on the PATH) nor pip (as a module of it) is there'
"""That nothing can work on packages, and where it was looked for."""

GET_UV = 'pip install uv; in an environment that uv made: uv pip install uv'


def text_of(path: Path) -> str:
    """The text of a file of a folder; SpecError if it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise OSError('it is no file')  # a device may have no end
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f'{path} cannot be read: {error}', help='correct it, or take it away') from None


def uv() -> str:
    """Where uv is: beside this Python, or on the PATH; '' if it is not there."""
    beside = Path(sys.executable).with_name('uv')
    return str(beside) if beside.is_file() else shutil.which('uv') or ''

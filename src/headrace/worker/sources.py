"""The code that this process has loaded in; out, the files that it came from."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

Stamps = dict[str, tuple[int, int]]
"""Files, each with the time of its last change (ns) and its size: (0, 0) if it is not there."""


def sources(base: str, module: str) -> Stamps:
    """The user's own Python files that are loaded, and the YAML files beside that of `module`.

    Own are those that nobody has installed: not of Python, of a package, or ours. `base` is where relative
    paths of the Flow begin.
    """
    files = {str(path) for path in _loaded() if _is_own(path)}
    beside = getattr(sys.modules.get(module), '__file__', None)
    folders = {Path(beside).parent} if beside and str(Path(beside).resolve()) in files else set()
    if base:
        folders.add(Path(base))
    files |= {str(path.resolve()) for folder in folders for path in folder.glob('*.y*ml')}
    return stamps(sorted(files))


def stamps(files: Iterable[str]) -> Stamps:
    """How the files are now."""
    return {file: _stamp(file) for file in files}


def _stamp(file: str) -> tuple[int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _loaded() -> Iterator[Path]:
    for module in list(sys.modules.values()):
        file = getattr(module, '__file__', None)
        if file and file.endswith('.py'):
            yield Path(file).resolve()


def _is_own(path: Path) -> bool:
    paths = sysconfig.get_paths()
    installed = {Path(paths[key]).resolve() for key in ('stdlib', 'platstdlib', 'purelib', 'platlib')}
    return not any(path.is_relative_to(folder) for folder in (*installed, _OURS))


_OURS = Path(__file__).resolve().parents[1]

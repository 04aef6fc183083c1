"""What exports have made in a folder, and who runs the image from it: no part of the image itself.

Whatever an export says (the name of the image, most of all) would else make it another image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from headrace.deploy.generated import DASHBOARD, MARK, is_export, is_generated
from headrace.errors import SpecError
from headrace.images.ignore import DEFAULT, FILE, Ignore

SUFFIXES = frozenset(('.yml', '.yaml', '.json'))

BESIDE = {
    'compose.override.yaml': 'compose.yaml',
    'kustomization.yaml': 'base/kustomization.yaml',
    'patches/*.yaml': 'base/kustomization.yaml',
    'patches/README.md': 'base/kustomization.yaml',
    'targets/*.json': 'prometheus.yml',
}
"""Files that belong to an export and do not say so: each with the one that is known by its first line."""

HEADING = '# what `headrace export` has made'
_OURS = DEFAULT.partition('\n')[0]


class LeftOut(Struct, frozen=True):
    """The lines that a .dockerignore lacked; `is_written` if they are there now."""

    file: Path
    lines: tuple[str, ...]
    is_written: bool


def is_exported(file: Path) -> bool:
    """Whether an export has made a file, or it is of use together with such files only."""
    if file.suffix in SUFFIXES and is_generated(_first(file)):
        return True
    for pattern, head in BESIDE.items():
        folder = file.parents[pattern.count('/')] if len(file.parents) > pattern.count('/') else file.parent
        if file.match(pattern) and is_generated(_first(folder / head)):
            return True
    return False


def exported_in(folder: Path, ignore: Ignore) -> Iterator[str]:
    """What exports have made in a folder and is not left out: the paths of whole folders, and of files."""
    for place, folders, files in os.walk(folder):
        here = Path(place).relative_to(folder)
        paths = {name: (here / name).as_posix() for name in (*folders, *files)}
        whole = [name for name in sorted(folders) if is_export(Path(place, name))]
        found = [*whole, *(name for name in sorted(files) if is_exported(Path(place, name)))]
        yield from (paths[name] for name in found if not ignore(paths[name]))
        folders[:] = [name for name in folders if name not in whole and not ignore(paths[name])]


def leave_out(folder: Path, output: Path, names: Iterable[str]) -> LeftOut | None:
    """Let the .dockerignore of a folder leave out what an export has written to `output`, which is in there.

    One that headrace wrote gets the lines that it lacks; one of somebody else is not touched. None if there
    is none, if nothing is missing, or if the output is elsewhere.
    """
    file, top, where = folder / FILE, folder.resolve(), output.resolve()
    if not file.is_file() or not where.is_relative_to(top):
        return None
    text = _text(file)
    ignore = Ignore(text.splitlines())
    below = where.relative_to(top)
    missing = [path for name in names if not ignore(path := (below / name).as_posix())]
    if not missing:
        return None
    if where != top and is_export(where):
        lines: tuple[str, ...] = (_escaped(below.as_posix()),)
    else:
        prefix = '' if where == top else f'{_escaped(below.as_posix())}/'
        beside = [f'{prefix}{name}' for name, head in BESIDE.items() if (where / head).is_file()]
        new = (line for line in beside if line not in text.splitlines())
        lines = tuple(dict.fromkeys((*map(_escaped, missing), *new)))
    is_ours = text.startswith(_OURS)
    if is_ours:
        _append(file, text, lines)
    return LeftOut(file, lines, is_ours)


def ignore_text(folder: Path, *expected: str) -> str:
    """The text of a new .dockerignore for a folder; `expected` are folders that exports will make."""
    made = exported_in(folder, Ignore(DEFAULT.splitlines())) if folder.is_dir() else ()
    found = [*expected, *map(_escaped, made)]
    return '\n'.join((DEFAULT.rstrip('\n'), *((HEADING, *found) if found else ()))) + '\n'


def _append(file: Path, text: str, lines: Iterable[str]) -> None:
    heading = () if HEADING in text.splitlines() else (HEADING,)
    try:
        file.write_text('\n'.join((text.rstrip('\n'), *heading, *lines)) + '\n', encoding='utf-8')
    except OSError as error:
        raise SpecError(f'{file} cannot be written: {error}', help='make it writable') from None


def _escaped(path: str) -> str:
    r"""A path as a line that means it and no other.

    >>> _escaped('a*b/c')
    'a\\*b/c'
    """
    return re.sub(r'([*?\[\]\\])', r'\\\1', path)


def _first(file: Path) -> str:
    """How a file begins; '' if it is none, or no text."""
    try:
        with file.open('rb') as opened:
            return opened.read(max(len(MARK), len(DASHBOARD))).decode('utf-8', 'replace')
    except OSError:
        return ''


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f'{file} cannot be read: {error}', help='make it a text file') from None

"""A folder in; out, what it says that its code needs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from headrace.errors import SpecError
from headrace.images.programs import text_of
from headrace.images.subject import project, toml

REQUIREMENTS = 'requirements.txt'
"""The file that says what a folder needs, unless another one is named."""

LOCKS = ('uv.lock', 'pylock.toml', 'poetry.lock', 'pdm.lock')
"""Files of other tools that pin versions; what they pin stays so."""

SYSTEM = 'apt.txt'
"""The Debian packages that the code needs when it runs, one in a line."""

SYSTEM_FOR_BUILDING = 'apt-build.txt'
"""The Debian packages that are needed to install requirements, and that the image does not have."""

_INCLUDED = re.compile(r'^\s*(?:-r|-c|--requirement|--constraint)[\s=]+(?P<file>\S+)')
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')
_VERSION = re.compile('[A-Za-z0-9.!+_-]+')


_DIRECT = re.compile(r'[\w.-]+\s*(?:\[[^]]*\])?\s*@\s*')
_NOT_THERE = re.compile(
    r'-e\b|--editable\b|(?:git|hg|svn|bzr)\+|file:|\.{0,2}/|\.{1,2}(?:\[|\s|$)'
    r'|[^\s@;:-][^\s@;:]*(?:[/\\]|\.(?:whl|zip|tar\.gz)\b)'
)
"""A file or folder of this machine, or a repository, in the place of a package."""


class Requirements(Struct, frozen=True, kw_only=True):
    """What a folder needs: `file` says it ('' if nothing does), `pins` are versions that another lock has."""

    folder: Path
    file: str = ''
    extras: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()

    @property
    def lock(self) -> str:
        """The name of the file with the exact versions."""
        stem = Path(self.file).name.removesuffix('.txt').removesuffix('.in') if self.file else ''
        return str(Path(self.file).with_name(f'{stem}.lock')) if self.file.endswith(('.txt', '.in')) else LOCK

    def digest(self, own: tuple[str, ...], python: str) -> str:
        """A short text that changes when other versions may be needed.

        `own` is what headrace itself requires, `python` the version of Python that it is for.
        """
        said = [*self.said, *self.pins, *sorted(own), *self.extras, python]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]

    @property
    def said(self) -> list[str]:
        """The lines that say it."""
        if not self.file:
            return []
        if self.file.endswith('.toml'):
            told = project(self.folder)
            wanted: dict[str, Any] = told.get('optional-dependencies', {})
            extras = [line for extra in self.extras for line in wanted.get(extra, ())]
            return sorted([*told.get('dependencies', ()), *extras])
        return [*_lines(self.folder / self.file, set())]


LOCK = 'requirements.lock'


def requirements(folder: Path, *, file: str = '', extras: tuple[str, ...] = ()) -> Requirements:
    """What a folder's requirements.txt or pyproject.toml says, with the versions that a lock file pins.

    `file` names another one. Raises SpecError if that is not there, or a lock cannot be read.
    """
    if file and not (folder / file).is_file():
        raise SpecError(f'there is no {folder / file}', help='name a file of the folder that goes in')
    if not file and (folder / REQUIREMENTS).is_file():
        file = REQUIREMENTS
    if not file and project(folder).get('dependencies') is not None:
        file = 'pyproject.toml'
    if extras and not file.endswith('.toml'):
        raise SpecError(f'{folder} has no pyproject.toml with extras', help='leave out --extra')
    pins = tuple(line for name in LOCKS for line in _pinned(folder / name))
    return Requirements(folder=folder, file=file, extras=extras, pins=pins)


def names_in(text: str) -> set[str]:
    """The names of the packages that a requirements file pins, as indexes spell them.

    >>> sorted(names_in('Foo_Bar==1.0 --hash=sha256:00' + chr(10) + '# no' + chr(10) + 'x==2'))
    ['foo-bar', 'x']
    """
    found = (_NAME.match(line) for line in text.splitlines())
    return {spelt(name[0]) for name in found if name}


def not_in_a_build(lines: Iterable[str]) -> list[str]:
    """The lines that a build of an image cannot install: it has no git, no folders, and wants hashes.

    >>> not_in_a_build(['a==1', 'b @ git+https://x/b', './lib', '-e .', 'c @ https://x/c.whl', '-i https://x'])
    ['b @ git+https://x/b', './lib', '-e .']
    """
    return [line for line in lines if _NOT_THERE.match(_DIRECT.sub('', line, count=1))]


def spelt(name: str) -> str:
    """The name of a package as indexes spell it."""
    return re.sub('[-_.]+', '-', name).lower()


def system_packages(folder: Path, name: str) -> tuple[str, ...]:
    """The packages that a file of a folder lists, one in a line, with comments."""
    file = folder / name
    lines = text_of(file).splitlines() if file.is_file() else []
    found = tuple(word for line in lines for word in line.partition('#')[0].split())
    for word in found:
        if not re.fullmatch(r'[a-z0-9][a-z0-9+.:=~_-]*', word):
            raise SpecError(f'{file}: {word!r} is no name of a package', help='one package in a line')
    return found


def _lines(file: Path, seen: set[Path]) -> Iterator[str]:
    """The lines of a requirements file that mean something, and of those that it includes."""
    if file.resolve() in seen:
        return
    seen.add(file.resolve())
    for line in text_of(file).splitlines():
        line = line.split(' #')[0].strip()
        included = _INCLUDED.match(line)
        if included and '://' not in included['file']:
            yield from _lines(file.parent / included['file'], seen)
        elif line and not line.startswith('#'):
            yield line


def _pinned(file: Path) -> Iterator[str]:
    """`name==version` of each package in a lock file that has one version of it."""
    if not file.is_file():
        return
    told = toml(file)
    packages = told.get('packages') or told.get('package') or []
    versions: dict[str, set[str]] = {}
    for package in packages if isinstance(packages, list) else []:
        if isinstance(package, dict) and not _is_local(package):
            name, version = str(package.get('name', '')), str(package.get('version', ''))
            if _NAME.fullmatch(name) and _VERSION.fullmatch(version):
                versions.setdefault(spelt(name), set()).add(version)
    yield from (f'{name}=={found.pop()}' for name, found in sorted(versions.items()) if len(found) == 1)


def _is_local(package: dict[str, Any]) -> bool:
    """Whether a lock means a folder: the project itself, mostly."""
    source = package.get('source', {})
    return 'directory' in package or bool(
        isinstance(source, dict) and {'editable', 'virtual', 'directory', 'path'} & source.keys()
    )

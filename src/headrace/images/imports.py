"""The code of an image in; out, what it imports that the image would not have.

The code is read, not run, from what the Flow or the executor names on: files that nothing leads to, such as
tests, may import what they like. So may imports that do without (`try: ... except ImportError`).
"""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from msgspec import Struct

from headrace.executors.config import FOLDER_FILES
from headrace.images.requirements import spelt
from headrace.spec.image import APP

_OWN = ('headrace', '__main__', '__future__')
_ASIDE = re.compile(r'(test_.*|.*_test|conftest|setup|noxfile)\.py')
_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)
_CAUGHT = ('ImportError', 'ModuleNotFoundError', 'Exception')


class Import(Struct, frozen=True):
    """Something that a line of a file imports: the whole name, as Python would look for it."""

    name: str
    file: str
    line: int

    @property
    def top(self) -> str:
        """The part of the name that is installed, or is a file."""
        return self.name.partition('.')[0]


class Code:
    """The files of an image as its Python sees them.

    `files` are their paths from the folder's top, `bases` the folders in which names begin.
    """

    def __init__(self, folder: Path, files: Iterable[str], bases: Iterable[str] = ('',)) -> None:
        self._folder = folder
        self._files = frozenset(file for file in files if file.endswith(('.py', '.yml', '.yaml')))
        self._folders = {above for file in self._files if file.endswith('.py') for above in _above(file)}
        self._bases = [*bases]

    def imports(self, names: Iterable[str]) -> list[Import]:
        """What is imported that is no file here, by the code that these names (those of `uses`) lead to."""
        waiting = [file for name in names for file in self._named(name)]
        seen: set[str] = set()
        found = []
        while waiting:
            file = waiting.pop()
            if file not in seen:
                seen.add(file)
                for node in self._read(file):
                    inside = (
                        self._beside(file, node) if isinstance(node, ast.ImportFrom) and node.level else []
                    )
                    for each in _imports(node, file):
                        here = self._inside(each.name)
                        found += [each] if here is None else []
                        inside += here or []
                    waiting += inside
        return sorted(found, key=lambda each: (each.file, each.line, each.name))

    def _named(self, name: str) -> list[str]:
        """The files that `uses` means."""
        place = name.removeprefix(APP).removeprefix('/').partition(':')[0]
        for base in self._bases:
            path = posixpath.normpath(posixpath.join(base, place)).removeprefix('./').rstrip('.')
            if path in self._files and path.endswith('.py'):
                return [self._start(path)]
            folder = posixpath.dirname(path) if path in self._files else path
            if path in self._files or any(
                posixpath.join(folder, file) in self._files for file in FOLDER_FILES
            ):
                return [self._start(file) for file in self._files if _is_code(file, folder)]
        return self._inside(place) or []

    def _start(self, file: str) -> str:
        """A file that is loaded by its path: the names that it imports begin in its folder, too."""
        folder = posixpath.dirname(file)
        while folder and posixpath.join(folder, '__init__.py') in self._files:
            folder = posixpath.dirname(folder)
        if folder not in self._bases:
            self._bases.append(folder)
        return file

    def _inside(self, name: str) -> list[str] | None:
        """The files that a name is, and the packages around it; None if it begins with none that is here."""
        top, *inner = name.split('.')
        for base in self._bases:
            path = posixpath.join(base, top)
            if f'{path}.py' in self._files or path in self._folders:
                return self._along(path, inner)
        return None

    def _beside(self, file: str, node: ast.ImportFrom) -> list[str]:
        """The files that a relative import means."""
        package = posixpath.dirname(file)
        for _ in range(node.level - 1):
            package = posixpath.dirname(package)
        inner = (node.module or '').split('.') if node.module else []
        return [found for alias in node.names for found in self._along(package, [*inner, alias.name])]

    def _along(self, path: str, inner: list[str]) -> list[str]:
        """The files on the way from a module's path to one that is further in."""
        steps = (posixpath.join(path, *inner[:count]) for count in range(len(inner) + 1))
        files = (file for step in steps for file in (f'{step}/__init__.py', f'{step}.py'))
        return [file for file in files if file in self._files]

    def _read(self, file: str) -> list[ast.Import | ast.ImportFrom]:
        path = self._folder / file
        try:
            return [*_needed(ast.parse(path.read_bytes()).body)] if path.is_file() else []
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return []  # whoever runs it is told


def lacking(found: Iterable[Import], has: Iterable[str]) -> dict[Import, str]:
    """Of imports those that no package of an image has; with the package to add, '' if it is not known.

    `has` are names of packages. What is installed here tells in which package a module is; of others, only
    the name of the module does.
    """
    known = {*has}
    lacks: dict[str, Import] = {}
    for each in found:
        if each.top not in sys.stdlib_module_names and each.top not in _OWN:
            lacks.setdefault(each.top, each)
    packages = packages_distributions() if lacks else {}
    told = {}
    for top, each in lacks.items():
        brought_by = [*dict.fromkeys(packages.get(top, ()))]
        is_there = {*map(spelt, brought_by)} & known
        if not (is_there if brought_by else any(_is_like(spelt(top), package) for package in known)):
            told[each] = brought_by[0] if brought_by else ''
    return told


def _is_like(name: str, package: str) -> bool:
    """Whether a package may have a module of this name.

    >>> _is_like('dateutil', 'python-dateutil'), _is_like('yaml', 'pyyaml'), _is_like('cv2', 'pillow')
    (True, True, False)
    """
    return (
        name in package.split('-') or package in (f'py{name}', f'python-{name}') or package.startswith(name)
    )


def _needed(nodes: Iterable[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports among these nodes, and in them, that have to succeed when they run."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.Try) and any(_catches(handler.type) for handler in node.handlers):
            yield from _needed((*node.orelse, *node.finalbody))
        elif isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test):
            yield from _needed(node.orelse)
        elif not (isinstance(node, ast.With) and any(_catches(item.context_expr) for item in node.items)):
            yield from _needed(each for each in ast.iter_child_nodes(node) if isinstance(each, _STATEMENTS))


def _catches(kind: ast.expr | None) -> bool:
    """Whether this catches an import that fails: a kind of error, or `suppress` of one."""
    return kind is None or any(name in ast.unparse(kind) for name in _CAUGHT)


def _imports(node: ast.Import | ast.ImportFrom, file: str) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(alias.name, file, node.lineno) for alias in node.names]
    absolute = [] if node.level else node.names
    return [Import(f'{node.module}.{alias.name}', file, node.lineno) for alias in absolute]


def _is_code(file: str, folder: str) -> bool:
    """Whether a file is of the code of an executor's folder; tests and scripts beside it are not."""
    return (
        file.endswith('.py') and posixpath.dirname(file) == folder and not _ASIDE.fullmatch(Path(file).name)
    )


def _above(file: str) -> Iterator[str]:
    folder = posixpath.dirname(file)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)

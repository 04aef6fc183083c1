"""What `uses` names in; out, an error if the folder of an image has no such file, or the file no such class.

Code is read and not run: what it imports may be missing here. So what cannot be known for sure passes.
"""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from headrace.errors import SpecError
from headrace.spec.image import APP
from headrace.spec.suggest import did_you_mean

_FILE = re.compile(r'(?P<file>[^\n]+\.(?:py|yml|yaml))(?::(?P<name>[\w.]+))?')
_MODULE = re.compile(r'(?P<module>\w+(?:\.\w+)*):(?P<name>[\w.]+)')
_BOUND = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_DYNAMIC = frozenset(('globals', 'vars', 'locals', 'setattr', 'exec', '__getattr__', '*'))


def check_named(folder: Path, names: Iterable[str], bases: Iterable[str] = ('',)) -> None:
    """Raise SpecError for the first name (`file.py:Class`, `module:Class`, a YAML file) that leads nowhere.

    `bases` are the folders, by their paths in `folder`, in which names are looked for. Modules that are not
    in them may be installed, and absolute paths may be of the base: both pass.
    """
    for name in names:
        inside = name.removeprefix(f'{APP}/')
        if inside.startswith(('/', '~')):
            continue
        if by_path := _FILE.fullmatch(inside):
            _check_class(_found(folder, by_path['file'], bases), by_path['name'] or '', inside)
        elif (by_name := _MODULE.fullmatch(inside)) and by_name['module'] not in sys.stdlib_module_names:
            path = by_name['module'].replace('.', '/') + '.py'
            for base in bases:
                if (folder / base / path).is_file():
                    _check_class(folder / base / path, by_name['name'], inside)
                    break


def _found(folder: Path, name: str, bases: Iterable[str]) -> Path:
    bases = [*bases]
    for base in bases:
        if (folder / base / name).exists():
            return folder / base / name
    place = folder / bases[0] / posixpath.dirname(name)
    kind = posixpath.splitext(name)[1]
    there = sorted(posixpath.join(posixpath.dirname(name), each.name) for each in place.glob(f'*{kind}'))
    raise SpecError(
        f'there is no file {name} in {folder / bases[0]}', help=did_you_mean(name, there, noun='files there')
    )


def _check_class(file: Path, name: str, uses: str) -> None:
    first = name.partition('.')[0]
    if not first or not file.is_file() or file.suffix != '.py':
        return
    try:
        nodes = [*ast.walk(ast.parse(file.read_bytes()))]
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return  # whoever runs it is told
    bound = {name for node in nodes for name in _names(node)}
    if first not in bound and not bound & _DYNAMIC:
        classes = [node.name for node in nodes if isinstance(node, ast.ClassDef)]
        raise SpecError(
            f'{uses}: {file} has no {first!r}', help=did_you_mean(first, classes, noun='classes there')
        )


def _names(node: ast.AST) -> Iterable[str]:
    """The names that a piece of code may give to something, and those with which it may give any."""
    if isinstance(node, _BOUND):
        return (node.name,)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition('.')[0] for alias in node.names]
    if isinstance(node, ast.Name) and (isinstance(node.ctx, ast.Store) or node.id in _DYNAMIC):
        return (node.id,)
    return ()

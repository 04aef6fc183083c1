"""The files of this project as the house tests read them: paths, text, syntax trees, definitions."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'src' / 'headrace'
GENERATED = ('_pb2.py', '_pb2_grpc.py', '_pb2.pyi')

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Definition:
    """One class or function: `name` is its qualified name, `path` the file relative to the repository."""

    path: str
    name: str
    node: ast.ClassDef | Function
    method: bool = False

    @property
    def lines(self) -> int:
        """Count its lines, decorators and docstring included."""
        first = min([self.node.lineno, *(d.lineno for d in self.node.decorator_list)])
        return (self.node.end_lineno or first) - first + 1

    @property
    def key(self) -> str:
        """Say where it is, as allowlists name it."""
        return f'{self.path}::{self.name}'


@cache
def files() -> tuple[str, ...]:
    """Return every file that is, or is about to be, part of the repository."""
    command = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
            '\0'
        )
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        hidden = ('.venv', '.git', '__pycache__', 'node_modules', 'var', '.mypy_cache', '.ruff_cache')
        found = (p.relative_to(ROOT) for p in ROOT.rglob('*') if p.is_file())
        listed = [p.as_posix() for p in found if not any(part.startswith(hidden) for part in p.parts)]
    return tuple(sorted(name for name in listed if name and (ROOT / name).is_file()))


def python_files(*folders: str) -> tuple[str, ...]:
    """Return the hand-written Python files under `folders`, relative to the repository."""
    ours = (name for name in files() if name.endswith('.py') and not name.endswith(GENERATED))
    return tuple(name for name in ours if not folders or name.startswith(tuple(f'{f}/' for f in folders)))


@cache
def text(path: str) -> str:
    """Return the text of a file of the repository."""
    return (ROOT / path).read_text(encoding='utf-8')


@cache
def tree(path: str) -> ast.Module:
    """Return the syntax tree of a Python file of the repository."""
    return ast.parse(text(path), filename=path)


@cache
def definitions(path: str) -> tuple[Definition, ...]:
    """Return every class and function of a file, nested ones included."""
    return tuple(_walk(tree(path), path, '', method=False))


def _walk(node: ast.AST, path: str, prefix: str, *, method: bool) -> Iterator[Definition]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f'{prefix}{child.name}'
            yield Definition(path, name, child, method=method)
            yield from _walk(child, path, f'{name}.', method=isinstance(child, ast.ClassDef))
        else:
            yield from _walk(child, path, prefix, method=method)


def module_name(path: str) -> str:
    """Return how a file under src is imported: `src/headrace/spec/__init__.py` is `headrace.spec`."""
    parts = Path(path).with_suffix('').parts[1:]
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def check(rule: str, broken: dict[str, str], allowed: dict[str, str], remedy: str) -> None:
    """Fail the test if a rule is broken: say the rule, each place, and what to do.

    `broken` maps a place to what is wrong there, `allowed` a place to the reason why it may be. An
    exception that nothing needs any more is as wrong as a breach, so that the list only shrinks.
    """
    breaches = [f'  {place}: {what}' for place, what in sorted(broken.items()) if place not in allowed]
    stale = [
        f'  {place}: keeps the rule now; take it off the list' for place in sorted(allowed.keys() - broken)
    ]
    if breaches or stale:
        pytest.fail('\n'.join([rule, *breaches, *stale, f'  -> {remedy}']), pytrace=False)

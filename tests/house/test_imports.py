"""Imports stand at the top, form no circle, and bring what is optional through one function."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from sources import Function, check, module_name, python_files, text, tree

# file::function -> why it imports. Where the start of a program demands it, a comment there says so
# instead; at most so many do.
INSIDE_FUNCTIONS: dict[str, str] = {}
EXCUSED = 10

DYNAMIC = {
    'src/headrace/__init__.py': 'the public names are imported when they are first used',
    'src/headrace/extras.py': 'the one function that imports optional dependencies',
    'src/headrace/deploy/__init__.py': 'a Flow that exports nothing does not pay for it',
    'src/headrace/places/__init__.py': 'a gateway that runs alone posts its notice, and starts nothing',
    'src/headrace/spec/__init__.py': 'a process that reads no YAML does not pay for it',
    'src/headrace/cli/alone.py': 'libraries of numbers read the environment, which a Flow completes first',
    'src/headrace/cli/program.py': 'a command starts faster without the modules of all others',
    'src/headrace/client/loop.py': 'a client that never asks does not pay for its event loop',
    'src/headrace/client/progress.py': 'a post that shows no bar does not pay for the library that draws it',
    'src/headrace/client/transport.py': 'a client loads only the protocol that it speaks',
    'src/headrace/executors/finding.py': "it finds the user's classes by their names",
    'src/headrace/executors/modules.py': "it loads the user's classes, by name or from a file",
    'src/headrace/gateway/discovery/places.py': 'a gateway outside of clusters does not pay for aiohttp',
    'src/headrace/gateway/elsewhere.py': 'a Flow without external executors does not pay for gRPC',
    'src/headrace/gateway/http/server.py': 'a gateway that speaks no WebSocket does not pay for it',
    'src/headrace/gateway/serving.py': 'a gateway starts faster without the protocols that nobody asked for',
    'src/headrace/gateway/server.py': 'a gateway starts faster without the protocols that nobody asked for',
}
ENVIRONMENT = {'src/headrace/spec/environment.py': 'the one module that reads the environment'}


def test_inside_functions() -> None:
    broken: dict[str, str] = {}
    excused = []
    for path in python_files('src'):
        lines = text(path).splitlines()
        for name, node in _late_imports(tree(path), ''):
            if _has_reason(lines, node):
                excused.append(f'{path}:{node.lineno}')
                continue
            broken.setdefault(f'{path}::{name}', f'line {node.lineno}: {ast.unparse(node)}')
    assert len(excused) <= EXCUSED, f'too many imports inside functions, each with its excuse: {excused}'
    remedy = (
        'move it to the top; an optional dependency comes through headrace.extras.load(module, extra=...)'
    )
    check('Imports stand at the top.', broken, INSIDE_FUNCTIONS, remedy)


def _has_reason(lines: list[str], node: ast.Import | ast.ImportFrom) -> bool:
    """Say whether a comment stands on an import's last line, or alone on the line above it."""
    above, last = lines[node.lineno - 2].strip(), lines[(node.end_lineno or node.lineno) - 1]
    return above.startswith('#') or re.search(r'#(?! noqa| type:| pragma)', last) is not None


def _late_imports(node: ast.AST, name: str) -> Iterator[tuple[str, ast.Import | ast.ImportFrom]]:
    for child in ast.iter_child_nodes(node):
        inner = f'{name}.{child.name}'.lstrip('.') if isinstance(child, Function | ast.ClassDef) else name
        if name and isinstance(child, ast.Import | ast.ImportFrom):
            yield name, child
        yield from _late_imports(child, inner)


def test_dynamic_imports() -> None:
    calls = re.compile(r'\b(import_module|__import__|spec_from_file_location)\(')
    broken = {}
    for path in python_files('src'):
        if found := calls.search(text(path)):
            broken[path] = f'calls {found[1]}'
    remedy = 'what is optional comes through headrace.extras.load(module, extra=...)'
    check('Few places import by name.', broken, DYNAMIC, remedy)


def test_environment() -> None:
    reads = re.compile(r'\bos\.(environb?|getenv|putenv)\b|from os import .*\b(environ|getenv)\b')
    broken = {}
    for path in python_files('src'):
        if any(reads.search(line) for line in _code(path)):
            broken[path] = 'touches os.environ'
    remedy = 'ask headrace.spec.environment'
    check('One module reads the environment.', broken, ENVIRONMENT, remedy)


def _code(path: str) -> list[str]:
    """Return each statement's source without comments and docstrings."""
    stripped = ast.unparse(tree(path))
    return [line for line in stripped.splitlines() if not line.lstrip().startswith(('"', "'"))]


def test_no_cycle() -> None:
    modules = {module_name(path): path for path in python_files('src')}
    graph = {name: set(_imported(path, modules)) - {name} for name, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(
            f'A circle of imports: {" <- ".join(error.args[1])}\n'
            '  -> move what both need into a module below them (imports inside functions count, too)'
        ) from None


def _imported(path: str, modules: dict[str, str]) -> Iterator[str]:
    """Yield the modules of ours that a file imports, wherever in it, except for type checking only."""
    here = module_name(path).split('.')
    package = here if path.endswith('__init__.py') else here[:-1]
    for node in _at_run_time(tree(path)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name in modules)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = '.'.join([*base, *(node.module or '').split('.')]).strip('.')
            for alias in node.names:
                whole = f'{origin}.{alias.name}'
                yield from (name for name in (whole if whole in modules else origin,) if name in modules)


def _at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and 'TYPE_CHECKING' in ast.unparse(child.test):
            continue
        yield child
        yield from _at_run_time(child)

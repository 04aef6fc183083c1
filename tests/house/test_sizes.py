"""Files, classes, functions and parameter lists stay small enough to be read at once."""

from __future__ import annotations

import ast
from statistics import median

from sources import Definition, Function, check, definitions, python_files, text

FILE_LINES = 400
MEDIAN_FILE_LINES = 150
CLASS_LINES = 300
FUNCTION_LINES = 60
PARAMETERS = 8
POSITIONAL = 5

LONG_FILES: dict[str, str] = {}
LONG_CLASSES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
MANY_PARAMETERS: dict[str, str] = {}
MANY_POSITIONAL: dict[str, str] = {}

ALL = ('src', 'tests', 'examples', 'benchmarks', 'tools')


def test_files() -> None:
    lengths = {path: text(path).count('\n') for path in python_files(*ALL)}
    broken = {path: f'{lines} lines' for path, lines in lengths.items() if lines > FILE_LINES}
    remedy = 'split the file where its purpose divides'
    check(f'A file has up to {FILE_LINES} lines.', broken, LONG_FILES, remedy)
    assert median(text(path).count('\n') for path in python_files('src')) <= MEDIAN_FILE_LINES


def test_classes() -> None:
    long = {d.key: f'{d.lines} lines' for d in _all(ast.ClassDef) if d.lines > CLASS_LINES}
    remedy = 'give a part of its work to a class or a module of its own'
    check(f'A class has up to {CLASS_LINES} lines.', long, LONG_CLASSES, remedy)


def test_functions() -> None:
    functions = _all(ast.FunctionDef, ast.AsyncFunctionDef)
    long = {d.key: f'{d.lines} lines' for d in functions if d.lines > FUNCTION_LINES}
    remedy = 'a step of it wants a name'
    check(f'A function has up to {FUNCTION_LINES} lines.', long, LONG_FUNCTIONS, remedy)


def test_parameters() -> None:
    broken = {
        d.key: f'{n} parameters' for d in _source_functions() if (n := len(_parameters(d))) > PARAMETERS
    }
    remedy = 'make them a record (a frozen Struct), or say in MANY_PARAMETERS why not'
    check(f'A function has up to {PARAMETERS} parameters.', broken, MANY_PARAMETERS, remedy)


def test_positional_parameters() -> None:
    public = (d for d in _source_functions() if not d.node.name.startswith('_'))
    counts = {d.key: len(_parameters(d, keywords=False)) for d in public}
    broken = {key: f'{n} positional parameters' for key, n in counts.items() if n > POSITIONAL}
    remedy = 'put a * before those that a caller should name'
    check(f'Up to {POSITIONAL} parameters may be positional.', broken, MANY_POSITIONAL, remedy)


def _all(*kinds: type[ast.AST]) -> list[Definition]:
    return [d for path in python_files(*ALL) for d in definitions(path) if isinstance(d.node, kinds)]


def _source_functions() -> list[Definition]:
    paths = python_files('src', 'examples', 'benchmarks', 'tools')
    return [d for path in paths for d in definitions(path) if isinstance(d.node, Function)]


def _parameters(definition: Definition, *, keywords: bool = True) -> list[str]:
    node = definition.node
    assert isinstance(node, Function)
    given = [*node.args.posonlyargs, *node.args.args]
    static = any(isinstance(d, ast.Name) and d.id == 'staticmethod' for d in node.decorator_list)
    bound = given[1:] if definition.method and not static else given
    return [a.arg for a in (*bound, *(node.args.kwonlyargs if keywords else ()))]

"""Inheritance stays shallow, and classes are made in the plain way."""

from __future__ import annotations

import ast

from sources import check, definitions, module_name, python_files

DEPTH = 2
ERROR_DEPTH = 4

DEEP: dict[str, str] = {}
METACLASSES: dict[str, str] = {}


def test_depth() -> None:
    parents = {
        d.key: d
        for path in python_files('src')
        for d in definitions(path)
        if isinstance(d.node, ast.ClassDef)
    }
    by_name: dict[str, list[str]] = {}
    for key, definition in parents.items():
        by_name.setdefault(definition.node.name, []).append(key)

    def depth(key: str, seen: frozenset[str] = frozenset()) -> int:
        node = parents[key].node
        assert isinstance(node, ast.ClassDef)
        above = [k for base in node.bases for k in by_name.get(_last(base), ()) if k not in seen | {key}]
        return 1 + max((depth(k, seen | {key}) for k in above), default=0)

    limits = {
        key: ERROR_DEPTH if module_name(d.path) == 'headrace.errors' else DEPTH for key, d in parents.items()
    }
    broken = {key: f'{depth(key)} classes deep' for key in parents if depth(key) > limits[key]}
    remedy = 'hold the other object instead of being one (composition)'
    check(
        f'Up to {DEPTH} of our classes stand above each other (errors {ERROR_DEPTH}).', broken, DEEP, remedy
    )


def _last(base: ast.expr) -> str:
    """Return the class name of a base: `documents.Base[T]` is Base."""
    while isinstance(base, ast.Subscript):
        base = base.value
    return base.attr if isinstance(base, ast.Attribute) else getattr(base, 'id', '')


def test_no_metaclass() -> None:
    broken = {}
    for path in python_files('src'):
        for d in definitions(path):
            if not isinstance(d.node, ast.ClassDef):
                continue
            if any(k.arg == 'metaclass' for k in d.node.keywords):
                broken[d.key] = 'is made by a metaclass'
            if any(_last(b) in {'type', 'ABCMeta', 'EnumMeta', 'StructMeta'} for b in d.node.bases):
                broken[d.key] = 'is a metaclass'
    remedy = '__init_subclass__, a class decorator or a plain function does it'
    check('No metaclass of our own.', broken, METACLASSES, remedy)

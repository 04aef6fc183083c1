"""Python values in; out: the same as dicts, lists, texts and numbers that a file can hold, or a SpecError."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from headrace.spec.source import Path, Source

_PYTHON = Source()
_MAX_DEPTH = 50


def plain(value: Any, path: Path = ()) -> Any:
    """`value` as plain data: tuples become lists, paths texts, classes module:Class.

    >>> plain({'uses': dict, 'needs': ('a', 'b')})
    {'uses': 'builtins:dict', 'needs': ['a', 'b']}
    """
    if len(path) > _MAX_DEPTH:
        raise _PYTHON.error(path[:3], 'nested too deeply for a file, or contains itself')
    if value is None or isinstance(value, bool | int | float | str):
        return _exact(value)
    if isinstance(value, Mapping):
        return {_key(key, path): plain(item, (*path, _key(key, path))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, type):
        return _class(value, path)
    raise _PYTHON.error(
        path,
        f'a {type(value).__name__} cannot be written to a file',
        help='pass texts, numbers, lists and mappings, and make the object in the constructor',
    )


def _exact(value: Any) -> Any:
    """Subclasses (of an enum's kind, say) as the basic type."""
    for basic in (bool, int, float, str):
        if isinstance(value, basic):
            return value if type(value) is basic else basic(value)
    return value


def _key(key: Any, path: Path) -> str | int:
    if isinstance(key, str | int) and not isinstance(key, bool):
        return str(key) if isinstance(key, str) else int(key)
    raise _PYTHON.error(path, f'the key {key!r} cannot be written to a file', help='use texts as keys')


def _class(value: type[Any], path: Path) -> str:
    name = f'{value.__module__}:{value.__qualname__}'
    if value.__module__ == '__main__' or '<locals>' in value.__qualname__:
        raise _PYTHON.error(
            path,
            f'a file cannot name {value.__qualname__}: it is not at the top of an importable module',
            help=f"move it to a Python file beside the YAML and say uses='file.py:{value.__name__}'",
        )
    return name

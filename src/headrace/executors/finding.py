"""What `uses=` names in, the class out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from headrace.errors import LoadError
from headrace.executors.endpoints import ENDPOINTS
from headrace.executors.modules import import_file, import_module, import_named, located
from headrace.spec.suggest import did_you_mean

_FILE = re.compile(r'(?P<file>.+\.py):(?P<name>[\w.]+)')


def is_executor(value: object) -> bool:
    """Whether `value` is a class of executors."""
    return isinstance(value, type) and hasattr(value, ENDPOINTS)


def find_class(
    uses: str, base: type[Any], *, py_modules: Sequence[str] = (), search: Sequence[Path] = ()
) -> type[Any]:
    """`module:Class`, `module.Class`, `file.py:Class` or the bare name of a class, as the class.

    A bare name is looked for in `py_modules`, then among the subclasses of `base` that exist already;
    'Executor' is `base` itself. Raises LoadError that says what was looked for, and what is there instead.
    """
    modules = [import_named(name, search) for name in py_modules]
    from_file = _FILE.fullmatch(uses)
    if from_file:
        return _member(import_file(located(from_file['file'], search)), from_file['name'], uses)
    if ':' in uses:
        module, _, name = uses.partition(':')
        return _member(import_module(module, search), name, uses)
    for loaded in modules:
        if hasattr(loaded, uses.partition('.')[0]):
            return _member(loaded, uses, uses)
    return _known(uses, base, modules) or _dotted(uses, search)


def _member(module: ModuleType, name: str, uses: str) -> type[Any]:
    found: Any = module
    for part in name.split('.'):
        if not hasattr(found, part):
            classes = _executors_in(found)
            raise LoadError(
                f'{uses}: {found.__name__} has no {part!r}',
                help=did_you_mean(part, classes, noun='executors there'),
            )
        found = getattr(found, part)
    if not is_executor(found):
        raise LoadError(
            f'{uses} is {type(found).__name__} {name!r}, not an executor',
            help='let it be a subclass of headrace.Executor',
        )
    return found  # type: ignore[no-any-return]


def _known(name: str, base: type[Any], modules: Sequence[ModuleType]) -> type[Any] | None:
    """A class by its name alone, of those that exist; None for a dotted name that none has."""
    if name in ('Executor', 'BaseExecutor'):
        return base
    known = {f'{cls.__module__}:{cls.__qualname__}': cls for cls in _subclasses(base)}
    found = [cls for cls in known.values() if cls.__qualname__ == name]
    if len(found) > 1:
        raise LoadError(
            f'there are {len(found)} executor classes {name!r}',
            help=f'say which: {", ".join(key for key, cls in known.items() if cls in found)}',
        )
    if found or '.' in name:
        return found[0] if found else None
    names = [key for module in modules for key in _executors_in(module)]
    raise LoadError(
        f'there is no executor class {name!r}',
        help=did_you_mean(name, names or [cls.__qualname__ for cls in known.values()], noun='known')
        + '; a class of a file is written module:Class or file.py:Class',
    )


def _executors_in(holder: object) -> list[str]:
    """The names of the executors in a module or class, without the base class that it imports."""
    return [
        name
        for name, value in vars(holder).items()
        if is_executor(value) and any(map(is_executor, value.__mro__[1:]))
    ]


def _subclasses(base: type[Any]) -> Iterator[type[Any]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)


def _dotted(uses: str, search: Sequence[Path]) -> type[Any]:
    """`package.module.Class`, also of a class inside of a class: the longest beginning that is a module."""
    parts = uses.split('.')
    for count in range(len(parts) - 1, 0, -1):
        name = '.'.join(parts[:count])
        try:
            module = import_module(name, search)
        except LoadError as error:
            cause = error.__cause__
            if count > 1 and isinstance(cause, ModuleNotFoundError) and cause.name == name:
                continue
            raise
        return _member(module, '.'.join(parts[count:]), uses)
    raise LoadError(f'{uses!r} is no name of a class', help='write module:Class or file.py:Class')

"""`DocList['Item']` in a class body turned into `DocList[Item]` as soon as there is a class `Item`.

A class cannot name itself, or one that comes after it, in its annotations. A list class of a mere name stands
there until a document class of that name is defined in the same module; then it is put in its place. So
nothing that reads annotations later (msgspec, typing) has to know of names.
"""

from __future__ import annotations

import functools
import operator
import re
import sys
import types
import typing
from typing import Any
from weakref import WeakSet, WeakValueDictionary

_QUOTED = re.compile(r"""(\b(?:DocList|DocumentArray)\[)\s*(['"])(\w+)\2\s*\]""")
_OF_A_NAME = re.compile(r'(?:\w+\.)?DocList\[(\w+)\](\s*\|\s*None)?')

_defined: WeakValueDictionary[tuple[str, str], type[Any]] = WeakValueDictionary()
_waiting: dict[tuple[str, str], WeakSet[type[Any]]] = {}


def resolve(doc_type: type[Any]) -> None:
    """Put classes for names in the annotations of a class that was just defined, and of those that wait for
    it.
    """
    module, name = doc_type.__module__, doc_type.__name__
    _defined[module, name] = doc_type
    for waiting in (doc_type, *_waiting.pop((module, name), ())):
        annotations = waiting.__dict__.get('__annotations__', {})  # noqa: RUF063 - they are to be changed
        for field, annotation in list(annotations.items()):
            if isinstance(annotation, str):
                annotations[field] = _of_itself(waiting, _QUOTED.sub(r'\1\3]', annotation))
            else:
                annotations[field] = _resolved(annotation, waiting)


def name_in(list_type: Any) -> str | None:
    """The name that a list class still waits for; None for every other class."""
    found: str | None = getattr(list_type, '_forward', None)
    return found


def unknown(name: str, module: str = '') -> str:
    """What to say of a name that no class was found for."""
    where = f' in {module}' if module else ' in the module'
    return f"DocList['{name}'] names no document class: none of that name was defined{where}"


def _resolved(annotation: Any, owner: type[Any]) -> Any:
    name = name_in(annotation)
    if name is not None:
        found = _defined.get((owner.__module__, name)) or getattr(
            sys.modules.get(owner.__module__), name, None
        )
        if isinstance(found, type):
            return annotation.__base__[found]
        _waiting.setdefault((owner.__module__, name), WeakSet()).add(owner)
        return annotation
    arguments = typing.get_args(annotation)
    changed = tuple(_resolved(each, owner) for each in arguments)
    if all(map(operator.is_, arguments, changed)):
        return annotation
    origin: Any = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, changed)
    return origin[changed]


def _of_itself(owner: type[Any], annotation: str) -> Any:
    """A text that is a list of the class itself as that list: inside a function no one could look it up."""
    match = _OF_A_NAME.fullmatch(annotation.strip())
    if match is None or match[1] != owner.__name__:
        return annotation
    lists = getattr(sys.modules.get(owner.__module__), 'DocList', None)
    if lists is None:
        return annotation
    return lists[owner] | None if match[2] else lists[owner]

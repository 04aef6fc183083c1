"""A class that only this process has (`__main__`, a notebook) in, bytes that make it again elsewhere out.

cloudpickle does this for ordinary classes, but rebuilds a msgspec Struct without its fields. The documents of
a script are Structs, so here each goes as the list of its fields and is defined anew where it arrives.
"""

from __future__ import annotations

import inspect
import io
import sys
import types
from collections.abc import Callable
from typing import Any

import cloudpickle
import msgspec

from headrace.documents import DocList

_MADE_BY_MSGSPEC = {
    '__annotations__',
    '__dict__',
    '__doc__',
    '__match_args__',
    '__module__',
    '__qualname__',
    '__slots__',
    '__weakref__',
    '__struct_fields__',
    '__struct_defaults__',
    '__struct_encode_fields__',
    '__struct_config__',
}

_OPTIONS = (
    'array_like',
    'cache_hash',
    'dict',
    'eq',
    'forbid_unknown_fields',
    'frozen',
    'gc',
    'omit_defaults',
    'order',
    'repr_omit_defaults',
    'tag',
    'tag_field',
    'weakref',
)


def dumps(value: Any) -> bytes:
    """Pickle `value` for a process that we start ourselves, with the classes that it cannot import."""
    with io.BytesIO() as file:
        _Pickler(file).dump(value)
        return file.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type) and not _is_importable(value):
            if issubclass(value, msgspec.Struct):
                return _reduced(value)
            if issubclass(value, DocList) and value is not DocList:
                return _doclist, (value.doc_type,)
        return super().reducer_override(value)


def _is_importable(cls: type[Any]) -> bool:
    found: Any = None if cls.__module__ == '__main__' else sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split('.'):
        found = getattr(found, part, None)
    return found is cls


def _reduced(cls: type[msgspec.Struct]) -> tuple[Any, ...]:
    """How pickle is to make a Struct: its fields first, its methods when the class is there."""
    own = [info for info in msgspec.structs.fields(cls) if info.name in vars(cls).get('__annotations__', {})]
    keyword_only = {p.name for p in inspect.signature(cls).parameters.values() if p.kind is p.KEYWORD_ONLY}
    fields = [(info.name, info.type, info.encode_name, info.default, info.default_factory) for info in own]
    config = cls.__struct_config__
    options = {name: getattr(config, name) for name in _OPTIONS}
    options['kw_only'] = bool(own) and all(info.name in keyword_only for info in own)
    rest = {key: item for key, item in vars(cls).items() if _is_state(key, item)}
    named = {'__module__': cls.__module__, '__qualname__': cls.__qualname__, '__doc__': cls.__doc__}
    return _define, (cls.__name__, fields, cls.__bases__, named, options), rest, None, None, _complete


def _define(
    name: str,
    fields: list[tuple[str, Any, str, Any, Callable[[], Any]]],
    bases: tuple[type[Any], ...],
    named: dict[str, Any],
    options: dict[str, Any],
) -> type[msgspec.Struct]:
    made = []
    for field, kind, encoded, default, factory in fields:
        defaults: dict[str, Any] = {'default': default, 'default_factory': factory}
        made.append((field, kind, msgspec.field(name=encoded, **defaults)))
    return msgspec.defstruct(name, made, bases=bases, namespace=named, module=named['__module__'], **options)


def _complete(cls: type[msgspec.Struct], rest: dict[str, Any]) -> None:
    for key, item in rest.items():
        setattr(cls, key, item)


def _is_state(key: str, item: Any) -> bool:
    """Whether a Struct's attribute is the user's (a method, a constant) and not made from its fields."""
    return key not in _MADE_BY_MSGSPEC and not isinstance(item, types.MemberDescriptorType)


def _doclist(doc_type: type[Any]) -> type[DocList[Any]]:
    made: type[DocList[Any]] = DocList[doc_type]  # type: ignore[valid-type]
    return made

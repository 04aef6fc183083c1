"""A class that only this process has (`__main__`, a notebook) in, bytes that make it again elsewhere out.

cloudpickle does this for ordinary classes, but rebuilds a msgspec Struct without its fields. The documents of
a script are Structs, so here each goes as the list of its fields and is defined anew where it arrives.
"""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable
from typing import Any

import cloudpickle
import msgspec

from headrace.documents.parts import own_lists
from headrace.documents.sequence import DocSequence

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


_POST_INIT = '__post_init__'


def dumps(value: Any) -> bytes:
    """Pickle `value` for a process that we start ourselves, with the classes that it cannot import."""
    with io.BytesIO() as file:
        _Pickler(file).dump(value)
        return file.getvalue()


class _Later:
    """Stands for a `__post_init__`, which msgspec wants when it makes a class, and we have afterwards."""

    function: Callable[[Any], None]

    def __call__(self, struct: Any) -> None:
        self.function(struct)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type) and not _is_importable(value):
            if issubclass(value, msgspec.Struct):
                return _reduced(value)
            if issubclass(value, DocSequence) and '[' in value.__name__:
                return _list_type, (value.__base__, value.doc_type)
        return super().reducer_override(value)


def _is_importable(cls: type[Any]) -> bool:
    only_here = {'__main__', *cloudpickle.list_registry_pickle_by_value()}
    found: Any = None if cls.__module__ in only_here else sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split('.'):
        found = getattr(found, part, None)
    return found is cls


def _reduced(cls: type[msgspec.Struct]) -> tuple[Any, ...]:
    """How pickle is to make a Struct: its fields, and when it is there their types (which may name it)."""
    own = [info for info in msgspec.structs.fields(cls) if info.name in inspect.get_annotations(cls)]
    keyword_only = {p.name for p in inspect.signature(cls).parameters.values() if p.kind is p.KEYWORD_ONLY}
    fields = [(info.name, info.encode_name, info.default, info.default_factory) for info in own]
    config = cls.__struct_config__
    options = {name: getattr(config, name) for name in _OPTIONS}
    options['kw_only'] = bool(own) and all(info.name in keyword_only for info in own)
    named: dict[str, Any] = {
        '__module__': cls.__module__,
        '__qualname__': cls.__qualname__,
        '__doc__': cls.__doc__,
    }
    rest = {key: item for key, item in vars(cls).items() if _is_state(cls, key)}
    if _POST_INIT in rest:
        named[_POST_INIT] = _Later()
    state = ({info.name: info.type for info in own}, rest)
    return _define, (cls.__name__, fields, cls.__bases__, named, options), state, None, None, _complete


def _define(
    name: str,
    fields: list[tuple[str, str, Any, Callable[[], Any]]],
    bases: tuple[type[Any], ...],
    named: dict[str, Any],
    options: dict[str, Any],
) -> type[msgspec.Struct]:
    made = []
    for field, encoded, default, factory in fields:
        defaults: dict[str, Any] = {'default': default, 'default_factory': factory}
        made.append((field, Any, msgspec.field(name=encoded, **defaults)))
    return msgspec.defstruct(name, made, bases=bases, namespace=named, module=named['__module__'], **options)


def _complete(cls: type[msgspec.Struct], state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    types, rest = state
    later = vars(cls).get(_POST_INIT)
    if isinstance(later, _Later):
        later.function = rest[_POST_INIT]
    cls.__annotations__ = types  # msgspec reads them when the class is first used
    own_lists(cls)
    for key, item in rest.items():
        setattr(cls, key, item)


def _is_state(cls: type[msgspec.Struct], key: str) -> bool:
    """Whether a Struct's attribute is the user's (a method, a constant) and not made from its fields."""
    return key not in _MADE_BY_MSGSPEC and key not in cls.__struct_fields__


def _list_type(base: Any, doc_type: type[Any]) -> Any:
    return base[doc_type]

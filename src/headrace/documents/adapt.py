"""Annotations of other libraries turned into document classes."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any, cast

import msgspec

from headrace.documents.base import BaseDoc
from headrace.errors import DocumentError


def doc_type_from(annotation: Any) -> type[BaseDoc]:
    """A BaseDoc subclass as it is, a pydantic model or Struct as a BaseDoc class with its fields and an id.

    >>> class Point(msgspec.Struct):
    ...     x: float = 0.0
    >>> doc_type_from(Point)(2.5).x
    2.5
    """
    if not isinstance(annotation, type):
        raise _unusable(annotation)
    found: Any = annotation
    if issubclass(found, BaseDoc):
        return cast('type[BaseDoc]', found)
    if issubclass(found, msgspec.Struct):
        return _from_struct(found)
    if is_pydantic(found):
        return _from_pydantic(found)
    raise _unusable(annotation)


def _unusable(annotation: Any) -> DocumentError:
    return DocumentError(
        f'{annotation!r} is no document class',
        help='derive it from headrace.BaseDoc, or use a pydantic model or a msgspec Struct',
    )


def is_pydantic(annotation: Any) -> bool:
    """True for a pydantic model class; never imports pydantic."""
    pydantic = sys.modules.get('pydantic')
    return (
        pydantic is not None and isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)
    )


@lru_cache(maxsize=1024)
def _from_struct(struct: type[msgspec.Struct]) -> type[BaseDoc]:
    fields = [
        (info.name, info.type, _default(info.default, info.default_factory))
        for info in msgspec.structs.fields(struct)
        if info.name != 'id'
    ]
    return _made(struct, fields)


@lru_cache(maxsize=1024)
def _from_pydantic(model: Any) -> type[BaseDoc]:
    fields = []
    for name, info in model.model_fields.items():
        if name == 'id':
            continue
        if info.is_required():
            default = msgspec.field()
        elif info.default_factory is not None:
            default = msgspec.field(default_factory=info.default_factory)
        else:
            default = _default(info.default, msgspec.NODEFAULT)
        fields.append((name, info.annotation, default))
    return _made(model, fields)


def _default(default: Any, factory: Any) -> Any:
    if factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=factory)
    if default is msgspec.NODEFAULT:
        return msgspec.field()
    if isinstance(default, list | dict | set) or hasattr(default, 'model_copy'):
        return msgspec.field(default_factory=lambda: _copied(default))
    return msgspec.field(default=default)


def _copied(default: Any) -> Any:
    return default.model_copy() if hasattr(default, 'model_copy') else type(default)(default)


def _made(source: type[Any], fields: list[tuple[str, Any, Any]]) -> type[BaseDoc]:
    made = msgspec.defstruct(
        source.__name__,
        fields,
        bases=(BaseDoc,),
        module=source.__module__,
        namespace={'__doc__': source.__doc__, 'source': source, '__annotations__': {}},
        kw_only=True,
    )
    return made  # type: ignore[return-value]

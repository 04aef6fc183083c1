"""`BaseDoc`: a class with annotated fields in, a typed document class out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np

from headrace.documents.arrays import as_array, is_torch
from headrace.documents.codec import text
from headrace.documents.forward import resolve
from headrace.documents.ids import new_id
from headrace.documents.parts import own_lists


class BaseDoc(msgspec.Struct, kw_only=True, eq=False):
    """A typed document: subclass it and annotate fields; each document has an `id` of its own.

    >>> class Item(BaseDoc):
    ...     title: str
    ...     price: float = 0.0
    >>> Item('shirt', 9.9).price
    9.9

    The constructor does not check types (it costs a tenth of a microsecond); what comes from outside is
    checked when it is decoded, and arrays again when a list of documents is encoded.
    """

    id: str = msgspec.field(default_factory=new_id)
    summary: ClassVar[Callable[[Any], None]]  # how to print a document is known higher up: see document.py

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        resolve(cls)
        own_lists(cls)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """A dict as a document; DocumentError names the field that is wrong."""
        return text.doc_from_plain(data, cls)

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """A JSON object as a document; DocumentError names the field that is wrong."""
        return text.doc_from_json(data, cls)

    def to_dict(self, *, arrays: Literal['list', 'base64'] = 'list') -> dict[str, Any]:
        """The document as plain JSON-like data: strings, numbers, lists and dicts."""
        plain: dict[str, Any] = text.doc_to_plain(self, arrays=arrays)
        return plain

    def to_json(self, *, arrays: Literal['list', 'base64'] = 'list') -> bytes:
        """The document as a JSON object; arrays as nested lists, or without loss in base64."""
        return text.to_json(self, arrays=arrays)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_equal(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ', '.join(
            f'{name}={_brief(getattr(self, name))}'
            for name, default in zip(self.__struct_fields__, _defaults(type(self)), strict=True)
            if default is msgspec.NODEFAULT or not _is_default(getattr(self, name), default)
        )
        return f'{type(self).__name__}({shown})'


def _defaults(doc_type: type[BaseDoc]) -> list[Any]:
    fields = msgspec.structs.fields(doc_type)
    return [
        {} if field.default_factory is dict else [] if field.default_factory is list else field.default
        for field in fields
    ]


def _is_default(value: Any, default: Any) -> bool:
    return _equal(value, default) or (getattr(type(value), 'doc_type', None) is not None and not value)


def _equal(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if is_torch(one) or is_torch(other) or isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is not None and other is not None and _same_array(as_array(one), as_array(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _same_array(one: Any, other: Any) -> bool:
    if one.shape != other.shape or one.dtype.newbyteorder('=') != other.dtype.newbyteorder('='):
        return False
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in 'fcVmM'))


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray) or is_torch(value):
        return f'<{str(value.dtype).removeprefix("torch.")} {tuple(value.shape)}>'
    if getattr(type(value), 'doc_type', None) is not None:
        return f'<{len(value)} x {type(value).doc_type.__name__}>'
    written = repr(value)
    if len(written) <= 60:
        return written
    return (
        f'{written[:40]}... ({len(value)} long)' if isinstance(value, str | bytes) else f'{written[:57]}...'
    )

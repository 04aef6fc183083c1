"""A document class as plain data that can be sent, shown and compared."""

from __future__ import annotations

import datetime
import decimal
import enum
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import msgspec

from headrace.documents.arrays import spec_of
from headrace.documents.base import BaseDoc
from headrace.documents.codec.hooks import to_json_lists
from headrace.documents.fields import Field, Kind, fields_of
from headrace.errors import DocumentError

DOCUMENT = 'Document'
"""The name of the ready-made document class; no other class has it in a schema."""

DYNAMIC = 'headrace.documents.dynamic'
"""The module of classes that were made from a schema."""

_written: WeakValueDictionary[bytes, type[BaseDoc]] = WeakValueDictionary()
_given: WeakKeyDictionary[type[BaseDoc], bytes] = WeakKeyDictionary()


class TypeSchema(msgspec.Struct, frozen=True, omit_defaults=True):
    """The type of a field.

    `kind` is 'str', 'int', 'float', 'bool', 'bytes', 'datetime', 'date', 'time', 'duration', 'uuid',
    'decimal', 'any', 'array', 'doc', 'docs' (a list of documents), 'list', 'set', 'tuple', 'dict', 'choice'
    (one of `values`), 'union' (one of `args`) or 'object'. `doc` names a document class: the schema itself or
    one in its `refs`.
    """

    kind: str
    optional: bool = False
    shape: tuple[int | str | None, ...] | None = None
    dtype: str | None = None
    doc: str = ''
    args: tuple[TypeSchema, ...] = ()
    values: tuple[str | int, ...] = ()


class FieldSchema(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field: its name, its type, and what it is when nobody says."""

    name: str
    type: TypeSchema
    required: bool = False
    default: Any = None


class DocSchema(msgspec.Struct, frozen=True, omit_defaults=True):
    """A document class: its fields, and those of every class that they mention, by name."""

    name: str
    fields: tuple[FieldSchema, ...]
    refs: dict[str, tuple[FieldSchema, ...]] = {}
    doc: str = ''

    def field(self, name: str) -> FieldSchema | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)


_encoder = msgspec.msgpack.Encoder(enc_hook=to_json_lists)
_SCALARS: dict[Any, str] = {
    str: 'str',
    int: 'int',
    float: 'float',
    bool: 'bool',
    bytes: 'bytes',
    bytearray: 'bytes',
    datetime.datetime: 'datetime',
    datetime.date: 'date',
    datetime.time: 'time',
    datetime.timedelta: 'duration',
    uuid.UUID: 'uuid',
    decimal.Decimal: 'decimal',
}
_CONTAINERS: dict[Any, str] = {list: 'list', set: 'set', frozenset: 'set', tuple: 'tuple', dict: 'dict'}


@lru_cache(maxsize=1024)
def schema_of(doc_type: type[BaseDoc]) -> DocSchema:
    """A document class as its schema."""
    if not (isinstance(doc_type, type) and issubclass(doc_type, BaseDoc)):
        raise DocumentError(f'{doc_type!r} is no document class', help='derive it from BaseDoc')
    names: dict[type[BaseDoc], str] = {}
    own = _name(doc_type, names)
    done: dict[str, tuple[FieldSchema, ...]] = {}
    while len(done) < len(names):
        for found in [found for found in names if names[found] not in done]:
            done[names[found]] = tuple(
                _field_schema(field, lambda doc: _name(doc, names)) for field in fields_of(found).values()
            )
    fields = done.pop(own)
    return DocSchema(own, fields, done, _doc_string(doc_type))


@lru_cache(maxsize=1024)
def schema_bytes(doc_type: type[BaseDoc]) -> bytes:
    """The schema of a document class as msgpack; empty for `Document`, which everybody knows.

    The class is remembered: documents of its schema that come back are of the class that went out.
    """
    if is_document(doc_type):
        return b''
    data = _given.get(doc_type) or _encoder.encode(schema_of(doc_type))
    if doc_type.__module__ != DYNAMIC:
        _written[data] = doc_type
    return data


def was_made_from(doc_type: type[BaseDoc], data: bytes) -> None:
    """Let a class that was made from an encoded schema keep it: who sent its documents knows them again."""
    _given[doc_type] = data


def class_written_as(data: bytes) -> type[BaseDoc] | None:
    """The class whose documents this process has encoded with this schema, if there is one."""
    return _written.get(data)


def is_document(doc_type: type[BaseDoc]) -> bool:
    """True for the ready-made document class."""
    return doc_type.__name__ == DOCUMENT and doc_type.__module__ == 'headrace.documents.document'


def _doc_string(doc_type: type[BaseDoc]) -> str:
    return doc_type.__dict__.get('__doc__') or ''


def _name(doc_type: type[BaseDoc], names: dict[type[BaseDoc], str]) -> str:
    if doc_type not in names:
        taken = {DOCUMENT, *names.values()} if not is_document(doc_type) else set()
        name, number = doc_type.__name__, 2
        while name in taken:
            name, number = f'{doc_type.__name__}_{number}', number + 1
        names[doc_type] = name
    return names[doc_type]


def _field_schema(field: Field, name_of: Callable[[type[BaseDoc]], str]) -> FieldSchema:
    return FieldSchema(
        name=field.name,
        type=_type_schema(field, name_of),
        required=field.required,
        default=_plain_default(field),
    )


def _plain_default(field: Field) -> Any:
    if field.default is msgspec.NODEFAULT or field.default is None:
        return None
    try:
        return msgspec.to_builtins(field.default, enc_hook=to_json_lists)
    except (TypeError, ValueError, OverflowError):
        return None


def _type_schema(field: Field, name_of: Callable[[type[BaseDoc]], str]) -> TypeSchema:
    if field.kind is Kind.ARRAY:
        spec = spec_of(field.type)
        return TypeSchema('array', field.optional, shape=spec.shape, dtype=spec.dtype)
    if field.kind is Kind.DOC:
        return TypeSchema('doc', field.optional, doc=name_of(field.type))
    if field.kind is Kind.LIST:
        return TypeSchema('docs', field.optional, doc=name_of(field.type.doc_type))
    found = _annotated(field.type)
    return msgspec.structs.replace(found, optional=True) if field.optional and found.kind != 'any' else found


def _annotated(annotation: Any) -> TypeSchema:
    if annotation in (Any, object, None):
        return TypeSchema('any')
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _annotated(args[0])
    if origin is typing.Literal:
        return TypeSchema('choice', values=tuple(args))
    if origin in (typing.Union, types.UnionType):
        members = tuple(_annotated(arg) for arg in args if arg is not type(None))
        optional = len(members) < len(args)
        if len(members) == 1:
            return msgspec.structs.replace(members[0], optional=optional)
        return TypeSchema('union', optional, args=members)
    if annotation in _SCALARS:
        return TypeSchema(_SCALARS[annotation])
    return _class_schema(origin or annotation, tuple(arg for arg in args if arg is not Ellipsis))


def _class_schema(found: Any, args: tuple[Any, ...]) -> TypeSchema:
    if found in _CONTAINERS:
        return TypeSchema(_CONTAINERS[found], args=tuple(map(_annotated, args)))
    if not isinstance(found, type):
        return TypeSchema('any')
    if issubclass(found, enum.Enum):
        values = [member.value for member in found]
        if all(isinstance(value, str | int) for value in values):
            return TypeSchema('choice', values=tuple(values))
        return TypeSchema('any')
    if issubclass(found, Mapping):
        return TypeSchema('dict', args=tuple(map(_annotated, args)))
    return TypeSchema('object')

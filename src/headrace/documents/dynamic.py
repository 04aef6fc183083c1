"""A schema that came from elsewhere turned into a document class."""

from __future__ import annotations

import datetime
import decimal
import functools
import keyword
import operator
import types
import unicodedata
import uuid
from typing import Any, Literal, cast

import msgspec
import numpy as np

from headrace.documents.arrays import ArrayAlias, ArraySpec, dtype_of
from headrace.documents.base import BaseDoc
from headrace.documents.codec import text
from headrace.documents.doclist import list_type
from headrace.documents.document import Document
from headrace.documents.parts import own_lists
from headrace.documents.schema import (
    DOCUMENT,
    DocSchema,
    FieldSchema,
    TypeSchema,
    class_written_as,
    was_made_from,
)
from headrace.errors import CodecError, DocumentError

MAX_CLASSES = 1000
"""How many classes are kept; schemas come from outside, so there must be an end."""

_classes: dict[bytes, type[BaseDoc]] = {}
_encoder = msgspec.msgpack.Encoder(order='deterministic')
_decoder = msgspec.msgpack.Decoder(DocSchema)
_SCALARS: dict[str, Any] = {
    'str': str,
    'int': int,
    'float': float,
    'bool': bool,
    'bytes': bytes,
    'datetime': datetime.datetime,
    'date': datetime.date,
    'time': datetime.time,
    'duration': datetime.timedelta,
    'uuid': uuid.UUID,
    'decimal': decimal.Decimal,
    'any': Any,
    'object': dict[str, Any],
}
_CONVERTED: dict[str, Any] = {
    **{kind: type_ for kind, type_ in _SCALARS.items() if kind not in ('any', 'object')},
    'set': set,
    'tuple': tuple,
}
"""The kinds of fields whose defaults are something else in JSON."""


def class_from(schema: DocSchema) -> type[BaseDoc]:
    """A schema as a document class; equal schemas give the same class, and `Document` gives `Document`."""
    return class_from_bytes(_encoder.encode(schema), schema)


def class_from_bytes(data: bytes, schema: DocSchema | None = None) -> type[BaseDoc]:
    """An encoded schema as a document class; CodecError if it is none.

    Where this process has sent documents of that very schema, it is their class: what comes back from a Flow
    is of the class that went in.
    """
    made = class_written_as(data) or _classes.get(data)
    if made is None:
        try:
            made = _build(_decoder.decode(data) if schema is None else schema)
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            raise CodecError(f'the schema of the documents is damaged: {error}') from error
        if len(_classes) >= MAX_CLASSES:
            _classes.pop(next(iter(_classes)))
        if made is not Document:
            was_made_from(made, data)
        _classes[data] = made
    return made


def _build(schema: DocSchema) -> type[BaseDoc]:
    if schema.name == DOCUMENT:
        return Document
    made = _Classes(schema).made[schema.name]
    text.decoder(list[made])  # type: ignore[valid-type]  # fails at once if the types do not go together
    return made


class _Classes:
    """The classes of one schema: first made, then told the types of their fields, which may be circular."""

    def __init__(self, schema: DocSchema) -> None:
        described = {schema.name: schema.fields, **schema.refs}
        described.pop(DOCUMENT, None)
        self.made: dict[str, type[BaseDoc]] = {DOCUMENT: Document}
        for name, fields in described.items():
            self.made[name] = _untyped(name, fields, schema.doc if name == schema.name else '')
        for name, fields in described.items():
            made = self.made[name]
            made.__annotations__ = {
                field.name: self.annotation(field.type) for field in fields if field.name != 'id'
            }
            own_lists(made)

    def annotation(self, type_: TypeSchema) -> Any:
        found = self.bare(type_)
        return found | None if type_.optional and found is not Any else found

    def bare(self, type_: TypeSchema) -> Any:
        args = tuple(self.annotation(arg) for arg in type_.args)
        match type_.kind:
            case 'array':
                if type_.dtype is not None:
                    dtype_of(type_.dtype)
                return ArrayAlias(np.ndarray, (ArraySpec(type_.shape, type_.dtype),))
            case 'doc':
                return self.mentioned(type_.doc)
            case 'docs':
                return list_type(self.mentioned(type_.doc))
            case 'list' | 'set':
                container: Any = list if type_.kind == 'list' else set
                return container[args[0]] if args else container
            case 'tuple':
                return types.GenericAlias(tuple, args if len(args) != 1 else (args[0], ...))
            case 'dict':
                return dict[args[0], args[1]] if len(args) == 2 else dict  # type: ignore[valid-type]
            case 'choice':
                return Literal[type_.values] if type_.values else Any
            case 'union':
                return functools.reduce(operator.or_, args) if args else Any
        return _SCALARS.get(type_.kind, Any)

    def mentioned(self, name: str) -> type[BaseDoc]:
        if name not in self.made:
            raise DocumentError(f'the schema mentions {name[:100]!r} and does not describe it')
        return self.made[name]


def _untyped(name: str, fields: tuple[FieldSchema, ...], doc: str) -> type[BaseDoc]:
    names = [field.name for field in fields if field.name != 'id']
    for wrong in [name, *names]:
        if not _is_identifier(wrong) or hasattr(BaseDoc, wrong):
            raise DocumentError(f'{wrong[:100]!r} cannot be a name in a document class')
    if len(set(names)) < len(names):
        raise DocumentError(f'two fields of {name!r} have one name')
    made = msgspec.defstruct(
        name,
        [(field.name, Any, _default(field)) for field in fields if field.name != 'id'],
        bases=(BaseDoc,),
        namespace={'__doc__': doc or f'Made from the schema of {name}.'},
        module=__name__,
        kw_only=True,
    )
    return cast('type[BaseDoc]', made)


def _is_identifier(name: str) -> bool:
    """Whether it can name a field: a word that is no other when Python normalises it."""
    is_word = name.isidentifier() and not keyword.iskeyword(name) and not name.startswith('_')
    return is_word and len(name) < 200 and unicodedata.normalize('NFKC', name) == name


def _default(field: FieldSchema) -> Any:
    if field.required:
        return msgspec.field()
    kind, default = field.type.kind, field.default
    if field.type.optional or kind == 'any' or default is not None:
        return _fresh(kind, default)
    empty: dict[str, Any] = {'docs': list, 'list': list, 'dict': dict, 'object': dict, 'set': set}
    return msgspec.field(default_factory=empty[kind]) if kind in empty else msgspec.field(default=None)


def _fresh(kind: str, default: Any) -> Any:
    """A field with this default, which is written in a schema as JSON has it."""
    if default is not None and kind in _CONVERTED:
        default = msgspec.convert(default, _CONVERTED[kind])
    if isinstance(default, list | dict | set):
        return msgspec.field(default_factory=lambda: msgspec.convert(default, type(default)))
    return msgspec.field(default=default)

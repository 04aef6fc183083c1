"""A schema that came from elsewhere turned into a document class."""

from __future__ import annotations

import datetime
import decimal
import keyword
import uuid
from typing import Any, Literal, Union

import msgspec
import numpy as np

from headrace.documents.arrays import ArrayAlias, ArraySpec
from headrace.documents.base import BaseDoc
from headrace.documents.doclist import DocList, list_type
from headrace.documents.document import Document
from headrace.documents.schema import DOCUMENT, DocSchema, FieldSchema, TypeSchema
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


def class_from(schema: DocSchema) -> type[BaseDoc]:
    """A schema as a document class; equal schemas give the same class, and `Document` gives `Document`."""
    return class_from_bytes(_encoder.encode(schema), schema)


def class_from_bytes(data: bytes, schema: DocSchema | None = None) -> type[BaseDoc]:
    """An encoded schema as a document class; CodecError if it is none."""
    made = _classes.get(data)
    if made is None:
        try:
            made = _build(_decoder.decode(data) if schema is None else schema)
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            raise CodecError(f'the schema of the documents is damaged: {error}') from error
        if len(_classes) >= MAX_CLASSES:
            _classes.pop(next(iter(_classes)))
        _classes[data] = made
    return made


def _build(schema: DocSchema) -> type[BaseDoc]:
    if schema.name == DOCUMENT:
        return Document
    classes = _Classes(schema)
    return classes.of(schema.name)


class _Classes:
    """Builds the classes of one schema; a class that contains itself has plain dicts there."""

    def __init__(self, schema: DocSchema) -> None:
        self.fields = {schema.name: schema.fields, **schema.refs}
        self.doc = {schema.name: schema.doc}
        self.made: dict[str, type[BaseDoc]] = {DOCUMENT: Document}
        self.namespace: dict[str, Any] = {}

    def of(self, name: str) -> type[BaseDoc]:
        for each in self.reachable(name):
            self.made[each] = self.build(each)
        return self.made[name]

    def reachable(self, name: str) -> list[str]:
        """The classes that `name` needs, those first that need no other."""
        order: list[str] = []
        open_: set[str] = set()

        def visit(each: str) -> None:
            if each in open_ or each in self.made:
                return
            if each not in self.fields:
                raise DocumentError(f'the schema mentions {each!r} and does not describe it')
            open_.add(each)
            for field in self.fields[each]:
                for mentioned in _mentioned(field.type):
                    visit(mentioned)
            order.append(each)

        visit(name)
        return order

    def build(self, name: str) -> type[BaseDoc]:
        fields = []
        for field in self.fields[name]:
            if not _is_identifier(field.name):
                raise DocumentError(f'{field.name[:40]!r} cannot be the name of a field')
            if field.name != 'id':
                fields.append((field.name, self.annotation(field.type), _default(field)))
        if not _is_identifier(name):
            raise DocumentError(f'{name[:40]!r} cannot be the name of a document class')
        namespace = {'__doc__': self.doc.get(name) or f'Made from the schema of {name}.'}
        made = msgspec.defstruct(
            name, fields, bases=(BaseDoc,), namespace=namespace, module=__name__, kw_only=True
        )
        return made  # type: ignore[return-value]

    def annotation(self, type_: TypeSchema) -> Any:
        found = self.bare(type_)
        return Union[found, None] if type_.optional and found is not Any else found  # noqa: UP007  # found is a value

    def bare(self, type_: TypeSchema) -> Any:
        args = tuple(self.annotation(arg) for arg in type_.args)
        match type_.kind:
            case 'array':
                return ArrayAlias(np.ndarray, (ArraySpec(type_.shape, type_.dtype),))
            case 'doc':
                return self.made.get(type_.doc, dict[str, Any])
            case 'docs':
                inner = self.made.get(type_.doc)
                return list[dict[str, Any]] if inner is None else list_type(inner)
            case 'list' | 'set':
                container: Any = list if type_.kind == 'list' else set
                return container[args[0]] if args else container
            case 'tuple':
                return tuple[args] if len(args) > 1 else tuple[args[0], ...] if args else tuple
            case 'dict':
                return dict[args[0], args[1]] if len(args) == 2 else dict  # type: ignore[valid-type]
            case 'choice':
                return Literal[type_.values] if type_.values else Any
            case 'union':
                return Union.__getitem__(args) if args else Any
        return _SCALARS.get(type_.kind, Any)


def _mentioned(type_: TypeSchema) -> list[str]:
    own = [type_.doc] if type_.doc and type_.kind in ('doc', 'docs') else []
    return own + [name for arg in type_.args for name in _mentioned(arg)]


def _is_identifier(name: str) -> bool:
    return (
        name.isidentifier() and not keyword.iskeyword(name) and not name.startswith('_') and len(name) < 200
    )


def _default(field: FieldSchema) -> Any:
    if field.required:
        return msgspec.field()
    kind, default = field.type.kind, field.default
    if field.type.optional or kind == 'any' or default is not None:
        return _fresh(kind, default)
    empty: dict[str, Any] = {
        'docs': DocList,
        'list': list,
        'dict': dict,
        'object': dict,
        'set': set,
        'tuple': tuple,
    }
    if kind == 'docs' and field.type.doc != DOCUMENT:
        return msgspec.field(default_factory=list)
    return msgspec.field(default_factory=empty[kind]) if kind in empty else msgspec.field(default=None)


def _fresh(kind: str, default: Any) -> Any:
    if isinstance(default, list | dict):
        return msgspec.field(default_factory=lambda: msgspec.convert(default, type(default)))
    return msgspec.field(default=default)

"""The fields of a document class as records: what kind of column each one becomes."""

from __future__ import annotations

import enum
import types
import typing
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from headrace.documents.arrays import ArraySpec, is_array_type, spec_of
from headrace.documents.base import BaseDoc
from headrace.documents.forward import name_in, unknown
from headrace.documents.kinds import Surely, surely
from headrace.errors import CodecError, DocumentError


class Kind(enum.Enum):
    """How the values of a field lie side by side."""

    VALUE = 'value'
    ARRAY = 'array'
    BYTES = 'bytes'
    DOC = 'doc'
    LIST = 'list'


class Field(msgspec.Struct, frozen=True):
    """One field of a document class.

    `type` is the annotation without `| None`: of a `LIST` field the class of its list, of a `DOC` field that
    of its document. `empty_default` says that the default is '', b'' or an empty container,
    `surely` which types of values need no closer look.
    """

    name: str
    kind: Kind
    type: Any
    annotation: Any
    optional: bool
    required: bool
    default: Any = msgspec.NODEFAULT
    default_factory: Any = msgspec.NODEFAULT
    empty_default: bool = False
    spec: ArraySpec = ArraySpec()
    torch: bool = False
    surely: Surely = Surely(None)

    def make_default(self) -> Any:
        """The value that a document has that was made without this field."""
        if self.default_factory is not msgspec.NODEFAULT:
            return self.default_factory()
        return self.default

    def wrong(self, error: ValueError, owner: str = '') -> DocumentError:
        """What is wrong with a value of this field, as an error that names it, and the document (`owner`)."""
        message = error.message if isinstance(error, DocumentError) else str(error)
        if owner and message.endswith(f' - at field {self.name!r}'):
            return DocumentError(f'{message} of {owner}')
        if isinstance(error, CodecError) or ' - at field ' in message:
            return error if isinstance(error, DocumentError) else DocumentError(message)
        return DocumentError(f'{message} - at field {self.name!r}' + (f' of {owner}' if owner else ''))


def missing(field: Field) -> DocumentError:
    """The error for documents that lack a field without a default."""
    return DocumentError(
        f'the documents have no field {field.name!r}, which has no default',
        help=f'send {field.name!r} with every document, or give the field a default',
    )


@lru_cache(maxsize=4096)
def fields_of(doc_type: type[BaseDoc]) -> dict[str, Field]:
    """Field name to record, in the order in which msgspec keeps them."""
    try:
        infos = msgspec.structs.fields(doc_type)
    except (NameError, TypeError) as error:
        raise DocumentError(
            f'the annotations of {doc_type.__qualname__} cannot be read: {error}',
            help='name only types that are known at the top level of its module',
        ) from error
    return {info.name: _field(info) for info in infos}


@lru_cache(maxsize=4096)
def required_of(doc_type: type[BaseDoc]) -> tuple[Field, ...]:
    """The fields without a default."""
    return tuple(field for field in fields_of(doc_type).values() if field.required)


def _field(info: msgspec.structs.FieldInfo) -> Field:
    bare, optional = _without_none(info.type)
    name = name_in(bare)
    if name is not None:
        raise DocumentError(f'{unknown(name)} - at field {info.name!r}', help='define it, or import it above')
    kind = _kind(bare)
    array = kind is Kind.ARRAY
    return Field(
        name=info.name,
        kind=kind,
        type=bare,
        annotation=info.type,
        optional=optional,
        required=info.required,
        default=info.default,
        default_factory=info.default_factory,
        empty_default=_is_empty(info, kind),
        spec=spec_of(bare) if array else ArraySpec(),
        torch=array and bare.__origin__ is not np.ndarray,
        surely=surely(info.type),
    )


def _is_empty(info: msgspec.structs.FieldInfo, kind: Kind) -> bool:
    if kind is Kind.LIST:
        factory = info.default_factory
        if factory is msgspec.NODEFAULT:
            return not info.required and not info.default
        return factory is list or hasattr(factory, 'doc_type')
    return info.default_factory in (dict, list, set, bytearray) or info.default in ('', b'', ())


def _without_none(annotation: Any) -> tuple[Any, bool]:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = annotation.__origin__
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation, annotation is None or annotation is Any
    members = [member for member in typing.get_args(annotation) if member is not type(None)]
    optional = len(members) < len(typing.get_args(annotation))
    if len(members) != 1:
        return annotation, optional
    return _without_none(members[0])[0], optional


def _kind(bare: Any) -> Kind:
    if is_array_type(bare):
        return Kind.ARRAY
    if bare is bytes:
        return Kind.BYTES
    if not isinstance(bare, type):
        return Kind.VALUE
    if issubclass(bare, BaseDoc):
        return Kind.DOC
    return Kind.LIST if getattr(bare, 'doc_type', None) is not None else Kind.VALUE

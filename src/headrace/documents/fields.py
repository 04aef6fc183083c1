"""The fields of a document class as records: what kind of column each one becomes."""

from __future__ import annotations

import enum
import types
import typing
from functools import lru_cache
from typing import Any

import msgspec

from headrace.documents.arrays import ArrayAlias, ArraySpec, spec_of
from headrace.documents.base import BaseDoc
from headrace.errors import DocumentError


class Kind(enum.Enum):
    """How the values of a field lie side by side."""

    VALUE = 'value'
    ARRAY = 'array'
    BYTES = 'bytes'
    DOC = 'doc'
    LIST = 'list'


class Field(msgspec.Struct, frozen=True):
    """One field of a document class.

    `type` is the annotation without `| None`. A `LIST` field has the class of its list in `type`, a `DOC` field
    that of its document.
    """

    name: str
    kind: Kind
    type: Any
    annotation: Any
    optional: bool
    default: Any = msgspec.NODEFAULT
    default_factory: Any = msgspec.NODEFAULT
    spec: ArraySpec | None = None

    @property
    def required(self) -> bool:
        return self.default is msgspec.NODEFAULT and self.default_factory is msgspec.NODEFAULT

    def make_default(self) -> Any:
        """The value that a document has that was made without this field."""
        if self.default_factory is not msgspec.NODEFAULT:
            return self.default_factory()
        return self.default


@lru_cache(maxsize=4096)
def fields_of(doc_type: type[BaseDoc]) -> dict[str, Field]:
    """Field name to record, in the order of the constructor's arguments."""
    try:
        infos = msgspec.structs.fields(doc_type)
    except (NameError, TypeError) as error:
        raise DocumentError(
            f'the annotations of {doc_type.__qualname__} cannot be read: {error}',
            help='name only types that are known at the top level of its module',
        ) from error
    return {info.name: _field(info) for info in infos}


def _field(info: msgspec.structs.FieldInfo) -> Field:
    bare, optional = _without_none(info.type)
    kind = _kind(bare)
    return Field(
        name=info.name,
        kind=kind,
        type=bare,
        annotation=info.type,
        optional=optional,
        default=info.default,
        default_factory=info.default_factory,
        spec=spec_of(bare) if kind is Kind.ARRAY else None,
    )


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
    if isinstance(bare, ArrayAlias):
        return Kind.ARRAY
    if bare is bytes:
        return Kind.BYTES
    if not isinstance(bare, type):
        return Kind.VALUE
    if issubclass(bare, BaseDoc):
        return Kind.DOC
    return Kind.LIST if getattr(bare, 'doc_type', None) is not None else Kind.VALUE

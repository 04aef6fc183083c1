"""Documents as typed protobuf messages, for clients in any language; and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from headrace.documents import BaseDoc, DocList
from headrace.documents.arrays import as_array, is_torch
from headrace.documents.codec import hooks
from headrace.documents.fields import Field, fields_of
from headrace.errors import DocumentError
from headrace.proto import arrays, struct
from headrace.proto import headrace_pb2 as pb

Check = Callable[[Sequence[dict[str, Any]], type[BaseDoc]], None]

_DEPTH = 20
"""Levels of documents in documents; protobuf stops at 100 nested messages, and a level may take four."""

_TEXTS = frozenset({'id', 'text', 'uri', 'mime_type'})
_ARRAYS = frozenset({'tensor', 'embedding'})
_LISTS = frozenset({'chunks', 'matches'})


def write(target: pb.DocumentRows, docs: DocList[Any], *, depth: int = 0) -> None:
    """Fill `target` with documents; fields that have their default are left out."""
    if depth > _DEPTH:
        raise DocumentError(
            f'documents are nested deeper than {_DEPTH} levels', help='ask for columns or json'
        )
    for doc in docs:
        _write_doc(target.documents.add(), doc, depth)
    target.SetInParent()


def read(
    rows: pb.DocumentRows,
    doc_type: type[BaseDoc],
    check: Check | None = None,
    *,
    start: int = 0,
    stop: int | None = None,
) -> DocList[Any]:
    """Messages as documents of a class, checked; DocumentError says which field of which one is wrong.

    `check` sees them as plain data, once they have become documents. With `start` and `stop`, those between
    them.
    """
    plain = [_plain_doc(document) for document in rows.documents[start:stop]]
    made: DocList[Any] = DocList[doc_type].from_list(plain)  # type: ignore[valid-type]
    if check is not None:
        check(plain, doc_type)
    return made


def _write_doc(target: pb.Document, doc: BaseDoc, depth: int) -> None:
    for name, field in fields_of(type(doc)).items():
        value = getattr(doc, name)
        if field.required or not _is_default(field, value):
            _write_field(target, name, value, depth)


def _is_default(field: Field, value: Any) -> bool:
    if value is None or isinstance(value, str | bytes | bool | int | float):
        return type(value) is type(field.default) and bool(value == field.default)
    return isinstance(value, list | dict | DocList) and not value and not field.make_default()


def _write_field(target: pb.Document, name: str, value: Any, depth: int) -> None:
    """The value into the field of its name if there is one and it fits, else among the others."""
    if name in _TEXTS and isinstance(value, str):
        setattr(target, name, value)
    elif name == 'blob' and isinstance(value, bytes):
        target.blob = value
    elif name in _ARRAYS and _is_array(value):
        arrays.write(getattr(target, name), as_array(value))
    elif name in _LISTS and isinstance(value, DocList):
        write(getattr(target, name), value, depth=depth + 1)
    elif name == 'tags' and isinstance(value, dict):
        target.tags.SetInParent()
        struct.write(target.tags, value)
    else:
        _write_value(target.fields[name], value, depth + 1)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or is_torch(value)


def _write_value(target: pb.Value, value: Any, depth: int) -> None:
    if value is None:
        target.null = 0  # type: ignore[assignment]  # the one value that the enum has
    elif isinstance(value, bool):
        target.boolean = value
    elif isinstance(value, int) and -(2**63) <= value < 2**63:
        target.integer = value
    elif isinstance(value, int | float):
        target.number = value
    elif isinstance(value, str):
        target.text = value
    elif isinstance(value, bytes | bytearray | memoryview):
        target.blob = bytes(value)
    elif _is_array(value):
        arrays.write(target.array, as_array(value))
    else:
        _write_nested(target, value, depth)


def _write_nested(target: pb.Value, value: Any, depth: int) -> None:
    if depth > _DEPTH:
        raise DocumentError(f'values are nested deeper than {_DEPTH} levels', help='ask for columns or json')
    if isinstance(value, BaseDoc):
        target.document.SetInParent()
        _write_doc(target.document, value, depth)
    elif isinstance(value, DocList):
        write(target.documents, value, depth=depth)
    elif isinstance(value, dict):
        target.map.SetInParent()
        for key, item in value.items():
            _write_value(target.map.values[str(key)], item, depth + 1)
    elif isinstance(value, list | tuple | set | frozenset):
        target.list.SetInParent()
        for item in value:
            _write_value(target.list.values.add(), item, depth + 1)
    else:
        try:
            plain = msgspec.to_builtins(value, enc_hook=hooks.to_json_base64)
        except (TypeError, ValueError) as error:
            raise DocumentError(f'a {type(value).__name__} cannot be sent: {error}') from None
        _write_value(target, plain, depth + 1)


def _plain_doc(document: pb.Document) -> dict[str, Any]:
    """A message as the dict that a document is converted from."""
    plain = {name: _plain_value(value) for name, value in document.fields.items()}
    for descriptor, value in document.ListFields():
        name = descriptor.name
        if name in _ARRAYS:
            plain[name] = arrays.read(value)
        elif name in _LISTS:
            plain[name] = [_plain_doc(each) for each in value.documents]
        elif name == 'tags':
            plain[name] = struct.from_struct(value)
        elif name != 'fields':
            plain[name] = value
    return plain


def _plain_value(value: pb.Value) -> Any:
    kind = value.WhichOneof('kind')
    if kind is None or kind == 'null':
        return None
    if kind == 'array':
        return arrays.read(value.array)
    if kind == 'document':
        return _plain_doc(value.document)
    if kind == 'documents':
        return [_plain_doc(each) for each in value.documents.documents]
    if kind == 'list':
        return [_plain_value(each) for each in value.list.values]
    if kind == 'map':
        return {key: _plain_value(each) for key, each in value.map.values.items()}
    return getattr(value, kind)

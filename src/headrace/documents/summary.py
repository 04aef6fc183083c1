"""Documents in, what is in them in a few words out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from headrace.documents.arrays import as_array, is_torch
from headrace.documents.fields import Field, Kind, fields_of
from headrace.documents.schema import is_document
from headrace.documents.table import ListColumn, StackColumn

if TYPE_CHECKING:
    from headrace.documents.base import BaseDoc
    from headrace.documents.doclist import DocList


class Line(NamedTuple):
    """What is to be said of one field of a list: its type, what its values are like, how many are missing."""

    name: str
    type: str
    values: str
    missing: int


def lines(docs: DocList[Any]) -> list[Line]:
    """Describe the fields of a list, one line each; of `Document` only those that are in use."""
    table = docs.table()
    found = []
    for name, field in _id_first(docs.doc_type):
        column = table.columns.get(name)
        if column is None:
            if not is_document(docs.doc_type):
                found.append(Line(name, _type_name(field.type), 'default', 0))
            continue
        if isinstance(column, StackColumn):
            found.append(Line(name, 'array', array_words(column.stack, skip=1), 0))
            continue
        values = docs.column(name)
        there = [value for value in values if value is not None and not _is_unset(value)]
        kind = 'array' if field.kind is Kind.ARRAY else _type_name(field.type)
        words = (
            f'{sum(map(len, there))} documents' if isinstance(column, ListColumn) else _values_words(there)
        )
        found.append(Line(name, kind, words, len(values) - len(there)))
    return found


def brief(value: Any, width: int = 60) -> str:
    """Say a value in a few words: arrays by type and shape, long text by its beginning."""
    if isinstance(value, np.ndarray) or is_torch(value):
        return array_words(value)
    if isinstance(value, bytes):
        return f'{len(value)} bytes'
    if getattr(type(value), 'doc_type', None) is not None:
        return f'{len(value)} x {type(value).doc_type.__name__}'
    text = value if isinstance(value, str) else repr(value)
    text = ' '.join(text.split())
    return text if len(text) <= width else f'{text[: width - 1]}…'


def array_words(value: Any, skip: int = 0) -> str:
    """Say an array's element type and shape, without its first `skip` axes."""
    return f'{str(value.dtype).removeprefix("torch.")} {tuple(value.shape)[skip:]}'


def set_fields(doc: BaseDoc) -> dict[str, Any]:
    """The fields of a document that have a value worth showing."""
    found = {}
    for name, field in _id_first(type(doc)):
        value = getattr(doc, name)
        default = None if field.required else field.default
        if not (_is_unset(value) or (type(value) is type(default) and value == default)):
            found[name] = value
    return found


def _id_first(doc_type: type[BaseDoc]) -> list[tuple[str, Field]]:
    return sorted(fields_of(doc_type).items(), key=lambda item: item[0] != 'id')


def _is_unset(value: Any) -> bool:
    if value is None:
        return True
    return (isinstance(value, str | bytes | dict | list) and not value) or (
        hasattr(type(value), 'doc_type') and not len(value)
    )


def _values_words(values: list[Any]) -> str:
    if not values:
        return ''
    if isinstance(values[0], np.ndarray) or is_torch(values[0]):
        shapes = {array_words(as_array(value)) for value in values}
        return f'{shapes.pop()}' if len(shapes) == 1 else f'{len(shapes)} different shapes or types'
    if isinstance(values[0], bytes):
        return f'{sum(map(len, values))} bytes'
    if isinstance(values[0], dict):
        keys = dict.fromkeys(str(key) for value in values if isinstance(value, dict) for key in value)
        return brief(', '.join(keys))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return f'{min(values):g} to {max(values):g}'
    if isinstance(values[0], str) and len(set(values)) == len(values) > 1:
        return f'{len(values)} different ones'
    try:
        unique = len(set(values))
    except TypeError:
        return brief(values[0])
    return f'{brief(values[0], 30)}' + (f' and {unique - 1} others' if unique > 1 else '')


def _type_name(annotation: Any) -> str:
    return getattr(annotation, '__name__', None) or str(annotation)

"""Documents held against what JSON can write: it has no infinite numbers and no NaN."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headrace.documents.codec import text
from headrace.documents.fields import Field, Kind, fields_of
from headrace.errors import DocumentError

if TYPE_CHECKING:
    from headrace.documents.doclist import DocList

_NEVER = (str, int, bool)


def check_finite(docs: DocList[Any]) -> None:
    """Raise DocumentError for the first plain number that would be written as null and not come back.

    Arrays are written as their bytes and may hold any number.
    """
    names = {name for name, field in fields_of(docs.doc_type).items() if _may_have_numbers(field)}
    if not names:
        return
    for index, doc in enumerate(docs.rows):
        used = {name: value for name in names if (value := getattr(doc, name)) not in (None, '')}
        for path, number in _infinite(text.doc_to_plain(used, arrays='base64'), ''):
            raise DocumentError(
                f'JSON and CSV have no {number}, which document {index} ({doc.id}) has at {path[1:]}',
                help='save to .docs, .arrow or .parquet, which keep it, or put None or an array there',
            )


def _may_have_numbers(field: Field) -> bool:
    return field.kind not in (Kind.ARRAY, Kind.BYTES) and field.type not in _NEVER


def _infinite(value: Any, path: str) -> Iterator[tuple[str, float]]:
    """Every number in plain data that is not finite, and where it is."""
    if isinstance(value, float):
        if not math.isfinite(value):
            yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _infinite(each, f'{path}.{key}')
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _infinite(each, f'{path}[{index}]')

"""Documents to CSV and back: one row per document, one column per field, one per tag.

Text stands as it is; numbers, arrays and nested documents as JSON, which is also tried first when a cell of
another kind of field is read. Tags have columns `tags__name`; of a foreign file every column that the
documents have no field for is a tag.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.documents.fields import Field, fields_of
from headrace.documents.files.finite import check_finite
from headrace.errors import CodecError, DocumentError

if TYPE_CHECKING:
    from headrace.documents.doclist import DocList

_TAG = 'tags__'
_MAX_CELL = 2**31 - 1


def write(docs: DocList[Any]) -> bytes:
    """Turn documents into CSV in UTF-8; nothing is lost."""
    check_finite(docs)
    rows = [_flat(row) for row in docs.to_list(arrays='base64')]
    fields = fields_of(docs.doc_type)
    used = dict.fromkeys(name for row in rows for name in row)
    head = list(dict.fromkeys(['id', *(name for name in fields if name in used), *used]))
    file = io.StringIO(newline='')
    writer = csv.writer(file)
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(fields.get(name), row.get(name)) for name in head])
    try:
        return file.getvalue().encode()
    except UnicodeEncodeError as error:
        raise DocumentError(f'the documents have text that is no Unicode: {error}') from error


def read(data: bytes | bytearray | memoryview, list_type: type[DocList[Any]]) -> DocList[Any]:
    """Turn CSV (or tab- or semicolon-separated lines) with a line of names into documents."""
    try:
        text = bytes(data).decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise CodecError(f'this is no CSV in UTF-8: {error}') from error
    fields = fields_of(list_type.doc_type)
    usual = csv.field_size_limit(_MAX_CELL)
    try:
        rows = csv.reader(io.StringIO(text, newline=''), delimiter=_delimiter(text), strict=True)
        head = next(rows, [])
        dicts = [_row(head, row, fields, number) for number, row in enumerate(rows) if row]
    except csv.Error as error:
        raise CodecError(f'this is no CSV: {error}') from error
    finally:
        csv.field_size_limit(usual)
    return list_type.from_list(dicts)


def _delimiter(text: str) -> str:
    head = text.partition('\n')[0]
    return max(',\t;', key=head.count)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row with a column for each tag, as long as the tags can be told from their columns again."""
    tags = row.get('tags')
    if not isinstance(tags, dict) or not all(
        isinstance(name, str) and tags[name] is not None for name in tags
    ):
        return row
    rest = {name: value for name, value in row.items() if name != 'tags'}
    return {**rest, **{_TAG + name: value for name, value in tags.items()}}


def _cell(field: Field | None, value: Any) -> str:
    if value is None:
        return ''
    if (
        isinstance(value, str)
        and value
        and not value.startswith('"')
        and (_is_text(field) or _read_json(value) is value)
    ):
        return value
    return msgspec.json.encode(value).decode()


def _row(head: list[str], row: list[str], fields: dict[str, Field], number: int) -> dict[str, Any]:
    if len(row) != len(head):
        raise CodecError(f'row {number} has {len(row)} cells, the line of names {len(head)}')
    found: dict[str, Any] = {}
    tags: dict[str, Any] = {}
    for name, cell in zip(head, row, strict=True):
        if cell == '':
            continue
        if name in fields:
            quoted = cell.startswith('"')
            found[name] = _read_json(cell) if quoted or not _is_text(fields[name]) else cell
        elif 'tags' in fields:
            tags[name.removeprefix(_TAG)] = _read_json(cell)
    return {**found, 'tags': {**found.get('tags', {}), **tags}} if tags else found


def _is_text(field: Field | None) -> bool:
    return field is not None and field.type in (str, bytes)


def _read_json(cell: str) -> Any:
    try:
        return msgspec.json.decode(cell)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return cell

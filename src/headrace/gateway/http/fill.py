"""Files and texts of a form in, documents as plain data out: each goes where its name or its kind says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from headrace.documents import BaseDoc
from headrace.documents.fields import Field, Kind, fields_of
from headrace.documents.media import image, uri
from headrace.errors import DocumentError, MissingExtra
from headrace.gateway.http.body import unfit
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.query import literal
from headrace.gateway.limits import Limits

CONTENT = ('blob', 'content', 'bytes', 'data', 'file', 'image', 'tensor')
"""Fields that a file without the name of a field goes to, if there are several that could take it."""
UNKNOWN_TYPES = ('', uri.UNKNOWN_MIME)


class Part(Protocol):
    """What is read of a part of a form."""

    @property
    def name(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def filename(self) -> str | None: ...
    @property
    def content_type(self) -> str: ...
    @property
    def text(self) -> str: ...


def fill(
    doc_type: type[BaseDoc], docs: Sequence[dict[str, Any]], parts: Sequence[Part], limits: Limits
) -> list[dict[str, Any]]:
    """Documents of a class, as plain data, with the parts of a form in them.

    `docs` are what is known of them already. The first part for a field goes to the first document, the
    second one to the second; a text that is there once goes to all. Raises HttpError 422 if that does not
    come out even, or if a file has no field to go to.
    """
    groups: dict[str, list[Part]] = {}
    fields = fields_of(doc_type)
    for part in parts:
        groups.setdefault(_field_of(doc_type, part).name, []).append(part)
    limits.check(documents=max(map(len, groups.values())))
    once = {name for name, group in groups.items() if len(group) == 1 and group[0].filename is None}
    count = len(docs) or max((len(group) for name, group in groups.items() if name not in once), default=1)
    filled = [dict(doc) for doc in docs] or [{} for _ in range(count)]
    for name, group in groups.items():
        if name not in once and len(group) != count:
            raise unfit(f'Expected {count} of {name!r}, one for each document, got {len(group)}', '$.data')
        for index, doc in enumerate(filled):
            part = group[0] if name in once else group[index]
            doc.update(_values(fields[name], part, doc_type, doc, limits, f'$.data[{index}].{name}'))
    return filled


def takes_files(doc_type: type[BaseDoc]) -> Field | None:
    """The field of a class that a file goes to which names none; None if there is no such field."""
    able = {field.name: field for field in fields_of(doc_type).values() if _takes(field)}
    known = next((able[name] for name in CONTENT if name in able), None)
    return known or (next(iter(able.values())) if len(able) == 1 else None)


def _takes(field: Field) -> bool:
    """Whether a field can hold what is in a file."""
    return field.kind in (Kind.BYTES, Kind.ARRAY) or (
        field.kind is Kind.DOC and any(each.kind is Kind.BYTES for each in fields_of(field.type).values())
    )


def _field_of(doc_type: type[BaseDoc], part: Part) -> Field:
    field = fields_of(doc_type).get(part.name) or takes_files(doc_type)
    if field is None:
        able = ', '.join(name for name, each in fields_of(doc_type).items() if _takes(each))
        raise HttpError(
            422,
            f'the file {part.name!r} has the name of no field of {doc_type.__name__}',
            help=f'fields that can take a file: {able or "none"}',
        )
    return field


def _values(
    field: Field, part: Part, doc_type: type[BaseDoc], doc: dict[str, Any], limits: Limits, path: str
) -> dict[str, Any]:
    """The field with what the part holds, and beside it the name and the type of a file."""
    if part.filename is None and field.kind is not Kind.BYTES:
        limits.check_json(part.data)
        return {field.name: part.text if field.type is str else literal(part.text)}
    found: dict[str, Any] = {}
    if part.filename is not None:
        fields = fields_of(doc_type)
        named = {'uri': part.filename, 'mime_type': _mime_of(part)}
        found = {
            name: value
            for name, value in named.items()
            if value and name in fields and name != field.name and name not in doc
        }
    if field.kind is Kind.DOC:
        inner = takes_files(field.type)
        if inner is not None:
            return {field.name: _values(inner, part, field.type, {}, limits, f'{path}.{inner.name}')}
    return {field.name: _content(field, part, limits, path), **found}


def _content(field: Field, part: Part, limits: Limits, path: str) -> Any:
    if field.kind is Kind.BYTES:
        return part.data
    if field.kind is not Kind.ARRAY:
        return part.text
    try:
        return image.decode(part.data, max_pixels=limits.spec.image_pixels)
    except MissingExtra as error:
        raise HttpError(415, f'the gateway cannot read images: {error.message}', help=error.help) from None
    except DocumentError as error:
        raise unfit(error.message, path, help=error.help) from None


def _mime_of(part: Part) -> str:
    """The type that came with a file, or that its name says."""
    name = part.content_type.partition(';')[0].strip().lower()
    if name in UNKNOWN_TYPES:
        guessed = uri.mime_of(part.filename or '')
        return '' if guessed in UNKNOWN_TYPES else guessed
    return name

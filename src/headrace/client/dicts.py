"""Dicts in, documents of the class that an endpoint takes out; no field of a dict is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.client.described import Taken
from headrace.documents import BaseDoc, DocSchema, Document, FieldSchema, TypeSchema, class_from
from headrace.documents.fields import Kind, fields_of
from headrace.errors import DocumentError
from headrace.spec.suggest import did_you_mean


def document(data: Mapping[str, Any], takes: Taken, where: str) -> BaseDoc:
    """A dict as a document.

    DocumentError, which begins with `where`, for a key that the class does not have and for a value that does
    not fit. Where the server does not say what it takes, it is a Document if that has the fields, else a
    document with just these fields, which the server then looks at.
    """
    doc_type = takes.doc_type or Document
    strange = [key for key in data if key not in doc_type.__struct_fields__]
    if strange and (takes.doc_type is None or takes.elsewhere.issuperset(strange)):
        return _any_fields(data).from_dict(dict(data))
    _check_keys(data, doc_type, where)
    try:
        return doc_type.from_dict(dict(data))
    except DocumentError as error:
        raise DocumentError(f'{where}: {error.message}', help=error.help) from None


def _any_fields(data: Mapping[str, Any]) -> type[BaseDoc]:
    fields = (FieldSchema(str(name), TypeSchema('any'), required=True) for name in sorted(data, key=str))
    return class_from(DocSchema('Item', tuple(field for field in fields if field.name != 'id')))


def _check_keys(data: Mapping[str, Any], doc_type: type[BaseDoc], where: str) -> None:
    """Refuse keys that no field has, also those of documents inside."""
    fields = fields_of(doc_type)
    for key, value in data.items():
        field = fields.get(key)
        if field is None:
            raise DocumentError(
                f'{where}: {doc_type.__name__} has no field {key!r}',
                help=did_you_mean(str(key), fields, noun='fields'),
            )
        if field.kind is Kind.DOC and isinstance(value, Mapping):
            _check_keys(value, field.type, f'{where}.{key}')
        elif field.kind is Kind.LIST and isinstance(value, list | tuple):
            for index, part in enumerate(value):
                if isinstance(part, Mapping):
                    _check_keys(part, field.type.doc_type, f'{where}.{key}[{index}]')

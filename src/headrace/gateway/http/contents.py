"""An endpoint's documents in, the ways to send and receive them as OpenAPI knows them out."""

from __future__ import annotations

from typing import Any

from headrace.documents import BaseDoc
from headrace.documents.fields import Kind, fields_of
from headrace.gateway.http.arrow import ARROW
from headrace.gateway.http.fill import takes_files
from headrace.gateway.http.parts import EVENTS, LINES
from headrace.gateway.http.query import KEYS

Schema = dict[str, Any]

FILE: Schema = {'type': 'string', 'format': 'binary'}
JSON_TEXT: Schema = {'type': 'string', 'contentMediaType': 'application/json'}
SIMPLE = frozenset(('string', 'number', 'integer', 'boolean'))
NOT_IN_QUERY = frozenset(('id', *KEYS))


def requests(json: Schema, doc_type: type[BaseDoc], doc: Schema) -> Schema:
    """The media types of a request, with the schema of each; `doc` is that of one document."""
    return {
        'application/json': {'schema': json},
        'multipart/form-data': {'schema': form(doc_type, doc)},
        ARROW.decode(): {'schema': FILE},
    }


def form(doc_type: type[BaseDoc], doc: Schema) -> Schema:
    """The fields of a form: those of a document, files, and the parameters."""
    properties: Schema = {}
    known = doc.get('properties', {})
    for name, field in fields_of(doc_type).items():
        if field.kind in (Kind.BYTES, Kind.ARRAY):
            properties[name] = FILE
        elif _is_simple(known.get(name, {})):
            properties[name] = known[name]
    if takes_files(doc_type) is not None and 'file' not in properties:
        properties['file'] = {
            'type': 'array',
            'items': FILE,
            'description': 'Files, each of which becomes a document.',
        }
    properties['data'] = {**JSON_TEXT, 'description': 'The documents as JSON; files are added to them.'}
    properties['parameters'] = {**JSON_TEXT, 'description': 'The parameters as a JSON object.'}
    return {'type': 'object', 'properties': properties}


def answers(reply: Schema, item: Schema, *, in_parts: bool) -> Schema:
    """The media types of an answer; those in parts are named where the endpoint makes them one by one."""
    found = {'application/json': {'schema': reply}, ARROW.decode(): {'schema': FILE}}
    if in_parts:
        found |= parts(item)
    return found


def parts(item: Schema) -> Schema:
    """The media types of an answer in parts."""
    text = {'type': 'string', 'description': 'Events `item`, then `end`, or `error` (see the documentation).'}
    line = {
        'type': 'object',
        'description': 'One line: a document, the end, or what went wrong.',
        'properties': {
            'item': item,
            'end': {'type': 'object'},
            'error': {'$ref': '#/components/schemas/Problem'},
        },
    }
    return {EVENTS.decode(): {'schema': text}, LINES.decode(): {'schema': line}}


def query(doc: Schema, parameters: Schema) -> list[Schema]:
    """What a GET says in its query: fields of one document, and parameters."""
    named: Schema = {
        name: schema
        for schemas in (parameters, doc)
        for name, schema in schemas.get('properties', {}).items()
        if name not in NOT_IN_QUERY and _is_simple(schema)
    }
    named['data'] = {**JSON_TEXT, 'description': 'The documents, or one, as JSON.'}
    named['parameters'] = {**JSON_TEXT, 'description': 'The parameters as a JSON object.'}
    return [{'name': name, 'in': 'query', 'schema': schema} for name, schema in named.items()]


def _is_simple(schema: Schema) -> bool:
    """Whether a value can be written as one word."""
    several = schema.get('anyOf')
    if several:
        return all(each.get('type') == 'null' or _is_simple(each) for each in several)
    kind = schema.get('type')
    return all(each in SIMPLE or each == 'null' for each in (kind if isinstance(kind, list) else [kind]))

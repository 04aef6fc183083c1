"""A document class as JSON Schema (2020-12, as OpenAPI 3.1 uses it)."""

from __future__ import annotations

from typing import Any

from headrace.documents.base import BaseDoc
from headrace.documents.schema import DocSchema, FieldSchema, TypeSchema, schema_of

_STRING_FORMATS = {
    'str': None,
    'bytes': 'byte',
    'datetime': 'date-time',
    'date': 'date',
    'time': 'time',
    'duration': 'duration',
    'uuid': 'uuid',
    'decimal': 'decimal',
}


def json_schema(source: DocSchema | type[BaseDoc], *, ref: str = '#/$defs/') -> dict[str, Any]:
    """A schema or document class as JSON Schema: `{'$ref': ..., '$defs': {...}}`.

    Arrays are nested lists of numbers of the sizes that are known, or `{"dtype", "shape", "data"}` with the
    bytes in base64. `ref` is where the definitions will lie ('#/components/schemas/' in OpenAPI).
    """
    schema = source if isinstance(source, DocSchema) else schema_of(source)
    definitions = {schema.name: _object(schema.fields, ref, schema.name, schema.doc)}
    for name, fields in schema.refs.items():
        definitions[name] = _object(fields, ref, name, '')
    return {'$ref': f'{ref}{schema.name}', '$defs': definitions}


def _object(fields: tuple[FieldSchema, ...], ref: str, name: str, doc: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        'title': name,
        'type': 'object',
        'properties': {field.name: _property(field, ref) for field in fields},
    }
    required = [field.name for field in fields if field.required]
    if required:
        made['required'] = required
    if doc:
        made['description'] = doc.strip().split('\n\n')[0]
    return made


def _property(field: FieldSchema, ref: str) -> dict[str, Any]:
    made = type_json_schema(field.type, ref)
    if not field.required and field.default is not None and '$ref' not in made:
        made['default'] = field.default
    return made


def type_json_schema(type_: TypeSchema, ref: str = '#/$defs/') -> dict[str, Any]:
    """The type of a field as JSON Schema."""
    made = _bare(type_, ref)
    if not type_.optional or not made:
        return made
    return {'anyOf': [*made.get('anyOf', [made]), {'type': 'null'}]}


def _bare(type_: TypeSchema, ref: str) -> dict[str, Any]:
    args = [type_json_schema(arg, ref) for arg in type_.args]
    match type_.kind:
        case 'int':
            return {'type': 'integer'}
        case 'float':
            return {'type': 'number'}
        case 'bool':
            return {'type': 'boolean'}
        case 'array':
            return {'anyOf': [_nested(type_), _ENCODED]}
        case 'doc':
            return {'$ref': f'{ref}{type_.doc}'}
        case 'docs':
            return {'type': 'array', 'items': {'$ref': f'{ref}{type_.doc}'}}
        case 'list':
            return {'type': 'array', **({'items': args[0]} if args else {})}
        case 'set':
            return {'type': 'array', 'uniqueItems': True, **({'items': args[0]} if args else {})}
        case 'tuple':
            return _tuple(args)
        case 'dict':
            return {'type': 'object', **({'additionalProperties': args[1]} if len(args) == 2 else {})}
        case 'object':
            return {'type': 'object'}
        case 'choice':
            return {'enum': list(type_.values)}
        case 'union':
            return {'anyOf': args}
    if type_.kind in _STRING_FORMATS:
        format_ = _STRING_FORMATS[type_.kind]
        return {'type': 'string', **({'format': format_} if format_ else {})}
    return {}


def _tuple(args: list[dict[str, Any]]) -> dict[str, Any]:
    if len(args) == 1:
        return {'type': 'array', 'items': args[0]}
    return (
        {'type': 'array', 'prefixItems': args, 'minItems': len(args), 'maxItems': len(args)}
        if args
        else {'type': 'array'}
    )


_ENCODED = {
    'type': 'object',
    'properties': {
        'dtype': {'type': 'string'},
        'shape': {'type': 'array', 'items': {'type': 'integer'}},
        'data': {'type': 'string', 'format': 'byte'},
    },
    'required': ['dtype', 'shape', 'data'],
}
_ANY_NESTING: dict[str, Any] = {'type': 'array', 'items': {}}  # of numbers, or of such lists


def _nested(type_: TypeSchema) -> dict[str, Any]:
    if type_.shape is None:
        return _ANY_NESTING
    kind = (type_.dtype or '<f')[1:2]
    whole = {'b': 'boolean', 'i': 'integer', 'u': 'integer'}
    made: dict[str, Any] = {'type': whole.get(kind, ['number', 'null'])}  # JSON writes NaN as null
    for size in reversed(type_.shape):
        made = {'type': 'array', 'items': made}
        if isinstance(size, int):
            made.update(minItems=size, maxItems=size)
    return made

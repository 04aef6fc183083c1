"""Parameters that an executor describes by JSON Schema as GraphQL input types."""

from __future__ import annotations

from typing import Any

import msgspec
from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
)

from headrace.gateway.graphql.names import field_names
from headrace.gateway.graphql.scalars import INT64, JSON
from headrace.gateway.graphql.types import Types, described

PLAIN = {'string': GraphQLString, 'integer': INT64, 'number': GraphQLFloat, 'boolean': GraphQLBoolean}
DEFINITIONS = '#/$defs/'


class Parameters:
    """The input types of one endpoint's parameters; what GraphQL has no type for is JSON."""

    def __init__(self, types: Types, schema: dict[str, Any], name: str) -> None:
        self._types = types
        self._definitions: dict[str, Any] = schema.get('$defs', {})
        self._schema = schema
        self._name = name
        self._made: dict[str, Any] = {}

    def type(self) -> Any:
        """The type of all parameters together."""
        return self._type(self._schema, self._name)

    def _type(self, schema: Any, name: str) -> Any:
        if not isinstance(schema, dict):
            return JSON
        reference = schema.get('$ref')
        if isinstance(reference, str):
            return self._referred(reference)
        options = [each for each in _options(schema) if not _is_null(each)]
        if options:
            return self._type(options[0], name) if len(options) == 1 else JSON
        if 'enum' in schema:
            return self._types.choice(tuple(each for each in schema['enum'] if each is not None), name)
        return self._plain(schema, name)

    def _plain(self, schema: dict[str, Any], name: str) -> Any:
        kind = schema.get('type')
        if isinstance(kind, list):
            kinds = [each for each in kind if each != 'null']
            kind = kinds[0] if len(kinds) == 1 else None
        if kind == 'array' and 'prefixItems' not in schema and 'items' in schema:
            item = self._type(schema['items'], f'{name}_item')
            return GraphQLList(item if _may_be_null(schema['items']) else GraphQLNonNull(item))
        if kind == 'object' and schema.get('properties') and not schema.get('additionalProperties'):
            return self._object(schema, self._types.name(name))
        return PLAIN.get(str(kind), JSON)

    def _referred(self, reference: str) -> Any:
        name = reference.removeprefix(DEFINITIONS)
        if name not in self._definitions:
            return JSON
        if name not in self._made:
            self._made[name] = JSON  # what leads back to itself without an object between is anything
            self._made[name] = self._type(self._definitions[name], f'{self._name}_{name}')
        return self._made[name]

    def _object(self, schema: dict[str, Any], name: str) -> GraphQLInputObjectType:
        properties: dict[str, Any] = schema['properties']
        required = set(schema.get('required', ()))

        def fields() -> dict[str, GraphQLInputField]:
            names = field_names(properties)
            return {
                names[key]: self._field(key, value, f'{name}_{key}', is_required=key in required)
                for key, value in properties.items()
            }

        return GraphQLInputObjectType(name, fields, description=described(schema.get('description', '')))

    def _field(self, key: str, schema: Any, name: str, *, is_required: bool) -> GraphQLInputField:
        made = self._type(schema, name)
        about = schema if isinstance(schema, dict) else {}
        if is_required and made is not JSON and not _may_be_null(schema):
            made = GraphQLNonNull(made)
        text = [described(str(about.get('description', '')))]
        if about.get('default') not in (None, '', [], {}):
            text.append(f'Without it: {msgspec.json.encode(about["default"]).decode()}.')
        return GraphQLInputField(made, out_name=key, description=' '.join(filter(None, text)) or None)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get('type') == 'null'


def _may_be_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return True
    kind = schema.get('type')
    return (isinstance(kind, list) and 'null' in kind) or any(map(_is_null, _options(schema)))


def _options(schema: dict[str, Any]) -> list[Any]:
    return schema.get('anyOf') or schema.get('oneOf') or []

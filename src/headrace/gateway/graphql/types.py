"""Document classes as GraphQL types: one for what goes in, one for what comes out.

Equal classes have one type, wherever in the Flow they stand; another class of the same name has a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLString,
)

from headrace.documents.arrays import dtype_of
from headrace.documents.codec.text import doc_to_plain
from headrace.documents.schema import DocSchema, FieldSchema, TypeSchema
from headrace.gateway.graphql.names import field_names, is_enum_value, type_name, unused
from headrace.gateway.graphql.scalars import INT64, JSON, SCALARS

LISTS = ('list', 'set', 'tuple')
NULLABLE = ('float', 'any')
"""Kinds whose values may be null though nobody says so: JSON has no other sign for what is no number."""

FORMAT = GraphQLEnumType(
    'TensorFormat',
    {
        'LIST': GraphQLEnumValue('list', description='Nested lists of numbers.'),
        'BASE64': GraphQLEnumValue('base64', description='{dtype, shape, data}: exact, and shorter.'),
    },
    description='How an array is written.',
)
RESERVED = ('Query', 'Mutation', 'Subscription', 'Int', 'Float', 'String', 'Boolean', 'ID', 'TensorFormat')


class Types:
    """The GraphQL types of documents, each made when it is first asked for."""

    def __init__(self) -> None:
        self.taken: set[str] = {*RESERVED, JSON.name, *(scalar.name for scalar in SCALARS.values())}
        self._names: dict[bytes, str] = {}
        self._outputs: dict[str, GraphQLObjectType] = {}
        self._inputs: dict[str, GraphQLInputObjectType] = {}
        self._enums: dict[tuple[str, tuple[Any, ...]], GraphQLEnumType] = {}

    def name(self, wanted: str) -> str:
        """The name, or with a number if it is taken; taken from now on."""
        found = unused(type_name(wanted), self.taken)
        self.taken.add(found)
        return found

    def output(self, schema: DocSchema) -> GraphQLObjectType:
        """What documents of a class look like in answers."""
        name = self._name(schema)
        if name not in self._outputs:
            self._outputs[name] = GraphQLObjectType(
                name, lambda: self._fields(schema, name), description=described(schema.doc)
            )
        return self._outputs[name]

    def input(self, schema: DocSchema) -> GraphQLInputObjectType:
        """How documents of a class are written in requests."""
        name = self._name(schema)
        if name not in self._inputs:
            self._inputs[name] = GraphQLInputObjectType(
                f'{name}Input', lambda: self._input_fields(schema, name), description=described(schema.doc)
            )
        return self._inputs[name]

    def _name(self, schema: DocSchema) -> str:
        key = _key(schema)
        if key not in self._names:
            name = type_name(schema.name)
            while name in self.taken or f'{name}Input' in self.taken:
                name = unused(name, {*self.taken, name})
            self.taken.update((name, f'{name}Input'))
            self._names[key] = name
        return self._names[key]

    def _fields(self, schema: DocSchema, owner: str) -> dict[str, GraphQLField]:
        names = field_names(field.name for field in schema.fields)
        return {names[field.name]: self._field(field, schema, owner) for field in schema.fields}

    def _field(self, field: FieldSchema, schema: DocSchema, owner: str) -> GraphQLField:
        type_ = field.type
        made = self._output_type(type_, schema, f'{owner}_{field.name}')
        if not type_.optional and type_.kind not in NULLABLE:
            made = GraphQLNonNull(made)
        if type_.kind == 'array':
            how = GraphQLArgument(GraphQLNonNull(FORMAT), default_value='list')
            return GraphQLField(made, args={'as': how}, resolve=_array(field.name), description=_shape(type_))
        if type_.kind in ('doc', 'docs'):
            return GraphQLField(made, resolve=_itself(field.name))
        return GraphQLField(made, resolve=_plain(field.name), description=_about(type_))

    def _output_type(self, type_: TypeSchema, schema: DocSchema, where: str) -> Any:
        if type_.kind == 'doc':
            return self.output(_referred(schema, type_.doc))
        if type_.kind == 'docs':
            return GraphQLList(GraphQLNonNull(self.output(_referred(schema, type_.doc))))
        if type_.kind in LISTS and len(type_.args) == 1:
            item = self._output_type(type_.args[0], schema, where)
            is_null = type_.args[0].optional or type_.args[0].kind in NULLABLE
            return GraphQLList(item if is_null else GraphQLNonNull(item))
        return self._leaf(type_, where)

    def _input_fields(self, schema: DocSchema, owner: str) -> dict[str, GraphQLInputField]:
        names = field_names(field.name for field in schema.fields)
        return {names[field.name]: self._input_field(field, schema, owner) for field in schema.fields}

    def _input_field(self, field: FieldSchema, schema: DocSchema, owner: str) -> GraphQLInputField:
        made = self._input_type(field.type, schema, f'{owner}_{field.name}')
        if field.required and not field.type.optional and field.type.kind != 'any':
            made = GraphQLNonNull(made)
        about = [_shape(field.type) if field.type.kind == 'array' else _about(field.type)]
        if not field.required and field.default not in (None, '', [], {}):
            about.append(f'Without it: {msgspec.json.encode(field.default).decode()}.')
        text = ' '.join(filter(None, about)) or None
        return GraphQLInputField(made, out_name=field.name, description=text)

    def _input_type(self, type_: TypeSchema, schema: DocSchema, where: str) -> Any:
        if type_.kind == 'doc':
            return self.input(_referred(schema, type_.doc))
        if type_.kind == 'docs':
            return GraphQLList(GraphQLNonNull(self.input(_referred(schema, type_.doc))))
        if type_.kind in LISTS and len(type_.args) == 1:
            item = self._input_type(type_.args[0], schema, where)
            return GraphQLList(item if type_.args[0].optional else GraphQLNonNull(item))
        return self._leaf(type_, where)

    def _leaf(self, type_: TypeSchema, where: str) -> GraphQLNamedType:
        if type_.kind != 'choice':
            return SCALARS.get(type_.kind, JSON)
        return self.choice(type_.values, where)

    def choice(self, values: tuple[Any, ...], where: str) -> GraphQLNamedType:
        """An enum of these values, if GraphQL can name them all; else the scalar that they have in common."""
        if values and all(map(is_enum_value, values)):
            key = (where, values)
            if key not in self._enums:
                self._enums[key] = GraphQLEnumType(
                    self.name(where), {value: GraphQLEnumValue(value) for value in values}
                )
            return self._enums[key]
        kinds = {type(value) for value in values}
        return GraphQLString if kinds == {str} else INT64 if kinds == {int} else JSON


def described(doc: str) -> str | None:
    """The first paragraph of a docstring in one line, or None."""
    text = ' '.join(doc.strip().split('\n\n')[0].split())
    return text or None


def _referred(schema: DocSchema, name: str) -> DocSchema:
    """A class that another one mentions."""
    if name == schema.name:
        return schema
    others = {schema.name: schema.fields, **schema.refs}
    return DocSchema(name, others.pop(name), others)


def _key(schema: DocSchema) -> bytes:
    """The same for the same class, whichever class it was found in."""
    known = {schema.name: schema.fields, **schema.refs}
    reached: dict[str, Any] = {}
    ahead = [schema.name]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached[name] = known[name]
            for field in known[name]:
                ahead += _mentioned(field.type)
    return msgspec.msgpack.encode([schema.name, sorted(reached.items(), key=lambda item: item[0])])


def _mentioned(type_: TypeSchema) -> list[str]:
    found = [type_.doc] if type_.doc else []
    for arg in type_.args:
        found += _mentioned(arg)
    return found


def _shape(type_: TypeSchema) -> str | None:
    kind = dtype_of(type_.dtype).name if type_.dtype else ''
    if type_.shape is None:
        return f'Of {kind}.' if kind else None
    sizes = ', '.join('any' if size is None else str(size) for size in type_.shape)
    return f'Of shape ({sizes}){f" and {kind}" if kind else ""}.'


def _about(type_: TypeSchema) -> str | None:
    if type_.kind != 'choice' or all(map(is_enum_value, type_.values)):
        return None
    return f'One of {", ".join(map(repr, type_.values))}.'


Resolver = Callable[..., Any]
Info = GraphQLResolveInfo[Any]


def _plain(name: str) -> Resolver:
    def resolve(doc: Any, info: Info) -> Any:
        value = getattr(doc, name)
        kind = type(value)
        if kind is str or kind is int or kind is bool:
            return value
        if kind is float:
            return value if value - value == 0.0 else None  # as in JSON: what is no number is null
        return None if value is None else without_nan(doc_to_plain(value))

    return resolve


def without_nan(value: Any) -> Any:
    """Plain data in which null stands for numbers that JSON has not."""
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, list):
        return [without_nan(each) for each in value]
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    return value


def _array(name: str) -> Resolver:
    def resolve(doc: Any, info: Info, **arguments: Any) -> Any:
        value = getattr(doc, name)
        return None if value is None else doc_to_plain(value, arrays=arguments['as'])

    return resolve


def _itself(name: str) -> Resolver:
    def resolve(doc: Any, info: Info) -> Any:
        return getattr(doc, name)

    return resolve

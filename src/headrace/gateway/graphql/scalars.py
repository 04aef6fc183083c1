"""The scalars of documents that GraphQL has not: they carry what JSON bodies carry, unchecked.

Whether a date is one is decided by who reads documents, with the same words on every protocol.
"""

from __future__ import annotations

import math
from typing import Any

from graphql import (
    EnumValueNode,
    FloatValueNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLScalarType,
    GraphQLString,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)
from graphql.language import BooleanValueNode

SMALLEST, LARGEST = -(2**63), 2**64 - 1


def literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    """A value that is written in a query as plain data.

    A variable that is not given is left out of an object, and null elsewhere. Raises GraphQLError for a
    number that JSON has not.
    """
    match node:
        case VariableNode():
            return (variables or {}).get(node.name.value)
        case IntValueNode():
            return _integer(node)
        case FloatValueNode():
            return _number(node)
        case StringValueNode() | EnumValueNode() | BooleanValueNode():
            return node.value
        case ListValueNode():
            return [literal(each, variables) for each in node.values]
        case ObjectValueNode():
            return {
                field.name.value: literal(field.value, variables)
                for field in node.fields
                if not _is_missing(field.value, variables)
            }
    return None


def _is_missing(node: ValueNode, variables: dict[str, Any] | None) -> bool:
    return isinstance(node, VariableNode) and node.name.value not in (variables or {})


def _integer(node: IntValueNode) -> int:
    if len(node.value) <= len(str(LARGEST)) + 1:  # Python refuses very long ones with an error of its own
        value = int(node.value)
        if SMALLEST <= value <= LARGEST:
            return value
    raise GraphQLError(f'{node.value[:30]} is no 64-bit integer', node)


def _number(node: FloatValueNode) -> float:
    value = float(node.value)
    if math.isinf(value):
        raise GraphQLError(f'{node.value[:30]} is larger than any number', node)
    return value


def _integer_value(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError(f'Expected an integer, got {type(value).__name__}')
    return value


def _integer_literal(node: ValueNode) -> int:
    if not isinstance(node, IntValueNode):
        raise GraphQLError('Expected an integer', node)
    return _integer(node)


def _text_value(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f'Expected a string, got {type(value).__name__}')
    return value


def _text_literal(node: ValueNode) -> str:
    if not isinstance(node, StringValueNode):
        raise GraphQLError('Expected a string', node)
    return node.value


def _same(value: Any) -> Any:
    return value


def _text(name: str, description: str, url: str | None = None) -> GraphQLScalarType:
    return GraphQLScalarType(
        name,
        description=description,
        coerce_output_value=_same,
        coerce_input_value=_text_value,
        coerce_input_literal=_text_literal,
        specified_by_url=url,
    )


INT64 = GraphQLScalarType(
    'Int64',
    description="A whole number of up to 64 bits: GraphQL's own Int ends at 32.",
    coerce_output_value=_same,
    coerce_input_value=_integer_value,
    coerce_input_literal=_integer_literal,
)
JSON = GraphQLScalarType(
    'JSON',
    description='Anything that JSON can say. In a query, objects are written {key: value}.',
    coerce_output_value=_same,
    coerce_input_value=_same,
    coerce_input_literal=literal,
)
TENSOR = GraphQLScalarType(
    'Tensor',
    description='An array of numbers: nested lists, or {dtype, shape, data} with the bytes in base64.',
    coerce_output_value=_same,
    coerce_input_value=_same,
    coerce_input_literal=literal,
)
TEXTS = {
    'bytes': _text('Base64', 'Bytes, written in base64.', 'https://www.rfc-editor.org/rfc/rfc4648'),
    'datetime': _text(
        'DateTime',
        'A day and a time, such as 2026-01-31T12:00:00Z.',
        'https://www.rfc-editor.org/rfc/rfc3339',
    ),
    'date': _text('Date', 'A day, such as 2026-01-31.', 'https://www.rfc-editor.org/rfc/rfc3339'),
    'time': _text('Time', 'A time of day, such as 12:00:00.', 'https://www.rfc-editor.org/rfc/rfc3339'),
    'duration': _text('Duration', 'A span of time, such as PT1H30M (ISO 8601).'),
    'uuid': _text('UUID', 'A UUID in its canonical form.', 'https://www.rfc-editor.org/rfc/rfc9562'),
    'decimal': _text('Decimal', 'A decimal number of any precision, as text.'),
}
SCALARS: dict[str, GraphQLScalarType] = {
    'str': GraphQLString,
    'int': INT64,
    'float': GraphQLFloat,
    'bool': GraphQLBoolean,
    'array': TENSOR,
    **TEXTS,
}
"""The scalar for each kind of a field that has one; every other kind that is no list or document is JSON."""

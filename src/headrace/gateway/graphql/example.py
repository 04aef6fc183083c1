"""A schema in; out, a query that its Flow answers: what somebody who opens the page begins with."""

from __future__ import annotations

import re

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)

from headrace.gateway.graphql.jina import CALLS

FEW = 4
"""Fields of a document that are shown at the beginning."""
VALUES = {'String': '"hello"', 'ID': '"1"', 'Int': '1', 'Float': '1.0', 'Boolean': 'true', 'BigInt': '1'}
"""What stands for a value of each type that needs no explanation."""
ANYTHING = """{
  __schema {
    queryType { fields { name description } }
    mutationType { fields { name description } }
  }
}"""


def example(schema: GraphQLSchema) -> str:
    """A query of the first endpoint that reads, and whose documents can be written down at once.

    Where there is none, the schema is asked for its fields; a call of an endpoint that may write stands below
    as a comment, so that nobody makes it by pressing a key.
    """
    read = _call('query', schema.query_type)
    if read:
        return read
    written = _call('mutation', schema.mutation_type)
    return f'{ANYTHING}\n\n{re.sub("^", "# ", written, flags=re.MULTILINE)}' if written else ANYTHING


def _call(operation: str, root: GraphQLObjectType | None) -> str:
    for name, field in (root.fields if root is not None else {}).items():
        document = _document(field) if field.extensions.get(CALLS) else None
        if document is not None:
            return f'{operation} {{\n  {name}(data: [{document}]) {{\n{_answer(field)}  }}\n}}'
    return ''


def _document(field: GraphQLField) -> str | None:
    """A document for an endpoint; None if it needs something for which there is no example."""
    argument = field.args.get('data')
    taken = get_named_type(argument.type) if argument is not None else None
    if not isinstance(taken, GraphQLInputObjectType):
        return None
    needed = [name for name, each in taken.fields.items() if is_required_input_field(each)]
    simple = [name for name, each in taken.fields.items() if name != 'id' and str(each.type) == 'String']
    written = []
    for name in needed or simple[:1]:
        type_ = taken.fields[name].type
        value = VALUES.get(str(type_).rstrip('!'))
        if is_enum_type(get_named_type(type_)) and not _is_list(type_):
            value = next(iter(get_named_type(type_).values))
        if value is None:
            return None
        written.append(f'{name}: {value}')
    return f'{{{", ".join(written)}}}'


def _answer(field: GraphQLField) -> str:
    reply = get_named_type(field.type)
    assert isinstance(reply, GraphQLObjectType)
    given = get_named_type(reply.fields['data'].type)
    assert isinstance(given, GraphQLObjectType)
    shown = [name for name, each in given.fields.items() if is_leaf_type(get_named_type(each.type))]
    return f'    data {{ {" ".join(shown[:FEW])} }}\n    parameters\n'


def _is_list(type_: object) -> bool:
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)

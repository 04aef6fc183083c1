"""Mistakes in a query in; out: the same, saying where what was looked for is, or what is there instead."""

from __future__ import annotations

import re
from collections.abc import Iterable

from graphql import FieldNode, GraphQLError, GraphQLField, GraphQLSchema

PREFIX = 'Cannot query field '
ARGUMENT = re.compile(r"Unknown argument '\w+' on field '(\w+)\.(\w+)'\.$")


def hinted(errors: Iterable[GraphQLError], schema: GraphQLSchema) -> list[GraphQLError]:
    """The errors; one about an endpoint that is called by another kind of operation names that.

    One about an argument that nothing looks like names those that there are.
    """
    return [_taking(_hinted(error, schema), schema) for error in errors]


def _taking(error: GraphQLError, schema: GraphQLSchema) -> GraphQLError:
    found = ARGUMENT.match(error.message)
    kind = schema.type_map.get(found[1]) if found else None
    field: GraphQLField | None = getattr(kind, 'fields', {}).get(found[2]) if found else None
    if field is None or not field.args:
        return error
    return GraphQLError(f'{error.message} It takes: {", ".join(field.args)}.', error.nodes)


def _hinted(error: GraphQLError, schema: GraphQLSchema) -> GraphQLError:
    node = error.nodes[0] if error.nodes else None
    if not isinstance(node, FieldNode) or not error.message.startswith(PREFIX):
        return error
    roots = {
        'query': schema.query_type,
        'mutation': schema.mutation_type,
        'subscription': schema.subscription_type,
    }
    here = [kind for kind, root in roots.items() if root and f" on type '{root.name}'." in error.message]
    name = node.name.value
    there = [kind for kind, root in roots.items() if root and name in root.fields]
    if not here or not there:
        return error
    return GraphQLError(
        f'{error.message} It is a {there[0]}: write `{there[0]} {{ {name} ... }}`.', error.nodes
    )

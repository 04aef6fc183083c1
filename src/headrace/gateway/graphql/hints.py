"""Mistakes in a query in; out: the same, saying where a field is that was looked for in the wrong place."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import FieldNode, GraphQLError, GraphQLSchema

PREFIX = 'Cannot query field '


def hinted(errors: Iterable[GraphQLError], schema: GraphQLSchema) -> list[GraphQLError]:
    """The errors; one about an endpoint that is called by another kind of operation names that."""
    return [_hinted(error, schema) for error in errors]


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

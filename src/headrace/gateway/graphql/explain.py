"""Values that do not fit the schema in; out, what the other doors would say of them.

GraphQL refuses what is not of its types before a document is read. So that a mistake has the same words on
every protocol, the arguments of each call are read once more as they were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
)

from headrace.gateway.graphql import jina
from headrace.gateway.graphql.call import CallFailed, Calls
from headrace.gateway.graphql.scalars import literal


def explained(
    errors: list[GraphQLError],
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    *,
    variables: dict[str, Any],
    calls: Calls,
) -> list[GraphQLError]:
    """The errors as the other doors tell them; those of GraphQL where the others would see none."""
    told = []
    try:
        found = [*_arguments(schema, document, operation, {**_defaults(operation), **variables})]
    except (GraphQLError, RecursionError):  # numbers that JSON has not, lists without end
        return errors
    for node, endpoint, given in found:
        try:
            calls.check(endpoint, given)
        except CallFailed as failed:
            told.append(GraphQLError(str(failed), node, original_error=failed))
    return told or errors


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    found = {}
    for each in operation.variable_definitions or ():
        if each.default_value is not None:
            found[each.variable.name.value] = literal(each.default_value)
    return found


def _arguments(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
) -> Iterator[tuple[FieldNode, str, dict[str, Any]]]:
    """Each field that calls an endpoint, the endpoint, and its arguments as plain data."""
    root = schema.get_root_type(operation.operation)
    if root is None:
        return
    for node in _fields(document, operation.selection_set, set()):
        field = root.fields.get(node.name.value)
        endpoint = field and field.extensions.get(jina.CALLS)
        if field is None or not endpoint:
            continue
        given: dict[str, Any] = {}
        for argument in node.arguments or ():
            wanted = field.args.get(argument.name.value)
            if wanted is not None:
                given[argument.name.value] = _plain(literal(argument.value, variables), wanted.type)
        yield node, endpoint, given


def _fields(document: DocumentNode, selection: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
    for node in selection.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(document, node.selection_set, seen)
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            seen.add(node.name.value)
            for each in document.definitions:
                if isinstance(each, FragmentDefinitionNode) and each.name.value == node.name.value:
                    yield from _fields(document, each.selection_set, seen)


def _plain(value: Any, type_: GraphQLInputType) -> Any:
    """A value with the names of documents in place of those of GraphQL."""
    if is_non_null_type(type_):
        type_ = type_.of_type
    if is_list_type(type_):
        if isinstance(value, list):
            return [_plain(each, type_.of_type) for each in value]
        return None if value is None else [_plain(value, type_.of_type)]
    if is_input_object_type(type_) and isinstance(value, dict):
        return _named(value, type_)
    return value


def _named(value: dict[str, Any], type_: GraphQLInputObjectType) -> dict[str, Any]:
    named = {}
    for key, each in value.items():
        field = type_.fields.get(key)
        named[(field and field.out_name) or key] = _plain(each, field.type) if field else each
    return named

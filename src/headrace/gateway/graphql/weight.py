"""A parsed query in, how much it asks for out: measured before anything looks at it more closely.

What a fragment weighs is counted once, and again wherever it is spread, without walking it again: a query of
a few lines cannot make this take long.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from headrace.errors import RequestError
from headrace.spec.graphql import GraphqlSpec

IN_A_LIST = 10
"""Documents that a list is taken to have."""
MAX_REPEATS = 8
"""Fields of one name, or spreads, in one selection; more say nothing new, and take long to compare."""
MAX_FRAGMENTS = 32
MAX_OPERATIONS = 16
MAX_VARIABLES = 128
LARGEST = 10**12
"""Where counting ends."""


class Weight(NamedTuple):
    """What a selection asks for: levels, fields (as often as lists are taken to repeat them), aliases.

    `calls` are the fields of its first level: at the root of an operation each calls an endpoint.
    """

    depth: int = 0
    cost: int = 0
    aliases: int = 0
    calls: int = 0

    def beside(self, other: Weight) -> Weight:
        """Both in one selection."""
        return Weight(
            max(self.depth, other.depth),
            min(self.cost + other.cost, LARGEST),
            min(self.aliases + other.aliases, LARGEST),
            min(self.calls + other.calls, LARGEST),
        )


class Scales:
    """Weighs the operations of one document."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[str, Weight] = {}
        self.operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]

    def weigh(self, operation: OperationDefinitionNode) -> Weight:
        """What an operation asks for; RequestError for a selection that repeats itself."""
        root = self._schema.get_root_type(operation.operation)
        return self._selection(operation.selection_set, root)

    def _selection(self, selection: SelectionSetNode, owner: GraphQLNamedType | None) -> Weight:
        _check_repeats(selection)
        found = Weight()
        for node in selection.selections:
            if isinstance(node, FieldNode):
                found = found.beside(self._field(node, owner))
            elif isinstance(node, FragmentSpreadNode):
                found = found.beside(self._spread(node.name.value))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inner = self._schema.get_type(condition.name.value) if condition else owner
                found = found.beside(self._selection(node.selection_set, inner))
        return found

    def _spread(self, name: str) -> Weight:
        fragment = self._fragments.get(name)
        if fragment is None:
            return Weight()
        if name not in self._known:
            self._known[name] = Weight()  # what leads back to itself is refused by validation
            on = self._schema.get_type(fragment.type_condition.name.value)
            self._known[name] = self._selection(fragment.selection_set, on)
        return self._known[name]

    def _field(self, node: FieldNode, owner: GraphQLNamedType | None) -> Weight:
        name = node.name.value
        aliases, calls = int(node.alias is not None), int(not name.startswith('__'))
        if node.selection_set is None:
            return Weight(1, 1, aliases, calls)
        kind = self._type_of(name, owner)
        inner = self._selection(node.selection_set, kind[0])
        times = IN_A_LIST if kind[1] else 1
        cost = min(1 + inner.cost * times, LARGEST)
        return Weight(inner.depth + 1, cost, inner.aliases + aliases, calls)

    def _type_of(self, name: str, owner: GraphQLNamedType | None) -> tuple[GraphQLNamedType | None, bool]:
        """The type of a field, and whether there are many of it; those of the schema itself are few."""
        if name in ('__schema', '__type'):
            return self._schema.get_type('__Schema' if name == '__schema' else '__Type'), False
        field = getattr(owner, 'fields', {}).get(name)
        if field is None:
            return None, False
        kind = field.type.of_type if is_non_null_type(field.type) else field.type
        is_ours = owner is not None and not owner.name.startswith('__')
        return get_named_type(field.type), is_list_type(kind) and is_ours


def check(document: DocumentNode, schema: GraphQLSchema, spec: GraphqlSpec) -> None:
    """Raise RequestError for a document that asks for more than the spec allows."""
    scales = Scales(document, schema)
    _check_counts(document, scales)
    for operation in scales.operations:
        found = scales.weigh(operation)
        for name, value, limit in (
            ('max_depth', found.depth, spec.max_depth),
            ('max_cost', found.cost, spec.max_cost),
            ('max_aliases', found.aliases, spec.max_aliases),
            ('max_calls', found.calls, spec.max_calls),
        ):
            if value > limit:
                raise _too_much(name, value, limit)


def _check_counts(document: DocumentNode, scales: Scales) -> None:
    fragments = len(document.definitions) - len(scales.operations)
    variables = max((len(each.variable_definitions or ()) for each in scales.operations), default=0)
    for what, count, limit in (
        ('operations', len(scales.operations), MAX_OPERATIONS),
        ('fragments', fragments, MAX_FRAGMENTS),
        ('variables', variables, MAX_VARIABLES),
    ):
        if count > limit:
            raise RequestError(f'the query has {count} {what}, and {limit} are accepted', help='send fewer')


def _check_repeats(selection: SelectionSetNode) -> None:
    names: Counter[str] = Counter()
    for node in selection.selections:
        if len(node.directives or ()) > MAX_REPEATS:
            raise RequestError(
                f'a selection has {len(node.directives or ())} directives, and {MAX_REPEATS} are accepted',
                help='write each once',
            )
        if isinstance(node, FieldNode):
            names[(node.alias or node.name).value] += 1
        else:
            names['...'] += 1
    if not names:
        return
    name, count = names.most_common(1)[0]
    if count > (MAX_FRAGMENTS if name == '...' else MAX_REPEATS):
        raise RequestError(f'a selection has {name!r} {count} times', help='ask for each field once')


_WORDS = {
    'max_depth': 'is {} levels deep',
    'max_cost': 'asks for {} fields, as lists are counted,',
    'max_aliases': 'has {} aliases',
    'max_calls': 'calls endpoints {} times',
}


def _too_much(name: str, value: int, limit: int) -> RequestError:
    words = _WORDS[name].format(value if value < LARGEST else f'more than {LARGEST}')
    return RequestError(
        f'the query {words} and {limit} are accepted'.replace(',,', ','),
        help=f'ask for less at once, or raise graphql.{name} of the gateway',
    )

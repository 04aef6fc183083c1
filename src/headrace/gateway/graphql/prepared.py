"""The text of a query in; out, what can be executed, or what is wrong with it."""

from __future__ import annotations

from collections import OrderedDict

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    ValuesOfCorrectTypeRule,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from graphql.error import GraphQLSyntaxError

from headrace.errors import RequestError, TooLarge
from headrace.gateway.graphql import weight
from headrace.gateway.graphql.hints import hinted
from headrace.spec.graphql import GraphqlSpec

MAX_ERRORS = 20
KEPT = 256
KEPT_BYTES = 8192
"""Queries that are kept ready: so many, each of at most so many bytes."""

_TOKENS = 'Document contains more than'


class Prepared:
    """A query that can be executed; `misfits` are values in its text that are not of their types."""

    __slots__ = ('document', 'misfits')

    def __init__(self, document: DocumentNode, misfits: list[GraphQLError]) -> None:
        self.document = document
        self.misfits = misfits

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation of that name, or the only one; RequestError if it is not there."""
        found = get_operation_ast(self.document, name or None)
        if found is not None:
            return found
        if name:
            raise RequestError(f'the query has no operation {name[:100]!r}', help='check operationName')
        if any(isinstance(each, OperationDefinitionNode) for each in self.document.definitions):
            raise RequestError('the query has several operations', help='say which with operationName')
        raise RequestError('the query has no operation', help='send a query such as { __typename }')


class Invalid(Exception):
    """A query that GraphQL does not allow; `errors` say where."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors)
        self.errors = errors


class Queries:
    """Prepares queries, and keeps the latest of them: clients send the same ones with other variables."""

    def __init__(self, schema: GraphQLSchema, spec: GraphqlSpec, *, hide_suggestions: bool) -> None:
        self._schema = schema
        self._spec = spec
        self.hides_suggestions = hide_suggestions or not spec.introspection
        extra: list[type[ASTValidationRule]] = [] if spec.introspection else [NoSchemaIntrospectionCustomRule]
        self._rules = [*(rule for rule in specified_rules if rule is not ValuesOfCorrectTypeRule), *extra]
        self._kept: OrderedDict[str, Prepared] = OrderedDict()

    def prepare(self, text: str) -> Prepared:
        """A query that was parsed, weighed and validated.

        Raises Invalid for what GraphQL does not allow, RequestError for a query that asks for too much,
        TooLarge for one that is too long.
        """
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        try:
            prepared = self._prepare(text)
        except RecursionError:
            raise RequestError('the query nests too deeply', help='flatten it') from None
        if len(text) <= KEPT_BYTES:
            self._kept[text] = prepared
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return prepared

    def _prepare(self, text: str) -> Prepared:
        spec = self._spec
        size = len(text) if text.isascii() else len(text.encode('utf-8', 'replace'))
        if size > spec.max_query_bytes:
            raise TooLarge(
                f'the query has {size} bytes, and {spec.max_query_bytes} are accepted',
                help='send documents as variables, or raise graphql.max_query_bytes of the gateway',
            )
        try:
            document = parse(text, max_tokens=spec.max_tokens)
        except GraphQLSyntaxError as error:
            if _TOKENS in error.message:
                raise TooLarge(
                    f'the query has more than {spec.max_tokens} tokens',
                    help='send documents as variables, or raise graphql.max_tokens of the gateway',
                ) from None
            raise Invalid([error]) from None
        weight.check(document, self._schema, spec)
        self._validate(document, self._rules)
        misfits = self._validate(document, [ValuesOfCorrectTypeRule], is_strict=False)
        return Prepared(document, misfits)

    def _validate(
        self, document: DocumentNode, rules: list[type[ASTValidationRule]], *, is_strict: bool = True
    ) -> list[GraphQLError]:
        errors = validate(self._schema, document, rules, MAX_ERRORS, hide_suggestions=self.hides_suggestions)
        if errors and is_strict:
            raise Invalid(errors if self.hides_suggestions else hinted(errors, self._schema))
        return errors


def is_query(operation: OperationDefinitionNode) -> bool:
    """Whether an operation only reads."""
    return operation.operation is OperationType.QUERY


def is_subscription(operation: OperationDefinitionNode) -> bool:
    """Whether an operation's answer comes in parts."""
    return operation.operation is OperationType.SUBSCRIPTION

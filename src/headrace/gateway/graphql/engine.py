"""A GraphQL request and who sent it in, its result out: whichever way both came."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, NamedTuple, cast

from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    execute,
    get_variable_values,
    subscribe,
)

from headrace.gateway.entrance import Entrance
from headrace.gateway.graphql import faults
from headrace.gateway.graphql.call import Caller, Calls
from headrace.gateway.graphql.explain import explained
from headrace.gateway.graphql.prepared import Invalid, Prepared, Queries, is_query, is_subscription
from headrace.gateway.graphql.reads import Reads
from headrace.gateway.graphql.request import GraphqlRequest
from headrace.gateway.graphql.schema import make_schema
from headrace.gateway.http.front import Front
from headrace.gateway.http.problem import HttpError

PATH = '/graphql'
MAX_MISFITS = 20
INTROSPECTS = re.compile(r'__(schema|type)\b')
"""What asks for the schema is a page of the gateway: one may have a key for nothing else."""


class Result(NamedTuple):
    """What a request came to; `status` is that of HTTP, 200 for all that was executed."""

    body: dict[str, Any]
    status: int = 200


class Operation(NamedTuple):
    """A request that is ready to be executed."""

    prepared: Prepared
    node: OperationDefinitionNode
    asked: GraphqlRequest

    @property
    def is_subscription(self) -> bool:
        """Whether its answer comes in parts."""
        return is_subscription(self.node)


class Engine:
    """The schema of a Flow, and what executes requests for it."""

    def __init__(self, entrance: Entrance, front: Front) -> None:
        spec = entrance.spec
        self.schema = make_schema(entrance.info, spec.graphql)
        self.limits = front.limits
        self.most_bytes = front.max_body_bytes
        self._entrance = entrance
        self._front = front
        self._reads = Reads(spec.graphql)
        self._queries = Queries(self.schema, spec.graphql, hide_suggestions=entrance.guard is not None)
        self._development = spec.development

    def calls(self, caller: Caller) -> Calls:
        """The way of an operation of this caller into the Flow."""
        return Calls(self._entrance, self._front, self._reads, caller)

    def open(self, asked: GraphqlRequest, caller: Caller) -> Operation:
        """A request made ready; raises Invalid, or RequestError with what is wrong with it."""
        prepared = self._queries.prepare(asked.query)
        node = prepared.operation(asked.operation_name)
        if INTROSPECTS.search(asked.query):
            self._entrance.permit_page(caller.identity, PATH)
        if caller.is_safe and not is_query(node):
            raise HttpError(
                405,
                f'a GET may only query, and this is a {node.operation.value}',
                help='send a POST',
                headers=((b'allow', b'POST'),),
            )
        return Operation(prepared, node, asked)

    async def execute(self, operation: Operation, calls: Calls) -> Result:
        """The result of a query or mutation: queries call side by side, mutations one after the other."""
        prepared, _, asked = operation
        if prepared.misfits:
            return self._misfit(prepared.misfits, operation, calls)
        found = execute(
            self.schema,
            prepared.document,
            context_value=calls,
            variable_values=asked.variables or {},
            operation_name=asked.operation_name or None,
            max_coercion_errors=MAX_MISFITS,
            hide_suggestions=self._queries.hides_suggestions,
        )
        result = found if isinstance(found, ExecutionResult) else await found
        if result.data is None and result.errors and all(each.path is None for each in result.errors):
            return self._misfit(result.errors, operation, calls)
        return self._result(result, calls.caller.request_id)

    def misfit(self, operation: Operation, calls: Calls) -> Result | None:
        """What is wrong with the values of a request, before it is executed; None if nothing is."""
        prepared, node, asked = operation
        errors = prepared.misfits
        if not errors:
            given = get_variable_values(
                self.schema,
                node.variable_definitions or (),
                asked.variables or {},
                max_errors=MAX_MISFITS,
                hide_suggestions=self._queries.hides_suggestions,
            )
            errors = given if isinstance(given, list) else []
        return self._misfit(errors, operation, calls) if errors else None

    async def subscribe(self, operation: Operation, calls: Calls) -> AsyncGenerator[Result, None]:
        """The results of a subscription, one for each part of the answer.

        What ends it early is the last one; its status is not 200.
        """
        prepared, _, asked = operation
        found: Any = subscribe(
            self.schema,
            prepared.document,
            context_value=calls,
            variable_values=asked.variables or {},
            operation_name=asked.operation_name or None,
            hide_suggestions=self._queries.hides_suggestions,
        )
        if isawaitable(found):
            found = await found
        if isinstance(found, ExecutionResult):
            yield self._misfit(found.errors or [], operation, calls)
            return
        results = cast('AsyncGenerator[ExecutionResult, None]', found)
        try:
            async with aclosing(results):
                async for result in results:
                    yield self._result(result, calls.caller.request_id)
        except Exception as error:
            yield self.refusal(error, request_id=calls.caller.request_id)

    def refusal(self, error: Exception, *, request_id: str) -> Result:
        """What is told of a request that was not executed."""
        errors = error.errors if isinstance(error, Invalid) else [error]
        told = faults.entries(errors, request_id=request_id, development=self._development)
        return Result({'errors': told}, faults.status_of(told))

    def _misfit(self, errors: list[GraphQLError], operation: Operation, calls: Calls) -> Result:
        told = explained(
            errors,
            self.schema,
            operation.prepared.document,
            operation.node,
            variables=operation.asked.variables or {},
            calls=calls,
        )
        return self.refusal(Invalid(list(told)), request_id=calls.caller.request_id)

    def _result(self, result: ExecutionResult, request_id: str) -> Result:
        body: dict[str, Any] = {'data': result.data}
        if result.errors:
            body['errors'] = faults.entries(
                result.errors, request_id=request_id, development=self._development
            )
        return Result(body)

"""A Flow's endpoints in, the GraphQL schema that its clients see out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLString,
    specified_directives,
)

from headrace.documents.schema import DocSchema
from headrace.gateway.graphql import jina
from headrace.gateway.graphql.answers import Part, Reply
from headrace.gateway.graphql.names import allowed, type_name, unused
from headrace.gateway.graphql.parameters import Parameters
from headrace.gateway.graphql.reads import Reads
from headrace.gateway.graphql.scalars import JSON
from headrace.gateway.graphql.types import Types, described, without_nan
from headrace.pipeline.describe import EndpointInfo, FlowInfo
from headrace.spec.graphql import GraphqlSpec

Info = GraphQLResolveInfo[Any]


def make_schema(info: FlowInfo, spec: GraphqlSpec) -> GraphQLSchema:
    """The schema of a Flow: queries for what reads, mutations for the rest, subscriptions for streams.

    A field is called as its endpoint is, with underscores for what GraphQL allows in no name. Raises
    SpecError if the spec names an endpoint that is not there.
    """
    reads = Reads(spec)
    reads.check(info)
    return _Schema(reads).of(info)


class _Schema:
    """The fields and types of one Flow."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._types = Types()
        self._types.taken.update(jina.TYPE_NAMES)
        self._replies: dict[str, GraphQLObjectType] = {}
        self._parts: dict[str, GraphQLObjectType] = {}

    def of(self, info: FlowInfo) -> GraphQLSchema:
        queries, mutations, streams = {jina.FIELD: jina.field()}, {jina.FIELD: jina.field()}, {}
        taken = {jina.FIELD}
        for endpoint in info.endpoints:
            name = unused(allowed(endpoint.name), taken)
            taken.add(name)
            arguments = self._arguments(endpoint)
            fields = queries if self._reads(endpoint) else mutations
            fields[name] = self._call(endpoint, arguments)
            if endpoint.kind == 'stream':
                streams[name] = self._stream(endpoint, arguments)
        return GraphQLSchema(
            query=GraphQLObjectType('Query', queries, description='What only reads.'),
            mutation=GraphQLObjectType('Mutation', mutations, description='What may write, in order.'),
            subscription=GraphQLObjectType('Subscription', streams, description='Answers in parts.')
            if streams
            else None,
            directives=specified_directives,
            description=described(info.description or info.title),
        )

    def _arguments(self, endpoint: EndpointInfo) -> dict[str, GraphQLArgument]:
        data = GraphQLList(GraphQLNonNull(self._types.input(endpoint.input)))
        schema = endpoint.parameters
        made: Any = JSON
        if schema:
            made = Parameters(self._types, schema, f'{type_name(endpoint.name)}Parameters').type()
        arguments = {
            'data': GraphQLArgument(data, description='The documents: a list, or just one.'),
            'parameters': GraphQLArgument(made, description='What the executors are to do.'),
            'targetExecutor': GraphQLArgument(
                GraphQLString, description='Only executors with a name like this (a regular expression).'
            ),
        }
        if made is not JSON:
            about = 'Parameters of other executors, also those for one alone: {index: {top_k: 5}}.'
            arguments['otherParameters'] = GraphQLArgument(JSON, description=about)
        return arguments

    def _call(self, endpoint: EndpointInfo, arguments: dict[str, GraphQLArgument]) -> GraphQLField:
        name = endpoint.name

        async def resolve(root: Any, info: Info, **given: Any) -> Reply:
            reply: Reply = await info.context.call(name, given)
            return reply

        return GraphQLField(
            self._reply(endpoint.output),
            args=arguments,
            resolve=resolve,
            description=_about(endpoint),
            extensions={jina.CALLS: name},
        )

    def _stream(self, endpoint: EndpointInfo, arguments: dict[str, GraphQLArgument]) -> GraphQLField:
        name = endpoint.name

        def subscribe(root: Any, info: Info, **given: Any) -> AsyncGenerator[Part, None]:
            parts: AsyncGenerator[Part, None] = info.context.stream(name, given)
            return parts

        return GraphQLField(
            GraphQLNonNull(self._part(endpoint.output)),
            args=arguments,
            subscribe=subscribe,
            resolve=lambda part, info, **given: part,
            description=_about(endpoint),
            extensions={jina.CALLS: name},
        )

    def _reply(self, schema: DocSchema) -> GraphQLObjectType:
        doc = self._types.output(schema)
        if doc.name not in self._replies:
            fields = {
                'data': GraphQLField(
                    GraphQLNonNull(GraphQLList(GraphQLNonNull(doc))), description='The documents.'
                ),
                **_beside(),
            }
            self._replies[doc.name] = GraphQLObjectType(self._types.name(f'{doc.name}Reply'), fields)
        return self._replies[doc.name]

    def _part(self, schema: DocSchema) -> GraphQLObjectType:
        doc = self._types.output(schema)
        if doc.name not in self._parts:
            about = 'A document; null in a part that has only parameters.'
            fields = {'item': GraphQLField(doc, description=about), **_beside()}
            self._parts[doc.name] = GraphQLObjectType(self._types.name(f'{doc.name}Part'), fields)
        return self._parts[doc.name]


def _beside() -> dict[str, GraphQLField]:
    """What comes beside documents."""
    return {
        'parameters': GraphQLField(
            GraphQLNonNull(JSON),
            resolve=lambda reply, info: without_nan(reply.parameters),
            description='Those of the request; what is not documents is in __results__.',
        ),
        'requestId': GraphQLField(
            GraphQLNonNull(GraphQLString),
            resolve=lambda reply, info: reply.request_id,
            description='What to look for in the logs of the server.',
        ),
    }


def _about(endpoint: EndpointInfo) -> str:
    text = endpoint.doc.strip()
    return f'{text}\n\nCalls `{endpoint.name}`.' if text else f'Calls `{endpoint.name}`.'

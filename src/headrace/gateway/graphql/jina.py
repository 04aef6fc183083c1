"""The `docs` of Jina 3: one field, for queries and mutations, that calls any endpoint with any documents.

Its types have the names that they have there, so that queries of Jina's clients go on to work.
"""

from __future__ import annotations

from typing import Any

import msgspec
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLFloat,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLString,
)

from headrace.documents.codec.text import doc_to_plain
from headrace.gateway.graphql.scalars import TEXTS, literal
from headrace.gateway.graphql.types import without_nan

FIELD = 'docs'
CALLS = 'headrace_endpoint'
"""Where a field keeps the endpoint that it calls ('': its arguments say it): in its `extensions`."""

Info = GraphQLResolveInfo[Any]


def _read(value: Any) -> Any:
    """A value, or what it says in JSON if it is a text: Jina's clients write it so."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GraphQLError(f'The text is no JSON: {error}') from None


def _json_text(name: str, description: str) -> GraphQLScalarType:
    return GraphQLScalarType(
        name,
        description=description,
        coerce_output_value=lambda value: value,
        coerce_input_value=_read,
        coerce_input_literal=lambda node: _read(literal(node)),
    )


JSON_SCALAR = _json_text('JSONScalar', 'A JSON value; in requests also as text.')
ND_ARRAY = _json_text('NdArray', 'Nested lists of numbers; in requests also as JSON text.')
BASE64 = TEXTS['bytes']

_LEAVES: dict[str, tuple[str, Any]] = {
    'id': ('id', GraphQLString),
    'parentId': ('parent_id', GraphQLString),
    'granularity': ('granularity', GraphQLInt),
    'adjacency': ('adjacency', GraphQLInt),
    'blob': ('blob', BASE64),
    'tensor': ('tensor', ND_ARRAY),
    'mimeType': ('mime_type', GraphQLString),
    'text': ('text', GraphQLString),
    'weight': ('weight', GraphQLFloat),
    'uri': ('uri', GraphQLString),
    'tags': ('tags', JSON_SCALAR),
    'offset': ('offset', GraphQLFloat),
    'location': ('location', GraphQLList(GraphQLNonNull(GraphQLFloat))),
    'embedding': ('embedding', ND_ARRAY),
    'modality': ('modality', GraphQLString),
}
_SCORES = ('evaluations', 'scores')
_PARTS = ('chunks', 'matches')
_SCORE: dict[str, tuple[str, Any]] = {
    'value': ('value', GraphQLFloat),
    'opName': ('op_name', GraphQLString),
    'description': ('description', GraphQLString),
    'refId': ('ref_id', GraphQLString),
}


def _leaf(name: str) -> Any:
    def resolve(doc: Any, info: Info) -> Any:
        value = getattr(doc, name, None)
        return None if value is None else without_nan(doc_to_plain(value))

    return resolve


def _scores(name: str) -> Any:
    def resolve(doc: Any, info: Info) -> Any:
        return [{'name': key, 'score': score} for key, score in (getattr(doc, name, None) or {}).items()]

    return resolve


def _parts(name: str) -> Any:
    return lambda doc, info: getattr(doc, name, None)


SCORE = GraphQLObjectType(
    'NamedScore', {key: GraphQLField(kind, resolve=_leaf(name)) for key, (name, kind) in _SCORE.items()}
)
NAMED = GraphQLObjectType(
    'StrawberryNamedScore',
    {'name': GraphQLField(GraphQLNonNull(GraphQLString)), 'score': GraphQLField(GraphQLNonNull(SCORE))},
)
DOCUMENT: GraphQLObjectType = GraphQLObjectType(
    'StrawberryDocument',
    lambda: {
        **{key: GraphQLField(kind, resolve=_leaf(name)) for key, (name, kind) in _LEAVES.items()},
        **{name: GraphQLField(GraphQLList(GraphQLNonNull(NAMED)), resolve=_scores(name)) for name in _SCORES},
        **{
            name: GraphQLField(GraphQLList(GraphQLNonNull(DOCUMENT)), resolve=_parts(name)) for name in _PARTS
        },
    },
    description="Any document, with the names that its fields have in Jina 3's GraphQL.",
)
SCORE_INPUT = GraphQLInputObjectType(
    'NamedScoreInput', {key: GraphQLInputField(kind, out_name=name) for key, (name, kind) in _SCORE.items()}
)
NAMED_INPUT = GraphQLInputObjectType(
    'StrawberryNamedScoreInput',
    {
        'name': GraphQLInputField(GraphQLNonNull(GraphQLString)),
        'score': GraphQLInputField(GraphQLNonNull(SCORE_INPUT)),
    },
)


def _document(fields: dict[str, Any]) -> dict[str, Any]:
    """A document as JSON bodies have it: null is for what is not there, scores are an object."""
    kept = {key: value for key, value in fields.items() if value is not None}
    for name in _SCORES:
        if name in kept:
            kept[name] = {each['name']: _without_nulls(each['score']) for each in kept[name]}
    return kept


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


DOCUMENT_INPUT: GraphQLInputObjectType = GraphQLInputObjectType(
    'StrawberryDocumentInput',
    lambda: {
        **{key: GraphQLInputField(kind, out_name=name) for key, (name, kind) in _LEAVES.items()},
        **{name: GraphQLInputField(GraphQLList(GraphQLNonNull(NAMED_INPUT))) for name in _SCORES},
        **{name: GraphQLInputField(GraphQLList(GraphQLNonNull(DOCUMENT_INPUT))) for name in _PARTS},
    },
    out_type=_document,
)
TYPE_NAMES = (
    *('JSONScalar', 'NdArray', 'NamedScore', 'NamedScoreInput', 'StrawberryNamedScore'),
    *('StrawberryNamedScoreInput', 'StrawberryDocument', 'StrawberryDocumentInput'),
)


def field() -> GraphQLField:
    """The field `docs`."""
    return GraphQLField(
        GraphQLList(GraphQLNonNull(DOCUMENT)),
        args={
            'data': GraphQLArgument(GraphQLList(GraphQLNonNull(DOCUMENT_INPUT))),
            'targetExecutor': GraphQLArgument(GraphQLString),
            'parameters': GraphQLArgument(JSON_SCALAR),
            'execEndpoint': GraphQLArgument(GraphQLNonNull(GraphQLString), default_value='/search'),
        },
        resolve=_resolve,
        description='Calls any endpoint with any documents, as in Jina 3. A GET calls only what reads.',
        extensions={CALLS: ''},
    )


async def _resolve(root: Any, info: Info, **given: Any) -> Any:
    return (await info.context.call(given.pop('execEndpoint'), given)).data

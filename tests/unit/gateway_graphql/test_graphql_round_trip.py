"""Random documents of random classes: what GraphQL takes and gives is what HTTP takes and gives."""

from __future__ import annotations

import asyncio
import keyword
import string
from typing import Any

import msgspec
from graphql import validate_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.documents import class_from
from headrace.documents.schema import DocSchema, FieldSchema, TypeSchema
from headrace.gateway.entrance import Entrance
from headrace.gateway.graphql.call import Caller
from headrace.gateway.graphql.engine import Engine
from headrace.gateway.graphql.names import field_names
from headrace.gateway.graphql.request import GraphqlRequest
from headrace.gateway.http import body as bodies
from headrace.gateway.http.front import Front
from headrace.gateway.identity import Identity
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, FlowInfo
from headrace.spec import GatewaySpec

TEXT = st.text(st.characters(exclude_categories=['Cs']), max_size=8)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
INTEGER = st.integers(-(2**63), 2**63 - 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | INTEGER | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def listed(inner: tuple[TypeSchema, Any]) -> tuple[TypeSchema, Any]:
    return TypeSchema('list', args=(inner[0],)), st.lists(inner[1], max_size=3)


LEAF = (TypeSchema('doc', doc='Leaf'), st.fixed_dictionaries({'value': INTEGER, 'id': TEXT}))
LEAVES = (TypeSchema('docs', doc='Leaf'), st.lists(LEAF[1], max_size=3))
KINDS = [
    (TypeSchema('str'), TEXT),
    (TypeSchema('int'), INTEGER),
    (TypeSchema('float'), NUMBER | st.integers(-(2**53), 2**53)),
    (TypeSchema('bool'), st.booleans()),
    (TypeSchema('bytes'), st.sampled_from(['', 'AAE=', 'AAEC'])),
    (TypeSchema('datetime'), st.datetimes().map(lambda at: at.isoformat())),
    (TypeSchema('uuid'), st.uuids().map(str)),
    (TypeSchema('any'), PLAIN),
    (
        TypeSchema('dict', args=(TypeSchema('str'), TypeSchema('any'))),
        st.dictionaries(TEXT, PLAIN, max_size=3),
    ),
    (TypeSchema('choice', values=('a', 'b')), st.sampled_from(['a', 'b'])),
    (TypeSchema('choice', values=('a b', 'true')), st.sampled_from(['a b', 'true'])),
    (TypeSchema('choice', values=(1, 2)), st.sampled_from([1, 2])),
    (TypeSchema('array', shape=(2,)), st.lists(st.integers(-9, 9), min_size=2, max_size=2)),
    (TypeSchema('tuple', args=(TypeSchema('int'), TypeSchema('str'))), st.tuples(INTEGER, TEXT).map(list)),
    LEAF,
    LEAVES,
]
KIND = (
    st.sampled_from(KINDS)
    | st.sampled_from(KINDS[:7]).map(listed)
    | st.sampled_from(KINDS[:3]).map(listed).map(listed)
)
FIRST = string.ascii_letters + 'äß日'
NAME = (
    st.text(FIRST + string.digits + '_', min_size=1, max_size=6)
    .filter(str.isidentifier)
    .filter(lambda name: not keyword.iskeyword(name) and name != 'id' and name[0] != '_')
)


@st.composite
def classes(draw: Any) -> tuple[DocSchema, list[dict[str, Any]]]:
    """A document class, and documents of it as JSON has them."""
    names = draw(st.lists(NAME, min_size=1, max_size=5, unique=True))
    fields, values = [FieldSchema('id', TypeSchema('str'), required=True)], {'id': TEXT}
    for name in names:
        kind, value = draw(KIND)
        if kind.kind not in ('any', 'docs') and draw(st.booleans()):
            kind, value = msgspec.structs.replace(kind, optional=True), value | st.none()
        fields.append(FieldSchema(name, kind, required=kind.kind != 'docs'))
        values[name] = value
    leaf = (
        FieldSchema('value', TypeSchema('int'), required=True),
        FieldSchema('id', TypeSchema('str'), required=True),
    )
    uses = any('Leaf' in msgspec.json.encode(field).decode() for field in fields)
    schema = DocSchema('Made', tuple(fields), {'Leaf': leaf} if uses else {})
    return schema, draw(st.lists(st.fixed_dictionaries(values), max_size=3))


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


@settings(max_examples=150, deadline=None)
@given(classes())
def test_documents_come_back_as_over_http(made: tuple[DocSchema, list[dict[str, Any]]]) -> None:
    schema, docs = made
    class_from(schema)
    info = FlowInfo('flow', (), (EndpointInfo('/search', 'docs', schema, schema),))
    front = Front(entrance := Entrance.into(echo, info, GatewaySpec(protocols=('http', 'graphql'))))
    engine = Engine(entrance, front)
    assert validate_schema(engine.schema) == []
    names = field_names(field.name for field in schema.fields)
    nested = [field.name for field in schema.fields if field.type.doc]
    asked = ' '.join(f'{names[name]} {{ value id }}' if name in nested else names[name] for name in names)
    query = f'query ($d: [MadeInput!]) {{ search(data: $d) {{ data {{ {asked} }} }} }}'
    given_docs = [{names[key]: value for key, value in doc.items()} for doc in docs]
    calls = engine.calls(Caller(Identity(''), 'id'))
    request = GraphqlRequest(query=query, variables={'d': given_docs})
    result = asyncio.run(engine.execute(engine.open(request, calls.caller), calls))
    assert 'errors' not in result.body, result.body
    told = msgspec.json.decode(bodies.replies.encode(result.body['data']['search']['data']))
    listed_type = front.learn('/search').takes
    there = msgspec.json.decode(listed_type.from_json(msgspec.json.encode(docs)).to_json())
    assert told == [{names[key]: value for key, value in doc.items()} for doc in there]

"""Endpoints and documents in, the schema out: names, types, what is a query."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any, Literal

import numpy as np
import pytest
from graphql import is_required_argument, print_type, validate_schema

from headrace.documents import AnyArray, BaseDoc, DocList, Document, NdArray, schema_of
from headrace.errors import SpecError
from headrace.gateway.graphql.names import allowed, field_names, is_name, type_name
from headrace.gateway.graphql.reads import Reads
from headrace.gateway.graphql.schema import make_schema
from headrace.pipeline.describe import EndpointInfo, FlowInfo
from headrace.spec.graphql import GraphqlSpec

Vector = NdArray[3, np.float32]


class Leaf(BaseDoc):
    value: int = 0


class Rich(BaseDoc):
    """A document with everything.

    More of it.
    """

    needed: str
    count: int
    ratio: float
    flag: bool = True
    maybe: str | None = None
    raw: bytes = b''
    at: datetime.datetime | None = None
    day: datetime.date | None = None
    clock: datetime.time | None = None
    span: datetime.timedelta | None = None
    key: uuid.UUID | None = None
    cost: decimal.Decimal | None = None
    anything: Any = None
    array: AnyArray | None = None
    vector: Vector | None = None
    leaf: Leaf | None = None
    leaves: DocList[Leaf] = None  # type: ignore[assignment]
    names: list[str] = []
    grid: list[list[int]] = []
    pair: tuple[int, str] = (1, 'a')
    table: dict[str, int] = {}
    either: int | str = 0
    named: Literal['a', 'b'] = 'a'
    spaced: Literal['a b'] = 'a b'
    numbered: Literal[1, 2] = 1
    größe: int = 0


def info(*endpoints: EndpointInfo) -> FlowInfo:
    return FlowInfo('flow', (), endpoints)


def endpoint(name: str, takes: Any = Rich, gives: Any = None, **more: Any) -> EndpointInfo:
    return EndpointInfo(name, more.pop('kind', 'docs'), schema_of(takes), schema_of(gives or takes), **more)


def made(*endpoints: EndpointInfo, **spec: Any) -> Any:
    schema = make_schema(info(*endpoints), GraphqlSpec(**spec))
    assert validate_schema(schema) == []
    return schema


def test_fields_of_an_answer() -> None:
    fields = made(endpoint('/search')).get_type('Rich').fields
    assert {name: str(field.type) for name, field in fields.items()} == {
        'needed': 'String!',
        'count': 'Int64!',
        'ratio': 'Float',
        'flag': 'Boolean!',
        'maybe': 'String',
        'raw': 'Base64!',
        'at': 'DateTime',
        'day': 'Date',
        'clock': 'Time',
        'span': 'Duration',
        'key': 'UUID',
        'cost': 'Decimal',
        'anything': 'JSON',
        'array': 'Tensor',
        'vector': 'Tensor',
        'leaf': 'Leaf',
        'leaves': '[Leaf!]!',
        'names': '[String!]!',
        'grid': '[[Int64!]!]!',
        'pair': 'JSON!',
        'table': 'JSON!',
        'either': 'JSON!',
        'named': 'RichNamed!',
        'spaced': 'String!',
        'numbered': 'Int64!',
        'gr__e': 'Int64!',
        'id': 'String!',
    }


def test_fields_of_a_request() -> None:
    schema = made(endpoint('/search'))
    fields = schema.get_type('RichInput').fields
    required = [name for name, field in fields.items() if str(field.type).endswith('!')]
    assert required == ['needed', 'count', 'ratio']
    assert str(fields['leaves'].type) == '[LeafInput!]'
    assert fields['gr__e'].out_name == 'größe'
    assert fields['flag'].description == 'Without it: true.'
    assert fields['vector'].description == 'Of shape (3) and float32.'
    assert fields['spaced'].description == 'One of \'a b\'. Without it: "a b".'
    assert schema.get_type('RichInput').description == 'A document with everything.'
    assert print_type(schema.get_type('RichNamed')) == 'enum RichNamed {\n  a\n  b\n}'


def test_what_an_endpoint_takes_and_gives() -> None:
    schema = made(
        endpoint('/search', Rich, Leaf, doc='Find it.\n\nQuickly.'), endpoint('/search-more', Rich, Leaf)
    )
    field = schema.query_type.fields['search']
    assert field.description == 'Find it.\n\nQuickly.\n\nCalls `/search`.'
    assert str(field.type) == 'LeafReply'
    assert {name: str(each.type) for name, each in field.args.items()} == {
        'data': '[RichInput!]',
        'parameters': 'JSON',
        'targetExecutor': 'String',
    }
    assert not any(map(is_required_argument, field.args.values()))
    assert str(schema.query_type.fields['search_more'].type) == 'LeafReply'


def test_kinds_of_operations() -> None:
    schema = made(
        endpoint('/search'),
        endpoint('/index'),
        endpoint('/write', kind='stream'),
        endpoint('/find', kind='stream'),
    )
    assert list(schema.query_type.fields) == ['docs', 'search', 'find']
    assert list(schema.mutation_type.fields) == ['docs', 'index', 'write']
    assert list(schema.subscription_type.fields) == ['write', 'find']
    assert made(endpoint('/index')).subscription_type is None


def test_endpoints_that_have_the_same_name() -> None:
    schema = made(*(endpoint(name) for name in ('/docs', '/a/b', '/a-b', '/', '/default', '/2', '/__schema')))
    names = ['docs', 'docs_2', 'a_b', 'a_b_2', 'root', 'default', '_2', 'schema']
    assert list(schema.mutation_type.fields) == names


def test_classes_that_have_the_same_name() -> None:
    first, second = schema_of(Leaf), schema_of(type('Leaf', (BaseDoc,), {'__annotations__': {'x': int}}))
    schema = make_schema(
        info(EndpointInfo('/a', 'docs', first, first), EndpointInfo('/b', 'docs', second, second)),
        GraphqlSpec(),
    )
    assert validate_schema(schema) == []
    assert {'Leaf', 'LeafInput', 'Leaf_2', 'Leaf_2Input'} <= set(schema.type_map)


@pytest.mark.parametrize(
    'name', ['Query', 'String', 'JSON', 'StrawberryDocument', 'Tensor', 'NdArray', 'Int64']
)
def test_classes_with_names_of_graphql(name) -> None:
    doc = schema_of(type(name, (BaseDoc,), {'__annotations__': {'x': int}}))
    schema = make_schema(info(EndpointInfo('/a', 'docs', doc, doc)), GraphqlSpec())
    assert validate_schema(schema) == []
    assert f'{name}_2' in schema.type_map


def test_a_class_within_another_has_one_type() -> None:
    schema = made(endpoint('/a', Leaf), endpoint('/b', Rich), endpoint('/c', Document))
    assert {name for name in schema.type_map if name.startswith('Leaf')} == {'LeafInput', 'LeafReply', 'Leaf'}


def test_parameters() -> None:
    parameters = {
        '$defs': {
            'Kind': {'enum': ['a', 'b']},
            'Inner': {'type': 'object', 'properties': {'x': {'type': 'number'}}, 'required': ['x']},
            'Loop': {'type': 'object', 'properties': {'next': {'$ref': '#/$defs/Loop'}}},
        },
        '$ref': '#/$defs/All',
    }
    parameters['$defs']['All'] = {
        'type': 'object',
        'required': ['limit', 'none'],
        'properties': {
            'limit': {'type': 'integer', 'description': 'How many.', 'default': 3},
            'none': {'anyOf': [{'type': 'string'}, {'type': 'null'}]},
            'kind': {'$ref': '#/$defs/Kind'},
            'inner': {'$ref': '#/$defs/Inner'},
            'loop': {'$ref': '#/$defs/Loop'},
            'list': {'type': 'array', 'items': {'type': 'boolean'}},
            'free': {'type': 'object'},
            'either': {'anyOf': [{'type': 'string'}, {'type': 'integer'}]},
            'top-k': {'type': ['integer', 'null']},
            'away': {'$ref': '#/$defs/Nothing'},
        },
    }
    schema = made(endpoint('/search', parameters=parameters))
    arguments = schema.query_type.fields['search'].args
    kind = arguments['parameters'].type
    assert list(arguments) == ['data', 'parameters', 'targetExecutor', 'otherParameters']
    assert {name: str(field.type) for name, field in kind.fields.items()} == {
        'limit': 'Int64!',
        'none': 'String',
        'kind': 'SearchParametersKind',
        'inner': 'SearchParametersInner',
        'loop': 'SearchParametersLoop',
        'list': '[Boolean!]',
        'free': 'JSON',
        'either': 'JSON',
        'top_k': 'Int64',
        'away': 'JSON',
    }
    assert kind.fields['top_k'].out_name == 'top-k'
    assert kind.fields['limit'].description == 'How many. Without it: 3.'


@pytest.mark.parametrize(
    ('name', 'reads'),
    [
        ('/search', True),
        ('/shop/find-similar', True),
        ('/getItem', True),
        ('/GetItem', True),
        ('/status', True),
        ('/index', False),
        ('/search/index', False),
        ('/searching', False),
        ('/', False),
        ('/default', False),
        ('/listen', False),
    ],
)
def test_what_reads(name, reads) -> None:
    assert Reads(GraphqlSpec())(endpoint(name)) is reads


def test_what_is_said_to_read() -> None:
    reads = Reads(GraphqlSpec(queries=('/lookalikes', '/once'), mutations=('/search',)))
    assert reads(endpoint('/lookalikes'))
    assert reads(endpoint('/once', idempotent=False))
    assert not reads(endpoint('/search'))
    assert not Reads(GraphqlSpec())(endpoint('/search', idempotent=False))


def test_a_spec_that_names_what_is_not_there() -> None:
    with pytest.raises(SpecError, match=r"'/serch', which no executor serves.*\n.*/search"):
        make_schema(info(endpoint('/search')), GraphqlSpec(queries=('/serch',)))
    with pytest.raises(SpecError, match='both in queries and in mutations'):
        make_schema(info(endpoint('/search')), GraphqlSpec(queries=('/search',), mutations=('/search',)))
    make_schema(info(endpoint('/default')), GraphqlSpec(queries=('/serch',)))


@pytest.mark.parametrize('text', ['', '/', '__x', 'ä', '1', 'a b', '/a/b', '___', 'true', '_', '日本'])
def test_every_name_becomes_one_that_is_allowed(text) -> None:
    assert is_name(allowed(text))
    assert is_name(type_name(text))


def test_names_stay_apart() -> None:
    names = field_names(['ä', 'ö', 'root', '__a', 'a'])
    assert len(set(names.values())) == 5
    assert names['a'] == 'a'
    assert all(map(is_name, names.values()))

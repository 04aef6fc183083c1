from __future__ import annotations

import datetime
import enum
from typing import Any, Literal

import jsonschema
import msgspec
import numpy as np
import pytest

from headrace.documents import (
    BaseDoc,
    DocList,
    DocSchema,
    Document,
    FieldSchema,
    NdArray,
    TypeSchema,
    class_from,
    dynamic,
    json_schema,
    mismatches,
    schema_of,
)
from headrace.documents.codec.columns import decode, encode, read_header
from headrace.errors import CodecError, DocumentError


class Colour(enum.Enum):
    RED = 'red'


class Part(BaseDoc):
    name: str
    parts: DocList[Part] = []


class Item(BaseDoc):
    """An item of the shop.

    With more words.
    """

    title: str
    price: float = 1.5
    size: Literal['S', 'M'] = 'M'
    colour: Colour = Colour.RED
    vector: NdArray[3, np.float32] | None = None
    image: NdArray[Literal['h'], Literal['w'], 3] | None = None  # type: ignore[valid-type]
    names: list[str] = []
    table: dict[str, int] = {}
    pair: tuple[int, str] | None = None
    either: int | str = 0
    when: datetime.datetime | None = None
    blob: bytes = b''
    parts: DocList[Part] = []
    cover: Document | None = None
    anything: Any = None


def test_a_schema_is_plain_data_that_travels() -> None:
    schema = schema_of(Item)
    assert schema.name == 'Item'
    assert set(schema.refs) == {'Part', 'Document'}
    assert schema.field('title') == FieldSchema('title', TypeSchema('str'), required=True)
    assert schema.field('vector') == FieldSchema(
        'vector', TypeSchema('array', optional=True, shape=(3,), dtype='<f4')
    )
    assert schema.field('parts') == FieldSchema('parts', TypeSchema('docs', doc='Part'))
    assert schema.field('nothing') is None
    for codec in (msgspec.json, msgspec.msgpack):
        assert codec.decode(codec.encode(schema), type=DocSchema) == schema


def test_schemas_become_classes_and_schemas_again() -> None:
    schema = schema_of(Item)
    made = class_from(schema)
    assert made is class_from(msgspec.json.decode(msgspec.json.encode(schema), type=DocSchema))
    again = schema_of(made)
    assert {field.name: field.type for field in again.fields} == {
        field.name: field.type for field in schema.fields
    }
    assert {field.name for field in again.fields if field.required} == {'title'}
    assert again.refs.keys() == schema.refs.keys()
    assert class_from(schema_of(Document)) is Document
    doc: Any = made(title='a')
    assert (doc.price, doc.size, doc.names, len(doc.parts), doc.cover) == (1.5, 'M', [], 0, None)


def test_what_is_no_document_class_has_no_schema() -> None:
    with pytest.raises(DocumentError, match='is no document class'):
        schema_of(int)  # type: ignore[arg-type]


def test_classes_of_one_name_are_told_apart() -> None:
    first = type('Same', (BaseDoc,), {'__annotations__': {'a': int}})
    holder = type(
        'Holder',
        (BaseDoc,),
        {'__annotations__': {'one': first | None, 'two': Part | None}, 'one': None, 'two': None},
    )
    second = type('Same', (BaseDoc,), {'__annotations__': {'b': holder | None}, 'b': None})
    schema = schema_of(second)
    assert schema.name == 'Same'
    assert 'Same_2' in schema.refs
    document = type('Document', (BaseDoc,), {'__annotations__': {'a': int}})
    assert schema_of(document).name == 'Document_2'


GOOD: list[dict[str, Any]] = [
    {'title': 'a'},
    {
        'title': 'a',
        'price': 2,
        'size': 'S',
        'colour': 'red',
        'names': ['x'],
        'table': {'a': 1},
        'pair': [1, 'b'],
    },
    {
        'title': 'a',
        'vector': [1, 2, 3],
        'image': [[[1, 2, 3]]],
        'either': 'x',
        'when': '2024-01-01T00:00:00Z',
    },
    {'title': 'a', 'vector': {'dtype': '<f4', 'shape': [3], 'data': 'AAAAAAAAAAAAAAAA'}, 'blob': 'AAA='},
    {
        'title': 'a',
        'parts': [{'name': 'p', 'parts': [{'name': 'q'}]}],
        'cover': {'text': 'c', 'chunks': [{}]},
    },
    {'title': 'a', 'vector': None, 'anything': {'b': [1, None]}},
]
BAD: list[dict[str, Any]] = [
    {},
    {'title': 1},
    {'title': 'a', 'price': 'x'},
    {'title': 'a', 'size': 'L'},
    {'title': 'a', 'vector': [1, 2]},
    {'title': 'a', 'vector': ['x', 'y', 'z']},
    {'title': 'a', 'names': [1]},
    {'title': 'a', 'table': {'a': 'b'}},
    {'title': 'a', 'pair': [1]},
    {'title': 'a', 'parts': [{}]},
    {'title': 'a', 'cover': {'text': 3}},
]


@pytest.mark.parametrize('doc', GOOD)
def test_json_schema_takes_what_the_decoder_takes(doc: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(json_schema(Item)).validate(doc)
    Item.from_dict(doc)


@pytest.mark.parametrize('doc', BAD)
def test_json_schema_refuses_what_the_decoder_refuses(doc: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema(Item)).validate(doc)
    with pytest.raises(DocumentError):
        Item.from_json(msgspec.json.encode(doc))


def test_json_schema_is_valid_and_described() -> None:
    schema = json_schema(Item)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema['$ref'] == '#/$defs/Item'
    assert schema['$defs']['Item']['description'] == 'An item of the shop.'
    assert schema['$defs']['Item']['required'] == ['title']
    assert schema['$defs']['Item']['properties']['price'] == {'type': 'number', 'default': 1.5}
    moved = json_schema(schema_of(Part), ref='#/components/schemas/')
    assert moved['$defs']['Part']['properties']['parts']['items'] == {'$ref': '#/components/schemas/Part'}
    jsonschema.Draft202012Validator.check_schema(json_schema(Document))


def made(**fields: Any) -> DocSchema:
    defaults = {
        name: None for name, annotation in fields.items() if type(None) in getattr(annotation, '__args__', ())
    }
    return schema_of(type('Made', (BaseDoc,), {'__annotations__': fields, **defaults}))


@pytest.mark.parametrize(
    ('produced', 'accepted', 'message'),
    [
        (made(a=int), made(a=int), None),
        (made(a=int, b=str), made(a=int), None),
        (made(a=int), made(a=float), None),
        (made(b=str), made(a=int | None), None),
        (made(), made(a=int), "Made needs the field 'a', which Made does not have"),
        (made(a=str), made(a=int), "the field 'a' is str, and int is wanted"),
        (made(a=Any), made(a=int), None),
        (made(a=NdArray[512]), made(a=NdArray[512]), None),
        (made(a=NdArray), made(a=NdArray[512]), None),
        (made(a=NdArray['x']), made(a=NdArray[512]), None),
        (made(a=NdArray[512]), made(a=NdArray[256]), "the field 'a' has shape (512), and (256) is wanted"),
        (made(a=NdArray[2]), made(a=NdArray[2, 2]), "the field 'a' has shape (2), and (2, 2) is wanted"),
        (made(a=NdArray[2, np.float64]), made(a=NdArray[2, np.float32]), None),
        (
            made(a=NdArray[2, np.float64]),
            made(a=NdArray[2, np.int32]),
            "the field 'a' has dtype <f8, and <i4 is wanted",
        ),
        (made(a=DocList[Part]), made(a=DocList[Part]), None),
        (
            made(a=DocList[Document]),
            made(a=DocList[Part]),
            "Part needs the field 'a.name', which Document does not have",
        ),
        (made(a=Document), made(a=DocList[Document]), "the field 'a' is doc, and docs is wanted"),
        (made(a=Part), schema_of(Document), None),
    ],
)
def test_mismatches(produced: DocSchema, accepted: DocSchema, message: str | None) -> None:
    assert mismatches(produced, accepted) == ([] if message is None else [message])


def test_documents_of_a_foreign_class_are_read_by_field_name() -> None:
    class Small(BaseDoc):
        title: str
        extra: str = 'default'

    data = DocList([Item('a', vector=np.zeros(3)), Item('b')]).to_bytes()
    assert DocList[Small].from_bytes(data).to_list() == [
        {'title': title, 'extra': 'default', 'id': doc_id}
        for title, doc_id in zip(['a', 'b'], DocList[Item].from_bytes(data).id, strict=True)
    ]
    with pytest.raises(DocumentError, match="no field 'name', which has no default"):
        DocList[Part].from_bytes(data)


def test_values_that_do_not_fit_the_other_class_are_told() -> None:
    class Number(BaseDoc):
        title: int = 0

    class Listed(BaseDoc):
        vector: list[float] | None = None

    class Vectors(BaseDoc):
        names: NdArray | None = None

    data = DocList([Item('a', vector=np.ones(3), names=['x', 'y'])]).to_bytes()
    with pytest.raises(DocumentError, match=r"Expected `int`, got `str` - at `\$\[0\]` - at field 'title'"):
        DocList[Number].from_bytes(data)
    assert DocList[Listed].from_bytes(data)[0].vector == [1, 1, 1]
    assert DocList[Vectors].from_bytes(data)[0].names.tolist() == ['x', 'y']


def test_damaged_schemas_are_refused() -> None:
    with pytest.raises(CodecError, match='schema'):
        class_from(DocSchema('X', (FieldSchema('a', TypeSchema('doc', doc='Y')),)))


def test_documents_that_were_decoded_without_their_class_are_sent_on_under_the_same_schema() -> None:
    class Ware(BaseDoc):
        """What is sold."""

        kind: str
        price: float = 0.0

    sent = b''.join(encode(DocList[Ware]([Ware(kind='shoe')])))
    header, _ = read_header(sent)
    made = dynamic._build(schema_of(Ware))  # as in a process that has not the class
    dynamic.was_made_from(made, header.schema)
    relayed = b''.join(encode(DocList[made]([made(kind='hat')])))  # type: ignore[valid-type]
    assert decode(relayed).doc_type is Ware

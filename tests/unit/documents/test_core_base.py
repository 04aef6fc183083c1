from __future__ import annotations

import copy
import multiprocessing
import pickle
import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pydantic
import pytest

from headrace.documents import BaseDoc, DocList, Document, NdArray, doc_type_from
from headrace.documents.ids import new_id, new_ids
from headrace.errors import CodecError, DocumentError


class Item(BaseDoc):
    """Something for sale."""

    title: str
    price: float = 0.0
    vector: NdArray[2] | None = None


def test_ids_are_32_hex_digits_and_never_the_same() -> None:
    found = {new_id() for _ in range(2000)} | set(new_ids(2000))
    assert len(found) == 4000
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in found)
    assert new_ids(0) == []


def _send_ids(pipe: Any) -> None:
    pipe.send([new_id() for _ in range(500)])


@pytest.mark.filterwarnings('ignore:.*fork.*:DeprecationWarning')
def test_a_forked_process_has_ids_of_its_own() -> None:
    new_id()  # so that the pool is filled before the fork
    context = multiprocessing.get_context('fork')
    ours, theirs = context.Pipe()
    child = context.Process(target=_send_ids, args=(theirs,))
    child.start()
    assert not set(ours.recv()) & {new_id() for _ in range(500)}
    child.join(30)
    assert child.exitcode == 0


def test_constructor() -> None:
    item = Item('shirt', 9.9)
    assert (item.title, item.price, item.vector) == ('shirt', 9.9, None)
    assert Item('a', id='x').id == 'x'
    with pytest.raises(TypeError, match="Unexpected keyword argument 'colour'"):
        Item('a', colour='red')  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Missing required argument 'title'"):
        Item()  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        item.colour = 'red'  # type: ignore[attr-defined]


def test_equality_looks_into_arrays() -> None:
    one = Item('a', vector=np.array([1, np.nan]), id='1')
    assert one == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert one != Item('a', vector=np.array([1, 2.0]), id='1')
    assert one != Item('a', id='1')
    assert one != Document('a', id='1')
    assert Document(tags={'a': [np.ones(2)]}, id='1') == Document(tags={'a': [np.ones(2)]}, id='1')
    assert Document(tags={'a': [np.ones(2)]}, id='1') != Document(tags={'a': [np.ones(3)]}, id='1')


def test_repr_is_short_and_shows_what_was_set() -> None:
    item = Item('shirt', vector=np.zeros(2), id='1')
    assert repr(item) == "Item(title='shirt', vector=<float64 (2,)>, id='1')"
    assert repr(Document(id='1')) == "Document(id='1')"
    doc = Document('x' * 500, chunks=[Document(), Document()], id='1')  # type: ignore[arg-type]
    assert '(500 long)' in repr(doc)
    assert 'chunks=<2 x Document>' in repr(doc)
    assert len(repr(doc)) < 200


def test_dicts_and_json() -> None:
    item = Item('ü', 1.0, np.array([1.0, 2.0]), id='1')
    assert item.to_dict() == {'title': 'ü', 'price': 1.0, 'vector': [1.0, 2.0], 'id': '1'}
    assert Item.from_dict(item.to_dict()) == item
    assert Item.from_json(item.to_json()) == item
    assert Item.from_json(item.to_json(arrays='base64')) == item
    assert Item.from_dict({'title': 'a', 'vector': np.zeros(2)}).vector is not None
    with pytest.raises(DocumentError, match='unknown way to write arrays'):
        item.to_json(arrays='hex')  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        ({'title': 1}, r'Expected `str`, got `int` - at `\$.title`'),
        ({}, 'missing required field `title`'),
        ({'title': 'a', 'vector': [1]}, r'Expected array of shape \(2\), got shape \(1,\) - at `\$.vector`'),
        ({'title': 'a', 'price': 'x'}, r'Expected `float`, got `str` - at `\$.price`'),
    ],
)
def test_wrong_dicts_say_what_where(data: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        Item.from_dict(data)
    with pytest.raises(DocumentError, match=message):
        Item.from_json(msgspec.json.encode(data))


def test_paths_go_through_nested_documents() -> None:
    nested = b'[{"chunks": [{}, {"matches": [{"text": 1}]}]}]'
    with pytest.raises(DocumentError, match=r'\$\[0\]\.chunks\[1\]\.matches\[0\]\.text'):
        DocList[Document].from_json(nested)
    with pytest.raises(CodecError, match='not JSON'):
        DocList[Document].from_json(b'[{')


def test_content_of_a_document() -> None:
    doc = Document('text')
    assert doc.content == 'text'
    doc = Document(blob=b'1')
    assert doc.content == b'1'
    doc.content = np.ones(2)
    assert doc.content.shape == (2,)
    assert Document().content is None


def test_unusable_annotations_are_told() -> None:
    class Wrong(BaseDoc):
        either: NdArray[2] | str | None = None

    with pytest.raises(DocumentError, match='a type that cannot be decoded'):
        Wrong.from_dict({'either': 'a'})


class Colour(pydantic.BaseModel):
    name: str
    strength: int = 3


class Shirt(pydantic.BaseModel):
    """A shirt."""

    title: str
    sizes: list[int] = []
    colour: Colour | None = None
    other: Colour = Colour(name='none')


class Point(msgspec.Struct):
    x: float
    names: list[str] = []


def test_pydantic_models_are_document_classes() -> None:
    made = doc_type_from(Shirt)
    assert made is doc_type_from(Shirt)
    assert DocList[Shirt] is DocList[Shirt]
    assert DocList[Shirt].doc_type is made  # type: ignore[type-var]
    docs = DocList[Shirt].from_json(
        b'[{"title": "a", "colour": {"name": "red"}}, {"title": "b", "sizes": [1]}]'
    )
    assert docs[0].colour == Colour(name='red')
    assert docs[1].other == Colour(name='none')
    assert docs[0].sizes is not docs[1].sizes
    read = DocList[Shirt].from_bytes(docs.to_bytes())
    assert read == docs
    assert read[0].colour == Colour(name='red')
    with pytest.raises(DocumentError, match='title'):
        DocList[Shirt].from_json(b'[{}]')
    with pytest.raises(DocumentError, match=r'\$\[0\]\.colour'):
        DocList[Shirt].from_json(b'[{"title": "a", "colour": {"strength": 3}}]')


def test_structs_are_document_classes() -> None:
    made = doc_type_from(Point)
    one, other = made(x=1.0), made(x=2.0)
    assert one.names is not other.names
    assert DocList[Point].from_bytes(DocList[Point]([one, other]).to_bytes()).x == [1.0, 2.0]
    assert doc_type_from(Item) is Item


@pytest.mark.parametrize('wrong', [int, 'Item', None, list[Item], dict])
def test_what_is_no_document_class(wrong: Any) -> None:
    with pytest.raises(DocumentError, match='is no document class'):
        doc_type_from(wrong)


SCRIPT = """
import subprocess, sys
from headrace import BaseDoc, DocList, NdArray
from headrace.documents import byvalue

class Node(BaseDoc):
    '''A node.'''
    name: str
    vector: NdArray[3] | None = None
    children: 'DocList[Node]' = []

    def shout(self):
        return self.name.upper()

class Leaf(Node):
    weight: float = 0.5

def make(docs: DocList[Leaf]) -> Leaf:
    return Leaf('leaf', children=[Node('child')])

child = '''
import pickle, sys
Node, Leaf, ListOfLeaf, make = pickle.loads(sys.stdin.buffer.read())
leaf = make(None)
print(leaf.shout(), leaf.weight, leaf.children[0].shout(), Leaf.__struct_fields__, Node.__doc__)
print(type(leaf.children).__name__, ListOfLeaf.doc_type is Leaf, ListOfLeaf([leaf]).to_json() != b'')
'''
data = byvalue.dumps((Node, Leaf, DocList[Leaf], make))
done = subprocess.run([sys.executable, '-c', child], input=data, capture_output=True, check=True)
print(done.stdout.decode())
"""


def test_document_classes_of_a_script_go_by_value() -> None:
    done = subprocess.run(
        [sys.executable, '-'], input=SCRIPT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split('\n')[:2] == [
        "LEAF 0.5 CHILD ('name', 'vector', 'children', 'weight', 'id') A node.",
        'DocList[Node] True True',
    ]

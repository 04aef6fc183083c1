"""A list of a class that is not there yet, named in the body of a class."""

# No `from __future__ import annotations` here: annotations are what stands there.
import sys
import types
from typing import Any

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, NdArray, json_schema
from headrace.errors import DocumentError


class Early(BaseDoc):
    later: DocList['Later'] = DocList()
    perhaps: DocList['Later'] | None = None


class Later(BaseDoc):
    name: str = ''
    early: DocList['Early'] = DocList()


def test_a_class_may_list_itself():
    class Node(BaseDoc):
        name: str
        nodes: DocList['Node'] = DocList()

    tree = Node('a', [Node('b'), Node('c', [Node('d')])])
    assert type(tree.nodes) is DocList[Node]
    assert tree.nodes[1].nodes[0].name == 'd'
    assert Node.from_json(tree.to_json()) == tree
    assert DocList[Node].from_bytes(DocList[Node]([tree]).to_bytes())[0] == tree
    assert '#/$defs/Node' in str(json_schema(Node))
    with pytest.raises(DocumentError, match='takes Node, got Document'):
        tree.nodes.append(Document())


@pytest.mark.parametrize('annotation', ["DocList['Tree']", 'DocList[Tree]', 'DocList["Tree"] | None'])
@pytest.mark.parametrize('local', [True, False])
def test_annotations_may_be_texts(annotation, local):
    lines = f'class Tree(BaseDoc):\n  nodes: {annotation} = DocList()\n'
    source = f'def made():\n  {lines.replace(chr(10), chr(10) + "  ")}\n  return Tree' if local else lines
    module = types.ModuleType('texts_of_trees')
    sys.modules['texts_of_trees'] = module
    vars(module).update(BaseDoc=BaseDoc, DocList=DocList)
    try:
        exec('from __future__ import annotations\n' + source, vars(module))
        made: Any = module.made() if local else module.Tree
        tree = made(nodes=[made()])
        assert type(tree.nodes) is DocList[made]
        assert made.from_json(tree.to_json()) == tree
    finally:
        del sys.modules['texts_of_trees']


def test_classes_may_name_those_that_come_after_them():
    early = Early(later=[Later('x', early=[Early()])])
    assert type(early.later) is DocList[Later]
    assert type(early.later[0].early) is DocList[Early]
    assert early.perhaps is None
    assert type(Early(perhaps=[Later()]).perhaps) is DocList[Later]
    assert Early.from_json(early.to_json()) == early


def test_a_name_without_a_class_is_an_error():
    class Lonely(BaseDoc):
        others: DocList['Nowhere'] = DocList()  # noqa: F821

    with pytest.raises(DocumentError, match=r"DocList\['Nowhere'\] names no document class"):
        DocList([Lonely()]).to_bytes()
    with pytest.raises(DocumentError, match=r"DocList\['Nowhere'\] names no document class"):
        Lonely.from_json('{"others": [{}]}')
    with pytest.raises(DocumentError, match='write the bare name'):
        DocList['no name']


def test_a_list_of_anything_is_a_plain_list():
    assert DocList[Any] is DocList
    assert DocList[Any]([Early()])[0].later == []


class Product(BaseDoc):
    title: str = ''
    embedding: NdArray[2] | None = None
    scores: dict[str, float] = {}
    matches: DocList['Product'] = DocList()


def test_match_on_a_class_of_ones_own():
    shop = DocList[Product]([Product('a', np.array([1.0, 0])), Product('b', np.array([0, 1.0]))])
    asking = DocList[Product]([Product('q', np.array([0, 2.0]))]).match(shop, limit=1)
    assert (asking[0].matches[0].title, asking[0].matches[0].scores) == ('b', {'cosine': 0.0})
    assert type(asking[0].matches) is DocList[Product]
    assert DocList[Product].from_bytes(asking.to_bytes()) == asking


def test_the_help_of_match_can_be_followed():
    class Plain(BaseDoc):
        embedding: NdArray[2] | None = None

    with pytest.raises(DocumentError, match=r"matches: DocList\['Plain'\] = DocList\(\)"):
        DocList([Plain(np.ones(2))]).match(DocList([Plain(np.ones(2))]))

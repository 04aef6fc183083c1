"""docarray: documents to the objects of whichever docarray is installed, and back."""

import sys
import warnings

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, NamedScore, NdArray
from headrace.documents.docarray import from_docarray
from headrace.errors import DocumentError

with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # what docarray and its pydantic say about each other is not ours
    docarray = pytest.importorskip('docarray')

NEW = hasattr(docarray, 'BaseDoc')
WORKS = not NEW or sys.version_info < (3, 13)  # its annotations cannot be evaluated by Python 3.13
pytestmark = [
    pytest.mark.filterwarnings('ignore::DeprecationWarning'),
    pytest.mark.skipif(not WORKS, reason='docarray itself does not work with this Python'),
]
new_only = pytest.mark.skipif(not NEW, reason='docarray 0.30 or later is wanted here')
old_only = pytest.mark.skipif(NEW, reason='docarray 0.21 is wanted here')


class Part(BaseDoc):
    name: str


class Item(BaseDoc):
    title: str
    vector: NdArray[3] | None = None
    uri: str = ''
    part: Part | None = None
    parts: DocList[Part] = []


def test_documents_go_round():
    docs = DocList(
        [
            Document(
                'grün',
                uri='http://example.org/a.png',
                embedding=np.arange(3.0),
                tags={'price': 5, 'sizes': [1, 'x'], 'deep': {'a': None}},
                chunks=[Document('c', chunks=[Document('cc')])],
                matches=[Document('m', scores={'cosine': NamedScore(value=0.5)})],
            ),
            Document(tensor=np.zeros((2, 2), 'u1')),
            Document(blob=b'\x00\xff'),
        ]
    )
    back = from_docarray(docs.to_docarray(), DocList[Document])
    assert back.ids == docs.ids
    for name in ('text', 'blob', 'uri', 'tags'):
        assert back.column(name) == docs.column(name)
    np.testing.assert_array_equal(back[1].tensor, docs[1].tensor)
    assert np.shares_memory(back[0].embedding, docs[0].embedding)
    assert type(back[0].embedding) is np.ndarray
    assert back['@cc'].texts == ['cc']
    assert back['@m'][0].scores == {'cosine': NamedScore(value=0.5)}


def test_nothing_goes_round():
    assert len(from_docarray(DocList().to_docarray(), DocList[Document])) == 0


def test_what_is_no_document():
    with pytest.raises(DocumentError, match='str is no document of docarray'):
        from_docarray(['text'], DocList[Document])


@old_only
def test_fields_of_the_old_document():
    found = docarray.DocumentArray(
        [
            docarray.Document(
                text='q', embedding=[1, 2], location=[1.0], offset=2.0, modality='text', weight=0.5
            )
        ]
    )
    found[0].scores['cosine'].value = 3
    found[0].scores['cosine'].op_name = 'made'
    doc = DocList[Document].from_docarray(found)[0]
    assert (doc.location, doc.offset, doc.modality, doc.weight) == ([1.0], 2.0, 'text', 0.5)
    assert doc.scores == {'cosine': NamedScore(value=3, op_name='made')}
    np.testing.assert_array_equal(doc.embedding, [1, 2])


@new_only
def test_typed_documents():
    typing = pytest.importorskip('docarray.typing')

    class Small(docarray.BaseDoc):
        name: str

    class Large(docarray.BaseDoc):
        title: str
        vector: typing.NdArray[3]
        url: typing.ImageUrl | None = None
        part: Small | None = None
        parts: docarray.DocList[Small] = docarray.DocList[Small]()

    large = Large(
        title='t',
        vector=np.ones(3),
        url='http://example.org/a.png',
        part=Small(name='one'),
        parts=docarray.DocList[Small]([Small(name='two')]),
    )
    items = DocList[Item].from_docarray(docarray.DocList[Large]([large]))
    assert (items[0].title, items[0].uri, items[0].part.name) == ('t', 'http://example.org/a.png', 'one')
    assert type(items[0].uri) is str
    assert items[0].parts.column('name') == ['two']
    back = items.to_docarray(Large)
    assert type(back[0]) is Large
    assert (back[0].title, back[0].url, back[0].parts[0].name) == ('t', large.url, 'two')
    np.testing.assert_array_equal(back[0].vector, np.ones(3))
    loose = DocList[Document].from_docarray([large])[0]
    assert loose.uri == 'http://example.org/a.png'
    assert loose.tags['part']['name'] == 'one'
    assert loose.tags['parts'][0]['name'] == 'two'


@new_only
def test_a_missing_field_is_named():
    class Other(docarray.BaseDoc):
        name: str

    with pytest.raises(DocumentError, match=r'Other of docarray does not fit Item(.|\n)*title'):
        from_docarray([Other(name='x')], DocList[Item])

"""find, match, filter on lists of documents: who is found, in what order, with what score."""

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, NdArray
from headrace.errors import DocumentError


class Item(BaseDoc):
    title: str
    vector: NdArray | None = None
    scores: dict[str, float] = {}


class Bare(BaseDoc):
    vector: NdArray[2]


def points(*places):
    return DocList([Document(f'{p}', embedding=np.array([p, 1.0]), tags={'p': p}) for p in places])


DOCS = points(0, 1, 2, 3)


@pytest.mark.parametrize('state', ['rows', 'columns'])
@pytest.mark.parametrize('query', [np.array([1.9, 1]), [1.9, 1], Document(embedding=np.array([1.9, 1]))])
def test_one_query_gives_one_list(query, state):
    docs = DocList[Document].from_bytes(DOCS.to_bytes()) if state == 'columns' else DOCS
    found = docs.find(query, 'euclidean', 2)
    assert found.texts == ['2', '1']
    assert [doc.scores['euclidean'].value for doc in found] == pytest.approx([0.1, 0.9])


@pytest.mark.parametrize('query', [np.array([[1.9, 1], [0, 1]]), points(1.9, 0)])
def test_several_queries_give_a_list_each(query):
    assert [found.texts for found in DOCS.find(query, metric='euclidean', limit=2)] == [
        ['2', '1'],
        ['0', '1'],
    ]


def test_found_documents_are_copies():
    found = DOCS.find(np.zeros(2), metric='euclidean', limit=1, metric_name='near')
    assert found[0] is not DOCS[0]
    assert found[0].embedding is DOCS[0].embedding
    assert 'near' in found[0].scores
    assert DOCS[0].scores == {}


def test_limits():
    many = points(*range(30))
    assert len(many.find(np.zeros(2))) == 20
    assert len(many.find(np.zeros(2), limit=None)) == 30
    assert len(many.find({'tags__p': {'$gte': 0}})) == 30
    assert len(many.find({'tags__p': {'$gte': 0}}, limit=3)) == 3
    assert len(many.find(np.zeros(2), limit=np.int64(3))) == 3


@pytest.mark.parametrize('limit', [0, -1, -7, '3', 2.0, True, [1]])
@pytest.mark.parametrize(
    'search',
    [
        lambda limit: DOCS.find(np.zeros(2), limit=limit),
        lambda limit: DOCS.find({'tags__p': 1}, limit=limit),
        lambda limit: points(1).match(DOCS, limit=limit),
    ],
)
def test_limits_are_whole_numbers_from_1_on(search, limit):
    with pytest.raises(DocumentError, match='a limit is a whole number from 1 on, not ') as caught:
        search(limit)
    assert ('without quotes' in caught.value.help) is (limit == '3')


def test_filters():
    assert DOCS.filter({'tags__p': {'$gt': 1}}).texts == ['2', '3']
    assert DOCS.find({'tags__p': {'$gt': 1}}).texts == ['2', '3']
    assert DOCS.find(filter={'tags__p': {'$gt': 1}}).texts == ['2', '3']
    assert DOCS.find(np.zeros(2), metric='euclidean', filter={'tags__p': {'$gt': 1}}).texts == ['2', '3']
    assert DOCS.filter({'tags__p': 1})[0] is DOCS[1]


def test_documents_without_the_vector_are_not_found():
    docs = points(0, 1)
    docs.insert(1, Document('without'))
    assert docs.find(np.array([0, 1.0]), metric='euclidean').texts == ['0', '1']
    assert DocList([Document('x')]).find(np.zeros(3)).texts == []
    assert DocList().find(np.zeros(3)).texts == []


def test_exclude_self():
    assert DOCS.find(DOCS[1], metric='euclidean', limit=2, exclude_self=True).texts == ['0', '2']


def test_only_id():
    found = DOCS.find(DOCS[1], limit=1, only_id=True)
    assert (found[0].id, found[0].text, found[0].embedding) == (DOCS[1].id, '', None)
    assert found[0].scores['cosine'].value == pytest.approx(0)


def test_own_metric_has_its_own_name():
    def chebyshev(x, y):
        return np.abs(x[:, None] - y[None]).max(axis=2)

    assert DOCS.find(np.array([3, 1]), metric=chebyshev)[0].scores['chebyshev'].value == 0


def test_vectors_of_more_axes_are_flattened():
    docs = DocList([Document(embedding=np.full((1, 3), n)) for n in range(3)])
    assert docs.find(np.full(3, 1.0), metric='euclidean', limit=1)[0].id == docs[1].id


def test_typed_documents():
    items = DocList([Item('a', np.array([1.0, 0])), Item('b', np.array([0, 1.0])), Item('c')])
    found = items.find(np.array([0, 2.0]), on='vector')
    assert type(found) is DocList[Item]
    assert [(item.title, item.scores) for item in found] == [('b', {'cosine': 0.0}), ('a', {'cosine': 1.0})]
    bare = DocList([Bare(np.ones(2)), Bare(np.zeros(2))])
    assert [doc.id for doc in bare.find(np.zeros(2), 'euclidean', on='vector')] == [bare[1].id, bare[0].id]


def test_distances_of_documents_without_scores():
    bare = DocList([Bare(np.ones(2)), Bare(np.zeros(2)), Bare(np.full(2, 3.0))])
    found, distances = bare.find(np.zeros(2), 'sqeuclidean', 2, on='vector', return_scores=True)
    assert [doc.id for doc in found] == [bare[1].id, bare[0].id]
    np.testing.assert_allclose(distances, [0, 2])
    lists, several = bare.find(np.zeros((2, 2)), 'sqeuclidean', on='vector', return_scores=True)
    assert [len(each) for each in lists] == [3, 3]
    np.testing.assert_allclose(several, [[0, 2, 18]] * 2)
    with pytest.raises(DocumentError, match='a filter has no distances'):
        bare.find({'id': 'x'}, return_scores=True)
    with pytest.raises(DocumentError, match='scores: dict'):
        points(1).match(points(1), return_scores=True)


def test_match():
    docs, other = points(1, 3), points(0, 1, 2, 3)
    assert docs.match(other, metric='euclidean', limit=2) is docs
    assert [doc.matches.texts for doc in docs] == [['1', '0'], ['3', '2']]
    assert docs[0].matches[0].adjacency == 1
    assert docs[0].matches[1].scores['euclidean'].value == pytest.approx(1)
    assert other[0].scores == {}
    assert other[0].adjacency == 0


def test_match_with_itself_makes_no_circle():
    docs = points(0, 1, 2)
    docs.match(docs, metric='euclidean', exclude_self=True)
    docs.match(docs, metric='euclidean', exclude_self=True)
    assert [doc.matches.texts for doc in docs] == [['1', '2'], ['0', '2'], ['1', '0']]
    assert all(len(match.matches) == 0 for doc in docs for match in doc.matches)
    assert DocList.from_json(docs.to_json()).texts == ['0', '1', '2']


def test_normalisation():
    docs, other = points(0), points(0, 1, 2, 4)
    docs.match(other, metric='euclidean', limit=3, normalization=(1, 0))
    assert [m.scores['euclidean'].value for m in docs[0].matches] == [1, 0.75, 0.5]
    docs.match(points(7, 7), metric='euclidean', normalization=(1, 0))
    assert [m.scores['euclidean'].value for m in docs[0].matches] == [1, 1]


def test_match_of_nothing():
    assert len(DocList().match(DOCS)) == 0
    assert points(1).match(DocList())[0].matches.texts == []


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: DOCS.find(np.zeros(3)), r'\(1, 3\) cannot be compared'),
        (lambda: DOCS.find(Document('x')), 'has no embedding to search with'),
        (
            lambda: DOCS.find(DocList([DOCS[0], Document('x', id='it')])),
            r'document 1 \(it\) has no embedding',
        ),
        (lambda: DOCS.find(np.zeros(2), on='embeding'), "did you mean 'embedding'"),
        (lambda: DOCS.find(np.zeros(2), metric='hamming'), 'known: '),
        (lambda: DOCS.find('text'), 'a query is a vector'),
        (lambda: DOCS.find(np.zeros((1, 1, 2))), 'a query is a vector'),
        (lambda: DOCS.find({'txt': 'x'}), "did you mean 'text'"),
        (
            lambda: DocList([*DOCS, Document(embedding=np.zeros(5))]).find(np.zeros(2)),
            'of document 4 has 5 numbers',
        ),
        (lambda: DocList([Item('a')]).match(DOCS), 'Item has no field matches'),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(DocumentError, match=message):
        call()


def test_unknown_argument():
    with pytest.raises(TypeError, match="did you mean 'only_id'"):
        DOCS.find(np.zeros(2), onlyid=True)


def test_paths_on_lists():
    docs = DocList(
        [Document('a', chunks=[Document('a1'), Document('a2')]), Document('b', matches=[Document('m')])]
    )
    assert docs['@r,c,m'].texts == ['a', 'b', 'a1', 'a2', 'm']
    assert type(docs['@c']) is DocList[Document]
    docs['@c'].text = ['x', 'y']
    assert docs[0].chunks.texts == ['x', 'y']
    docs['@c'].embedding = np.eye(2)
    np.testing.assert_array_equal(docs[0].chunks[1].embedding, [0, 1])
    assert [len(part) for part in docs.traverse('@c')] == [2, 0]
    assert docs.traverse_flat('c', lambda doc: doc.text == 'y').texts == ['y']


def test_reduce():
    one = DocList([Document('a', id='1'), Document('', id='2')])
    two = DocList([Document('other', id='1', uri='u'), Document('b', id='2'), Document('c', id='3')])
    assert one.reduce(two) is one
    assert [(doc.id, doc.text, doc.uri) for doc in one] == [('1', 'a', 'u'), ('2', 'b', ''), ('3', 'c', '')]
    assert one.reduce_all([points(1), points(2)]).texts == ['a', 'b', 'c', '1', '2']

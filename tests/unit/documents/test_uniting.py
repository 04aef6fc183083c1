import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import BaseDoc, DocList, Document, DocumentArray
from headrace.documents.document import NamedScore
from headrace.documents.ranking import Order, order_of
from headrace.documents.uniting import united


class Hit(BaseDoc):
    score: float | None = None


class Near(BaseDoc):
    distance: float = 0.0


class Asked(BaseDoc):
    hits: DocList[Hit] = DocList()
    note: str = ''


def scored(name, *pairs):
    return [Document(id=doc_id, scores={name: NamedScore(value=value)}) for doc_id, value in pairs]


def query(matches, **fields):
    return Document(id='q', matches=DocumentArray(matches), **fields)


def ids(docs):
    return [doc.id for doc in docs]


@pytest.mark.parametrize(
    ('lists', 'order'),
    [
        ([scored('cosine', ('a', 0.1), ('b', 0.2)), scored('cosine', ('c', 0.0))], ('cosine', False)),
        ([scored('mine', ('a', 0.9), ('b', 0.2)), scored('mine', ('c', 0.5))], ('mine', True)),
        ([scored('cosine', ('a', 0.1))], ('cosine', False)),
        ([scored('dot', ('a', 0.1)), scored('dot', ('b', 0.1))], ('dot', True)),
        ([scored('bm25_text', ('a', 0.1))], ('bm25_text', True)),
        ([scored('cosine', ('a', 0.1), ('b', 0.2), ('c', 0.1))], None),
        ([scored('cosine', ('a', 0.1), ('b', 0.2)), scored('cosine', ('c', 0.2), ('d', 0.1))], None),
        ([scored('cosine', ('a', 0.1), ('b', math.nan))], ('cosine', False)),
        ([scored('cosine', ('a', math.nan), ('b', 0.1))], None),
        ([[Document()], [Document()]], None),
        ([], None),
        ([[], []], None),
        ([[Hit(score=2.0), Hit(score=3.0)]], ('score', False)),
        ([[Hit(score=2.0)]], ('score', True)),
        ([[Hit()]], None),
        ([[Near(distance=2.0)]], ('distance', False)),
        ([[BaseDoc()]], None),
    ],
)
def test_the_lists_themselves_show_which_score_orders_them_and_how(lists, order):
    found = order_of(lists)
    assert (found and (found.name, found.descending)) == order


def test_the_score_that_was_added_last_is_the_one_that_counts():
    both = [
        Document(id='a', scores={'old': NamedScore(value=1), 'new': NamedScore(value=3)}),
        Document(id='b', scores={'old': NamedScore(value=2), 'new': NamedScore(value=1)}),
    ]
    assert order_of([both]) == Order('new', False, True)
    assert order_of([both, scored('old', ('c', 5))]) == Order('old', False, False)


def test_matches_of_shards_become_one_list_the_nearest_first():
    one = query(scored('cosine', ('a', 0.1), ('d', 0.4)))
    two = query(scored('cosine', ('b', 0.2), ('c', 0.3)))
    (found,) = united([[one], [two]], limit=3)
    assert ids(found.matches) == ['a', 'b', 'c']
    assert type(found.matches) is DocumentArray


def test_without_a_limit_nothing_is_cut():
    one, two = (query(scored('cosine', *pairs)) for pairs in ([('a', 1)], [('b', 2), ('c', 3)]))
    assert ids(united([[one], [two]])[0].matches) == ['a', 'b', 'c']


def test_equals_stand_by_id_and_what_is_no_number_last():
    one = query(scored('cosine', ('b', 0.1), ('c', 0.1), ('x', math.nan)))
    two = query(scored('cosine', ('a', 0.1), ('d', 0.2), ('y', math.nan)))
    assert ids(united([[one], [two]])[0].matches) == ['a', 'b', 'c', 'd', 'x', 'y']


def test_a_direction_that_one_list_does_not_show_is_seen_in_the_others():
    one = [query(scored('mine', ('a', 1.0)), text='first'), Document(id='r')]
    two = [query(scored('mine', ('b', 2.0))), Document(id='r')]
    one[1].matches.extend(scored('mine', ('c', 3.0), ('d', 2.0)))
    first, second = united([one, two])
    assert ids(first.matches) == ['b', 'a']
    assert ids(second.matches) == ['c', 'd']


def test_a_document_that_two_shards_found_is_there_once_and_whole():
    one = query([Document(id='a', text='red', scores={'cosine': NamedScore(value=0.5)})])
    two = query([Document(id='a', uri='a.png', scores={'cosine': NamedScore(value=0.1)})])
    (match,) = united([[one], [two]])[0].matches
    assert (match.text, match.uri) == ('red', 'a.png')


def test_the_same_document_twice_in_one_list_stays_twice():
    one = [Document(id='a', text='1'), Document(id='a', text='2')]
    two = [Document(id='a', uri='1'), Document(id='a', uri='2')]
    assert [(doc.text, doc.uri) for doc in united([one, two])] == [('1', '1'), ('2', '2')]


def test_lists_without_a_score_stand_one_after_the_other():
    one, two = ([Document(id=each) for each in ids] for ids in ('ab', 'cd'))
    assert ids(united([one, two], limit=1)) == list('abcd')


def test_what_both_have_in_the_same_order_keeps_it_whatever_the_score():
    one = query([], chunks=DocumentArray(scored('cosine', ('b', 0.2), ('a', 0.1))))
    two = query([], chunks=DocumentArray(scored('cosine', ('b', 0.2), ('a', 0.1))))
    assert ids(united([[one], [two]], limit=1)[0].chunks) == ['b', 'a']


def test_lists_of_own_classes_are_united_as_well():
    one = Asked(id='q', hits=DocList[Hit]([Hit(id='a', score=3), Hit(id='b', score=1)]))
    two = Asked(id='q', hits=DocList[Hit]([Hit(id='c', score=2)]), note='two')
    (found,) = united([[one], [two]], limit=2)
    assert (ids(found.hits), found.note) == (['a', 'c'], 'two')


def test_tags_and_arrays_are_completed_by_later_shards():
    one = Document(id='q', tags={'a': 1})
    two = Document(id='q', tags={'a': 2, 'b': 2}, embedding=np.ones(3))
    (found,) = united([[one], [two]])
    assert found.tags == {'a': 1, 'b': 2}
    assert found.embedding.tolist() == [1, 1, 1]


values = st.one_of(st.integers(0, 5).map(float), st.just(math.nan))


@given(
    found=st.dictionaries(st.text('abcdefgh', min_size=1, max_size=3), values),
    owners=st.lists(st.integers(0, 4), min_size=99, max_size=99),
    limit=st.integers(1, 9),
    metric=st.sampled_from(['cosine', 'dot']),
)
def test_the_first_of_every_shard_together_are_the_first_of_all(found, owners, limit, metric):
    order = Order(metric, False, metric == 'dot')
    whole = sorted(scored(metric, *found.items()), key=lambda doc: order.keys([doc]))
    shards = [
        [doc for doc, owner in zip(whole, owners, strict=False) if owner == n][:limit] for n in range(5)
    ]
    asked = [[query(docs)] for docs in shards]
    (answer,) = united(asked, limit=limit)
    if any(not math.isnan(value) for value in found.values()):  # else nothing says an order
        assert ids(answer.matches) == ids(whole[:limit])

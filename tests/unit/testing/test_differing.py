"""Answers of then and now: what differs is found, and noise is not."""

import numpy as np
import pytest

from headrace import Document, DocumentArray
from headrace.testing.differing import unlike


def docs(*made):
    return DocumentArray(made)


def differing(was, now, tolerance=1e-5):
    return [(each.document, each.field) for each in unlike(was, now, tolerance)]


def test_noise_is_no_difference():
    was = docs(Document(id='a', embedding=np.ones(4), tags={'score': 0.5, 'deep': [{'x': 1.0}]}))
    now = docs(Document(id='a', embedding=np.ones(4) + 1e-7, tags={'score': 0.5000001, 'deep': [{'x': 1}]}))
    assert differing(was, now) == []
    assert differing(was, now, 1e-9) == [('a', 'embedding'), ('a', 'tags.score')]


@pytest.mark.parametrize(
    ('change', 'field'),
    [
        ({'text': 'other'}, 'text'),
        ({'embedding': np.ones(5)}, 'embedding'),
        ({'embedding': None}, 'embedding'),
        ({'tags': {'k': [1, 3]}}, 'tags.k[1]'),
        ({'tags': {'k': [1]}}, 'tags.k'),
        ({'chunks': DocumentArray([Document(id='c', text='y')])}, 'chunks[0].text'),
    ],
)
def test_a_change_is_found_where_it_is(change, field):
    before = {'id': 'a', 'text': 'x', 'embedding': np.ones(4), 'tags': {'k': [1, 2]}}
    before['chunks'] = DocumentArray([Document(id='c', text='x')])
    assert differing(docs(Document(**before)), docs(Document(**{**before, **change}))) == [('a', field)]


def test_documents_are_the_same_by_their_ids():
    a, b, c = (Document(id=name, text=name) for name in 'abc')
    assert differing(docs(a, b), docs(a)) == [('b', '')]
    assert differing(docs(a), docs(a, c)) == [('c', '')]
    assert differing(docs(a, b), docs(b, a)) == [('', 'order')]
    assert differing(docs(a, b), docs(a, b)) == []


def test_new_ids_each_time_are_the_same_by_their_place():
    assert differing(docs(Document(text='x')), docs(Document(text='x'))) == []
    assert [field for _, field in differing(docs(Document(text='x')), docs(Document(text='y')))] == ['text']


def test_nan_is_nan():
    was = docs(Document(id='a', tags={'x': float('nan')}, embedding=np.array([np.nan])))
    assert (
        differing(was, docs(Document(id='a', tags={'x': float('nan')}, embedding=np.array([np.nan])))) == []
    )

"""filter: each operator alone, all together against Python, and errors that name what is wrong."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.documents.filter import MAX_DEPTH, predicate
from headrace.errors import DocumentError


def doc(**fields):
    return SimpleNamespace(**{'id': '1', 'text': '', 'tags': {}, 'chunks': [], 'embedding': None, **fields})


SHIRT = doc(
    id='s',
    text='a red shirt',
    tags={'price': 20, 'colours': ['red', 'white'], 'size': {'width': 3}, 'a__b': 1, 'none': None},
    chunks=[doc(text='sleeve'), doc(text='collar')],
    embedding=np.ones(3),
)


@pytest.mark.parametrize(
    ('query', 'expected'),
    [
        ({'text': 'a red shirt'}, True),
        ({'text': {'$eq': 'shirt'}}, False),
        ({'text': {'$ne': 'shirt'}}, True),
        ({'tags__price': 20.0}, True),
        ({'tags__price': {'$lt': 20}}, False),
        ({'tags__price': {'$lte': 20}}, True),
        ({'tags__price': {'$gt': 19.5, '$lt': 21}}, True),
        ({'tags__price': {'$gte': 21}}, False),
        ({'tags__price': {'$gt': 'a'}}, False),
        ({'tags__missing': {'$lt': 50}}, False),
        ({'tags__missing': {'$ne': 50}}, True),
        ({'tags__missing': None}, False),
        ({'tags__none': None}, True),
        ({'tags__price': {'$in': [1, 20]}}, True),
        ({'tags__price': {'$nin': [1, 20]}}, False),
        ({'tags__missing': {'$nin': [1, 20]}}, True),
        ({'tags__price': {'$in': []}}, False),
        ({'text': {'$regex': '^a .*t$'}}, True),
        ({'text': {'$regex': 'blue'}}, False),
        ({'tags__price': {'$regex': '2'}}, False),
        ({'tags__colours': 'red'}, True),
        ({'tags__colours': ['red', 'white']}, True),
        ({'tags__colours': {'$in': ['green', 'white']}}, True),
        ({'tags__colours': {'$ne': 'red'}}, False),
        ({'tags__colours': {'$size': 2}}, True),
        ({'tags__colours__1': 'white'}, True),
        ({'tags__colours__7': 'white'}, False),
        ({'tags__size__width': 3}, True),
        ({'tags__size': {'width': 3}}, True),
        ({'tags__a__b': 1}, True),
        ({'chunks': {'$size': 2}}, True),
        ({'chunks': {'$size': {'$gt': 2}}}, False),
        ({'chunks__0__text': 'sleeve'}, True),
        ({'chunks__-1__text': {'$regex': 'coll'}}, True),
        ({'embedding': {'$exists': True}}, True),
        ({'embedding': np.ones(3)}, True),
        ({'tags__missing': {'$exists': False}}, True),
        ({'tags__price': {'$exists': False}}, False),
        ({'tags__price': {'$not': {'$lt': 5}}}, True),
        ({}, True),
        ({'$and': [{'text': {'$regex': 'red'}}, {'tags__price': 20}]}, True),
        ({'$or': [{'text': 'x'}, {'tags__price': 20}]}, True),
        ({'$or': []}, False),
        ({'$and': []}, True),
        ({'$nor': [{'text': 'x'}, {'tags__price': 21}]}, True),
        ({'$not': {'text': 'x'}}, True),
        ({'$not': [{'text': {'$regex': 'red'}}, {'tags__price': 20}]}, False),
        ({'text': {'$regex': 'red'}, 'tags__price': 21}, False),
    ],
)
def test_each_operator(query, expected):
    assert predicate(query)(SHIRT) is expected


@pytest.mark.parametrize('value', ['', b'', None, [], {}])
def test_what_is_empty_does_not_exist(value):
    assert not predicate({'text': {'$exists': True}})(doc(text=value))
    assert predicate({'text': {'$exists': False}})(doc(text=value))


@pytest.mark.parametrize('value', [0, 0.0, False, 'x', [None]])
def test_zero_exists(value):
    assert predicate({'text': {'$exists': True}})(doc(text=value))


@pytest.mark.parametrize(
    ('query', 'message'),
    [
        ({'tags__price': {'$lessthan': 5}}, r"unknown operator '\$lessthan' for 'tags__price'"),
        ({'tags__price': {'$lts': 5}}, r"did you mean '\$lte?'"),
        ({'$ans': []}, r"did you mean '\$and'"),
        ({'$lt': 5}, r'\$lt needs a field'),
        ({'txt': 'x'}, r"no field 'txt'(.|\n)*did you mean 'text'"),
        ({'tags__price': {'$lt': 5, 'x': 1}}, 'mixes operators and plain keys'),
        ({'text': {'$regex': '('}}, r'\$regex of .text. cannot take'),
        ({'text': {'$regex': 5}}, r'\$regex of .text. cannot take'),
        ({'text': {'$in': 'abc'}}, 'needs a list of values'),
        ({'text': {'$size': 'x'}}, r'\$size of .text. cannot take'),
        ({'text': {'$exists': 'yes'}}, 'needs true or false'),
        ({'$and': {'text': 'x'}}, r'\$and takes a list of queries'),
        ({'$and': ['x']}, 'a query is a dict, not str'),
        ({5: 'x'}, 'is not a name'),
        ('text', 'a query is a dict'),
    ],
)
def test_errors_name_what_is_wrong(query, message):
    with pytest.raises(DocumentError, match=message):
        predicate(query, ['id', 'text', 'tags'])


def nested(depth, wrap, innermost):
    for _ in range(depth):
        innermost = wrap(innermost)
    return innermost


@pytest.mark.parametrize('wrap', [lambda q: {'$not': q}, lambda q: {'$and': [q]}])
def test_deep_queries_are_refused(wrap):
    predicate(nested(MAX_DEPTH - 1, wrap, {'text': 'x'}))
    with pytest.raises(DocumentError, match='nested more than'):
        predicate(nested(5000, wrap, {'text': 'x'}))


def test_deep_conditions_are_refused():
    with pytest.raises(DocumentError, match='nested more than'):
        predicate({'text': nested(5000, lambda c: {'$not': c}, {'$eq': 1})})
    with pytest.raises(DocumentError):
        predicate({'text': nested(5000, lambda c: {'$size': c}, 1)})


NUMBERS = st.integers(-3, 3)
LEAVES = st.tuples(st.sampled_from(['$eq', '$ne', '$lt', '$lte', '$gt', '$gte']), NUMBERS)
PYTHON = {
    '$eq': int.__eq__,
    '$ne': int.__ne__,
    '$lt': int.__lt__,
    '$lte': int.__le__,
    '$gt': int.__gt__,
    '$gte': int.__ge__,
}
TREES = st.recursive(
    LEAVES, lambda parts: st.tuples(st.sampled_from(['$and', '$or', '$nor']), st.lists(parts, max_size=3))
)


def as_query(tree):
    name, rest = tree
    return {name: [as_query(part) for part in rest]} if isinstance(rest, list) else {'tags__n': {name: rest}}


def by_hand(tree, n):
    name, rest = tree
    if not isinstance(rest, list):
        return PYTHON[name](n, rest)
    parts = [by_hand(part, n) for part in rest]
    return {'$and': all(parts), '$or': any(parts), '$nor': not any(parts)}[name]


@given(TREES, NUMBERS)
def test_combinations_are_as_in_python(tree, n):
    assert predicate(as_query(tree))(doc(tags={'n': n})) is by_hand(tree, n)

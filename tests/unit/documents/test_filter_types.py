"""Queries that compare a field with what it can never be are errors, and no others are."""

import datetime
from typing import Any

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document
from headrace.errors import DocumentError

DAY = datetime.date(2024, 5, 1)


class Maker(BaseDoc):
    name: str = ''


class Item(BaseDoc):
    title: str = 'shirt'
    price: float = 5.0
    count: int | None = 2
    day: datetime.date = DAY
    sizes: list[str] = []
    either: int | str = 1
    anything: Any = 1
    tags: dict[str, Any] = {}
    maker: Maker | None = None
    makers: DocList[Maker] = DocList[Maker]()


DOCS = DocList[Item]([Item(sizes=['S'], tags={'price': 5}, maker=Maker('M'), makers=[Maker('M')])])


@pytest.mark.parametrize(
    ('query', 'message'),
    [
        ({'price': {'$lt': '5'}}, "the field 'price' of Item is a float, and '5' is a str"),
        ({'price': '5'}, "'price' of Item is a float"),
        ({'price': {'$in': [1, '5']}}, "'price' of Item is a float, and '5' is a str"),
        ({'price': {'$not': {'$gt': '5'}}}, "'price' of Item is a float"),
        ({'count': {'$gte': [1]}}, r"'count' of Item is a int, and \[1\] is a list"),
        ({'title': 5}, "'title' of Item is a str, and 5 is a int"),
        ({'title': {'$ne': b'x'}}, "'title' of Item is a str"),
        ({'day': {'$gt': '2024-01-01'}}, "'day' of Item is a date"),
        ({'price': {'$regex': '5'}}, r'is a float, and \$regex is for text'),
        ({'maker__name': 5}, "'maker__name' of Item is a str"),
        ({'makers__0__name': 5}, "'makers__0__name' of Item is a str"),
        ({'$or': [{'title': 'x'}, {'$not': {'price': 'x'}}]}, "'price' of Item is a float"),
    ],
)
def test_what_can_never_be_is_an_error(query, message):
    with pytest.raises(DocumentError, match=message):
        DOCS.filter(query)
    with pytest.raises(DocumentError, match=message):
        DOCS.find(query)


@pytest.mark.parametrize(
    'query',
    [
        {'price': 5},
        {'price': {'$lt': np.float32(6)}},
        {'price': {'$ne': None}},
        {'price': {'$exists': True}},
        {'count': {'$lte': 2.5}},
        {'title': {'$regex': '^s'}},
        {'day': {'$gte': DAY}},
        {'sizes': 'S'},
        {'sizes': {'$size': 1}},
        {'either': {'$in': ['a', 1]}},
        {'anything': {'$ne': 'x'}},
        {'tags__price': {'$nin': ['5']}},
        {'maker__name': {'$in': ['M', None]}},
        {'makers__0__name': 'M'},
        {'makers__0': {'$exists': True}},
    ],
)
def test_what_may_be_is_asked(query):
    assert len(DOCS.filter(query)) == 1


def test_tags_of_documents_hold_anything():
    docs = DocList[Document]([Document(tags={'price': 5})])
    assert len(docs.filter({'tags__price': {'$lt': '5'}})) == 0

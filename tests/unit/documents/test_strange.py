"""Keys of JSON documents that no field has: which of them are mistakes, and what is said of them."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.documents import BaseDoc, DocList, Document, strange
from headrace.documents.suggest import slip_of
from headrace.errors import DocumentError


class Product(BaseDoc):
    title: str
    price: float = 0.0
    mime_type: str = ''
    part: Document | None = None
    matches: DocList['Product'] = DocList()


class Camel(BaseDoc, rename='camel'):
    mime_type: str = ''


def refused(check, docs, doc_type=Product):
    with pytest.raises(DocumentError) as caught:
        check(docs if check is strange.check_plain else json.dumps(docs).encode(), doc_type)
    return caught.value.message, caught.value.help


@pytest.mark.parametrize(
    ('name', 'meant'),
    [
        ('titel', 'title'),
        ('titl', 'title'),
        ('tittle', 'title'),
        ('Title', 'title'),
        ('mimeType', 'mime_type'),
        ('mime-type', 'mime_type'),
        ('mine_tipe', 'mime_type'),
        ('pirce', 'price'),
        ('uri', None),
        ('slice', None),
        ('ti', None),
        ('', None),
        ('subtitle', None),
        ('part_number', None),
    ],
)
def test_slips_are_near(name, meant):
    assert slip_of(name, ('title', 'price', 'mime_type', 'part')) == meant


@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=4))
def test_a_known_name_is_found_first_or_something_near(name, known):
    found = slip_of(name, known)
    assert found is None or found in known
    assert slip_of('headrace', ['x', 'headrace']) == 'headrace'


MISSPELT = {
    'top': ([{'title': 'a', 'prise': 2}], '$[0]', 'prise', 'price'),
    'behind other keys': ([{'colour': 1, 'title': 'a', 'prise': 2}], '$[0]', 'prise', 'price'),
    'in a document': ([{'title': 'a', 'part': {'txt': 'x'}}], '$[0].part', 'txt', 'text'),
    'in a list': (
        [{'title': 'a', 'matches': [{'title': 'b'}, {'title': 'c', 'pric': 1}]}],
        '$[0].matches[1]',
        'pric',
        'price',
    ),
}


@pytest.mark.parametrize('name', MISSPELT)
@pytest.mark.parametrize('check', [strange.check_first, strange.check_plain])
def test_a_misspelt_field_is_told(check, name):
    docs, path, key, meant = MISSPELT[name]
    DocList[Product].from_json(json.dumps(docs))  # it would be dropped
    told = f'Object contains unknown field `{key}` - at `{path}`', f"did you mean '{meant}'?"
    assert refused(check, docs) == told


FINE = {
    'nothing': [],
    'no keys of others': [{'title': 'a', 'price': 1, 'part': {'text': 'x'}, 'matches': [{'title': 'b'}]}],
    'a key of its own': [{'title': 'a', 'colour': 'red'}],
    'near a field that is there': [{'title': 'a', 'titles': ['a', 'b']}],
    'near one in the second': [{'title': 'a'}, {'title': 'b', 'prise': 2}],
    'null': [{'title': 'a', 'part': None, 'matches': []}],
    'a dict of any keys': [{'title': 'a', 'part': {'tags': {'txt': 1}}}],
}


@pytest.mark.parametrize('name', FINE)
@pytest.mark.parametrize('check', [strange.check_first, strange.check_plain])
def test_other_keys_are_for_other_readers(check, name):
    docs = FINE[name]
    check(docs if check is strange.check_plain else json.dumps(docs).encode(), Product)


def test_names_are_those_in_json():
    strange.check_first(b'[{"mimeType": "a"}]', Camel)
    assert refused(strange.check_first, [{'mime_type': 'a'}], Camel)[1] == "did you mean 'mimeType'?"


def test_what_is_far_behind_is_not_looked_at():
    strange.check_first(json.dumps([{'title': 'é' * strange.LOOK, 'prise': 1}]).encode(), Product)
    assert 'prise' in refused(strange.check_first, [{'prise': 1, 'title': 'x' * strange.LOOK}])[0]


def test_all_keys_of_all_documents_can_be_refused():
    docs = [{'title': 'a'}, {'title': 'b', 'matches': [{'title': 'c', 'colour': 1}]}]
    message = 'Object contains unknown field `colour` - at `$[1].matches[0]`'
    known = 'known: title, price, mime_type, part, matches, id'
    assert refused(strange.check_all, docs) == (message, known)
    with pytest.raises(DocumentError, match=r'`colour` - at `\$\[1\].matches\[0\]`'):
        strange.check_plain(docs, Product, only_misspelt=False)
    strange.check_all(json.dumps(FINE['no keys of others']).encode(), Product)


def test_columns_are_looked_at_by_their_names():
    strange.check_names(['title', 'colour'], Product)
    with pytest.raises(DocumentError, match='`titel` - at '):
        strange.check_names(['titel', 'price'], Product)


@pytest.mark.parametrize(
    ('docs', 'help'),
    [
        ([{'titel': 'a'}], "did you mean 'title' where it says 'titel'?"),
        ([{'name': 'a', 'the_title': 'b'}], "did you mean 'title' where it says 'the_title'?"),
        ([{'title': 'a', 'matches': [{'tittle': 'b'}]}], "did you mean 'title' where it says 'tittle'?"),
        ([{'price': 1}], ''),
        ([{'colour': 'red'}], ''),
    ],
)
def test_a_missing_field_may_have_another_name(docs, help):
    listed = DocList[Product]
    for read, data in ((listed.from_json, json.dumps(docs)), (listed.from_list, docs)):
        with pytest.raises(DocumentError, match='missing required field `title`') as caught:
            read(data)
        assert caught.value.help == help


@pytest.mark.parametrize('check', [strange.check_first, strange.check_all, strange.check_plain])
def test_many_strange_keys_cost_no_more_than_a_few(check, monkeypatch):
    compared = []
    monkeypatch.setattr(strange, 'slip_of', lambda name, known: compared.append([*known]))
    docs = [{f'kye_{number}': number for number in range(20_000)}]
    with suppress(DocumentError):
        check(docs if check is strange.check_plain else json.dumps(docs).encode(), Product)
    assert len(compared) <= strange.MOST


def test_many_keys_of_documents_inside_share_one_look(monkeypatch):
    compared = []
    monkeypatch.setattr(strange, 'slip_of', lambda name, known: compared.append(name))
    inside = [{f'kye_{number}': 1 for number in range(10)} for _ in range(1000)]
    strange.check_plain([{'title': 'hat', 'matches': inside}], Product)
    assert len(compared) == strange.MOST


def test_what_is_missing_is_looked_for_among_a_few_keys(monkeypatch):
    compared = []
    monkeypatch.setattr(strange, 'slip_of', lambda name, known: compared.extend(known))
    docs = [{f'kye_{number}': number for number in range(20_000)}]
    with pytest.raises(DocumentError, match='title'):
        DocList[Product].from_json(json.dumps(docs))
    assert len(compared) == strange.MOST


@pytest.mark.parametrize('key', ['x - at `$.nowhere`', 'back`tick', 'long' * 100_000])
def test_keys_that_look_like_a_message_or_are_long_are_only_keys(key):
    message, _ = refused(strange.check_all, [{'title': 'a'}, {key: 1}])
    assert message == f'Object contains unknown field `{key[:100]}` - at `$[1]`'


def test_a_key_that_is_no_text_is_passed_over_as_its_reader_does():
    data = b'[{"title": "x", "vect\xefr": 1}]'

    assert json.loads(data.replace(b'\xef', b'?'))[0]['title'] == 'x'
    strange.check_first(data, Product)

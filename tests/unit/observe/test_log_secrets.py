"""What is never in a line: secrets in the facts of a log call, wherever they lie."""

import dataclasses
import logging
from collections import namedtuple
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.observe.log import line_of
from headrace.observe.loglines import from_json, to_json, to_text
from headrace.observe.logsecrets import DEEPEST, LEFT_OUT, MOST, without_secrets

SECRET = 'geheim-4711'
NAMES = ['password', 'db_password', 'Token', 'api_key', 'X-Api-Key', 'apiKey', 'Authorization', 'Set-Cookie']


@dataclasses.dataclass
class Login:
    user: str
    password: str


class Caller(msgspec.Struct):
    name: str
    api_key: str


Pair = namedtuple('Pair', ['name', 'token'])


def line(**extra):
    made = logging.getLogger('some').makeRecord(
        'some', logging.INFO, 'f.py', 1, 'said', (), None, extra=extra
    )
    return line_of(made, {})


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize(
    'around',
    [
        lambda name: {name: SECRET},
        lambda name: {'request': {name: SECRET, 'size': 3}},
        lambda name: {'requests': [1, {'deep': ({name: [SECRET]},)}]},
        lambda name: {'headers': [(name.encode(), SECRET.encode()), ('accept', '*/*')]},
        lambda name: {'header': [name, SECRET]},
        lambda name: {'frozen': MappingProxyType({name: SECRET})},
        lambda name: {'key': {name: {'inside': SECRET}}},
    ],
    ids=['itself', 'mapping', 'lists', 'headers', 'header', 'proxy', 'all below it'],
)
def test_what_has_the_name_of_a_secret_is_hidden_wherever_it_lies(name, around):
    said = line(**around(name))
    assert SECRET not in to_json(said).decode()
    assert SECRET not in to_text(said)
    assert '***' in to_json(said).decode()


@pytest.mark.parametrize('record', [Login('ann', SECRET), Caller('ann', SECRET), Pair('ann', SECRET)])
def test_records_have_names_too(record):
    said = line(who=record, several=[record])
    assert SECRET not in to_json(said).decode() + to_text(said)
    assert 'ann' in to_json(said).decode()


def test_what_was_given_stays_as_it_is_and_the_rest_is_told():
    given = {
        'login': {'user': 'ann', 'password': SECRET},
        'sizes': [1, 2, 3],
        'tokens': 512,
        'pair': ('a', 'b'),
    }
    told = without_secrets(given)
    assert told == {
        'login': {'user': 'ann', 'password': '***'},
        'sizes': [1, 2, 3],
        'tokens': 512,
        'pair': ('a', 'b'),
    }
    assert given['login']['password'] == SECRET


def test_what_lies_too_deep_is_not_told():
    deep = {'password': SECRET}
    for _ in range(DEEPEST):
        deep = {'below': deep}
    told = to_json(line(deep=deep)).decode()
    assert SECRET not in told
    assert LEFT_OUT in told


def test_a_line_costs_no_more_than_so_many_looks():
    told = without_secrets({'many': [{'n': n} for n in range(10 * MOST)], 'last': {'password': SECRET}})
    assert len(told['many']) <= MOST + 1
    assert told['last'] == LEFT_OUT
    rows = list(range(10 * MOST))
    assert without_secrets({'numbers': rows})['numbers'] is rows


def test_a_list_that_holds_itself_has_an_end():
    own = [{'password': SECRET}]
    own.append(own)
    said = from_json(to_json(line(own=own)))
    assert said.facts['own'][0] == {'password': '***'}


class Broken(dict):
    def items(self):
        raise RuntimeError('not now')

    keys = __iter__ = items


def test_an_object_that_cannot_be_looked_at_keeps_no_line_back():
    assert line(bad=Broken(a=1), good=1).facts['good'] == 1


DATA = st.recursive(
    st.none() | st.integers() | st.text('abcß-', max_size=5) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('abcß-', max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(DATA)
def test_what_has_no_secret_is_told_as_it_is(data):
    assert without_secrets({'data': data}) == {'data': data}

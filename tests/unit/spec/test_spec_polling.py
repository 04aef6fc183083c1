import pytest

from headrace import Flow
from headrace.errors import SpecError
from headrace.spec.polling import polling_of


@pytest.mark.parametrize(
    ('polling', 'endpoint', 'visited'),
    [
        ({}, '/index', 'KEY'),
        ({}, '/update', 'KEY'),
        ({}, '/delete', 'KEY'),
        ({}, '/search', 'ALL'),
        ({}, '/other', 'ANY'),
        ('ALL', '/index', 'ALL'),
        ('ANY', '/search', 'ANY'),
        ({'*': 'ALL'}, '/index', 'ALL'),
        ({'*': 'ALL', '/index': 'ANY'}, '/index', 'ANY'),
        ({'/other': 'KEY'}, '/search', 'ALL'),
        ({'/other': 'KEY'}, '/other', 'KEY'),
    ],
)
def test_what_is_said_of_an_endpoint_wins_then_what_is_said_of_all_then_the_usual(polling, endpoint, visited):
    assert polling_of(polling, endpoint) == visited


def test_capitals_and_slashes_do_not_matter_in_python_and_yaml():
    written = Flow().add(shards=2, polling={'search': 'any', '*': 'All'})
    assert written.spec['executor0'].polling == {'/search': 'ANY', '*': 'ALL'}
    loaded = Flow.load_config('jtype: Flow\nexecutors:\n- shards: 2\n  polling: {search: any, "*": All}\n')
    assert loaded.spec == written.spec
    assert Flow().add(polling='key').spec['executor0'].polling == 'KEY'
    assert Flow.load_config(written.to_yaml()) == written


@pytest.mark.parametrize(
    ('polling', 'problem'),
    [
        ('some', "polling: 'some' is not possible here\n  help: possible: ANY, ALL, KEY"),
        ({'/search': 'some'}, "polling./search: 'some' is not possible here"),
        ({'/search': 3}, 'polling./search: '),
        (7, 'polling: expected a mapping'),
    ],
)
def test_another_word_is_refused_with_the_possible_ones(polling, problem):
    with pytest.raises(SpecError) as caught:
        Flow().add(shards=2, polling=polling)
    assert problem in str(caught.value)


@pytest.mark.parametrize('key', ['shards', 'polling', 'uses_before', 'uses_after'])
def test_what_only_joins_has_no_shards(key):
    flow = Flow().add(name='a').add(name='b', needs='gateway')
    value = {'shards': 2, 'polling': 'ALL'}.get(key, 'shop:Rank')
    with pytest.raises(SpecError, match=f"executor 'both' only joins: nothing runs there .*{key}"):
        flow.needs(['a', 'b'], name='both', **{key: value})

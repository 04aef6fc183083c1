import asyncio
from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import BaseDoc, Document, DocumentArray
from headrace.documents.schema import schema_of
from headrace.errors import ExecutorFailure, Overloaded, RequestError, SpecError, Unavailable
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.node import Node
from headrace.pipeline.substitutes import with_versions
from headrace.pipeline.versions import Version, Versions
from headrace.spec import ExecutorSpec

WEIGHTS = st.dictionaries(st.sampled_from('abcdef'), st.integers(0, 20), min_size=1).filter(
    lambda weights: any(weights.values())
)


class Line:
    def __init__(self):
        self.is_up = True


class Handler:
    """Answers with its name, or with an error; in two parts if it streams."""

    def __init__(self, name, error=None):
        self.name = name
        self.error = error

    def _answer(self, batch):
        if self.error is not None:
            raise self.error
        for doc in batch.docs:
            doc.text = self.name
        return batch

    async def __call__(self, batch, context):
        return self._answer(batch)

    async def stream(self, batch, context):
        yield self._answer(batch)
        yield batch


def versions(weights, errors=None, **options):
    lines = {name: Line() for name in weights}
    made = {
        name: Version(f'a/{name}', Handler(name, (errors or {}).get(name)), [lines[name]]) for name in weights
    }
    return Versions('a', made, weights, **options), lines


def post(handler, parameters=None, context=None):
    async def ask():
        answer = await handler(
            Batch(DocumentArray([Document()]), parameters), context or Context.within('/', 10)
        )
        return answer.docs[0].text

    return asyncio.run(ask())


def turns(handler, count):
    return [handler.next() for _ in range(count)]


@given(WEIGHTS, st.integers(1, 3))
def test_shares_are_exact_over_each_round(weights, rounds):
    handler, _ = versions(weights)
    total = sum(weights.values())
    for _ in range(rounds):
        assert Counter(turns(handler, total)) == Counter({name: n for name, n in weights.items() if n})


@given(WEIGHTS)
def test_at_no_moment_is_anybody_a_whole_round_ahead(weights):
    handler, _ = versions(weights)
    total, counts = sum(weights.values()), Counter()
    for number, name in enumerate(turns(handler, 3 * total), 1):
        counts[name] += 1
        for each, weight in weights.items():
            assert abs(counts[each] - number * weight / total) < len(weights)


def test_a_small_share_is_spread():
    handler, _ = versions({'main': 9, 'v2': 1})
    where = [index for index, name in enumerate(turns(handler, 40)) if name == 'v2']
    assert {second - first for first, second in pairwise(where)} == {10}


def test_weights_change_between_two_requests():
    handler, _ = versions({'main': 1, 'v2': 0})
    assert set(turns(handler, 10)) == {'main'}
    handler.weigh({'v2': 1})
    assert set(turns(handler, 10)) == {'v2'}


def test_a_version_without_replicas_is_passed_over_and_told_once(caplog):
    handler, lines = versions({'main': 1, 'v2': 1})
    lines['v2'].is_up = False
    with caplog.at_level('INFO'):
        assert set(turns(handler, 10)) == {'main'}
        lines['v2'].is_up = True
        assert Counter(turns(handler, 10))['v2'] == 5
    assert [record.levelname for record in caplog.records] == ['WARNING', 'INFO']
    assert 'a/v2' in caplog.text


def test_a_version_of_weight_0_stands_in_for_nobody():
    handler, lines = versions({'main': 1, 'v2': 0})
    lines['main'].is_up = False
    assert set(turns(handler, 5)) == {'main'}


@given(WEIGHTS, st.lists(st.text(), min_size=1, max_size=20))
def test_a_sticky_value_stays_at_its_version(weights, values):
    handler, _ = versions(weights, sticky='user')
    for value in values:
        chosen = {post(handler, {'user': value}) for _ in range(3)}
        assert len(chosen) == 1
        assert weights[chosen.pop()]


def test_sticky_values_have_their_shares_and_only_what_must_moves():
    handler, _ = versions({'main': 80, 'v2': 20}, sticky='user')
    before = {str(user): handler.chosen(Batch(DocumentArray(), {'user': user}))[0] for user in range(2000)}
    assert 0.16 < Counter(before.values())['v2'] / 2000 < 0.24
    handler.weigh({'main': 70, 'v2': 30})
    after = {user: handler.chosen(Batch(DocumentArray(), {'user': user}))[0] for user in before}
    assert all(after[user] == 'v2' for user, version in before.items() if version == 'v2')


def test_a_caller_names_a_version():
    handler, _ = versions({'main': 1, 'v2': 0}, choice='version')
    assert post(handler, {'version': 'v2'}) == 'v2'
    assert post(handler, {'a__version': 'v2'}) == 'v2'
    assert post(handler, {}) == 'main'
    with pytest.raises(RequestError, match="no version 'v3'.*'version'"):
        post(handler, {'version': 'v3'})
    for nonsense in (['v2'], {'a': 1}, 2):
        with pytest.raises(RequestError, match='has no version'):
            post(handler, {'version': nonsense})
    assert post(versions({'main': 1, 'v2': 0})[0], {'version': 'v2'}) == 'main'  # not allowed


def test_who_names_a_version_gets_no_other():
    handler, _ = versions({'main': 1, 'v2': 1}, {'v2': Unavailable('away')}, choice='version')
    with pytest.raises(Unavailable, match='away'):
        post(handler, {'version': 'v2'})


@pytest.mark.parametrize(
    ('error', 'moves'),
    [
        (Unavailable('away', begun=False), True),
        (Unavailable('died', begun=True), False),
        (Overloaded('full'), False),
        (ExecutorFailure('no'), False),
    ],
)
def test_another_version_does_what_may_be_done_again(error, moves):
    schema = schema_of(Document)
    info = ExecutorInfo('a', (EndpointInfo('/', 'docs', schema, schema, idempotent=False),))
    handler, _ = versions({'main': 1, 'v2': 1}, {'main': error}, info=info)
    if moves:
        assert {post(handler) for _ in range(4)} == {'v2'}
    else:
        with pytest.raises(type(error)):
            post(handler)


def test_if_nobody_can_the_first_error_is_raised():
    handler, _ = versions({'main': 1, 'v2': 1}, {'main': Unavailable('one'), 'v2': Unavailable('two')})
    with pytest.raises(Unavailable, match='one'):
        post(handler)


def test_visits_are_told_of_the_version():
    handler, _ = versions({'main': 1, 'v2': 1}, {'main': Unavailable('away', begun=False)})
    context = Context.within('/', 10)
    context.hops = []
    node = Node('a', handler)

    async def ask():
        await node.work(Batch(DocumentArray([Document()])), context)

    asyncio.run(ask())
    assert [(hop.executor, hop.error) for hop in context.hops] == [('a/main', 'Unavailable'), ('a/v2', '')]


def test_parts_come_from_one_version():
    handler, _ = versions({'main': 1, 'v2': 1}, {'main': Unavailable('away', begun=False)})

    async def ask():
        parts = handler.stream(Batch(DocumentArray([Document()])), Context.within('/', 10))
        return [part.docs[0].text async for part in parts]

    assert asyncio.run(ask()) == ['v2', 'v2']


def described(name, *endpoints):
    schema = schema_of(Document)
    made = [EndpointInfo(endpoint, 'docs', schema, schema, **more) for endpoint, more in endpoints]
    return ExecutorInfo(name, tuple(made))


SPEC = ExecutorSpec(name='a', versions={'v2': ExecutorSpec(name='a/v2')})


def test_an_executor_promises_what_all_versions_keep():
    infos = {
        'a': described('a', ('/x', {'idempotent': True})),
        'a/v2': described('a/v2', ('/x', {'idempotent': False}), ('/y', {})),
    }
    info = with_versions(SPEC, infos)
    assert [each.name for each in info.endpoints] == ['/x']
    assert not info.endpoints[0].idempotent
    assert info.by_version['a/v2'] is infos['a/v2']


def test_a_version_that_lacks_an_endpoint_is_named():
    infos = {'a': described('a', ('/x', {})), 'a/v2': described('a/v2', ('/y', {}))}
    with pytest.raises(SpecError, match="'a/v2' has no endpoint '/x', which 'a' has"):
        with_versions(SPEC, infos)


def test_a_version_that_gives_something_else_is_named():
    class Plain(BaseDoc):
        text: str

    class Numbered(Plain):
        number: int

    schema, other = schema_of(Plain), schema_of(Numbered)
    main = ExecutorInfo('a', (EndpointInfo('/x', 'docs', schema, other),))
    version = ExecutorInfo('a/v2', (EndpointInfo('/x', 'docs', schema, schema),))
    with pytest.raises(SpecError, match="'a/v2' does not give what 'a' gives at endpoint '/x'.*number"):
        with_versions(SPEC, {'a': main, 'a/v2': version})
    assert with_versions(SPEC, {'a': version, 'a/v2': main}) is not None  # more than main gives


def test_nothing_is_lost_over_a_long_time():
    handler, _ = versions({'main': 1.5, 'v2': 0.5})
    assert Counter(islice(iter(handler.next, None), 4000)) == {'main': 3000, 'v2': 1000}

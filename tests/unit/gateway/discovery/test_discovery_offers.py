"""What the workers of an executor with versions say: what is offered, who is used, when to begin anew."""

from __future__ import annotations

import pytest

from headrace.documents import Document
from headrace.documents.schema import schema_of
from headrace.errors import SpecError
from headrace.gateway.discovery.offers import Offers
from headrace.gateway.orders import Target, nameless
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.spec import ExecutorSpec, load_flow

MAIN, V2 = Target('word'), Target('word/v2')


def executor(weights: str = '{main: 9, v2: 1}', more: str = '') -> ExecutorSpec:
    versions = 'versions: {v2: {uses: "m:B"}}'
    text = f'executors: [{{name: word, uses: "m:A", {versions}, weights: {weights} {more}}}]'
    return load_flow(text)['word']


def offers(weights: str = '{main: 9, v2: 1}') -> Offers:
    return Offers(executor(weights), [MAIN, V2])


def info(target: Target, *endpoints: str, **more: bool) -> ExecutorInfo:
    schema = schema_of(Document)
    return ExecutorInfo(
        target.executor, tuple(EndpointInfo(each, 'docs', schema, schema, **more) for each in endpoints)
    )


def names(offered: ExecutorInfo) -> tuple[str, list[str]]:
    return offered.name, [each.name for each in offered.endpoints]


def test_main_says_what_is_offered_whoever_comes_first() -> None:
    found = offers()
    assert found.first() is None
    assert not found.objection(V2, info(V2, '/say', '/more'))
    assert not found.objection(MAIN, info(MAIN, '/say'))
    told = found.begin()
    assert names(told) == ('word', ['/say'])
    assert [names(each) for each in told.versions] == [('word/v2', ['/say', '/more'])]
    assert found.usable == {'word', 'word/v2'}


def test_a_version_that_does_not_fit_is_left_out_until_it_does() -> None:
    found = offers()
    found.objection(MAIN, info(MAIN, '/say'))
    found.objection(V2, info(V2, '/other'))
    assert found.begin().versions == ()
    assert "no endpoint '/say'" in found.left_out['word/v2']
    assert "no endpoint '/say'" in found.objection(V2, info(V2, '/other'))
    assert found.outdated({V2}, is_at_work=True) == []
    assert not found.objection(V2, info(V2, '/say'))
    assert found.usable == {'word', 'word/v2'}
    assert names(found.info('word/v2')) == ('word/v2', ['/say'])


def test_who_comes_late_breaks_no_promise() -> None:
    found = offers()
    found.objection(MAIN, info(MAIN, '/say'))
    found.begin()
    assert 'must not run twice' in found.objection(V2, info(V2, '/say', idempotent=False))
    assert found.usable == {'word'}


def test_a_gateway_begins_anew_only_if_an_executor_has_nobody_else() -> None:
    found = offers()
    for target in (MAIN, V2):
        found.objection(target, info(target, '/say'))
    found.begin()
    assert 'it adds /new' in found.objection(V2, info(V2, '/say', '/new'))
    assert found.outdated({V2}, is_at_work=True) == []
    assert found.outdated({V2}, is_at_work=False) == [V2]
    assert found.outdated(set(), is_at_work=False) == []  # somebody of v2 is as before
    found.weights = {'main': 1.0, 'v2': 0.0}
    assert found.outdated({V2}, is_at_work=False) == []  # nobody would get more by it
    found.weights = {'main': 1.0, 'v2': 1.0}
    assert not found.objection(V2, info(V2, '/say'))
    assert found.outdated({V2}, is_at_work=False) == []


def test_without_main_another_version_that_gets_requests_is_what_is_offered() -> None:
    assert offers('{main: 1}').first() is None
    found = offers('{v2: 1}')
    found.objection(V2, info(V2, '/say', '/more'))
    told = found.begin()
    assert names(told) == ('word', ['/say', '/more'])
    assert [each.name for each in told.versions] == ['word/v2']
    assert "'word' has no endpoint '/more'" in found.objection(MAIN, info(MAIN, '/say'))
    assert found.outdated({MAIN}, is_at_work=True) == []
    found.weights = {'main': 1.0, 'v2': 1.0}
    assert found.outdated({MAIN}, is_at_work=True) == [MAIN]  # who begins now begins with main


def test_a_version_with_shards_is_used_when_all_of_it_is_there() -> None:
    targets = [Target(name, shard=shard) for name in ('word', 'word/v2') for shard in (0, 1)]
    found = Offers(executor(more=', shards: 2, polling: ALL'), targets)
    for target in targets[:3]:
        found.objection(target, info(target, '/say'))
    found.begin()
    assert found.usable == {'word'}
    assert 'word/v2/shard-1 is not' in found.objection(targets[2], info(targets[2], '/say'))
    assert 'the shards of' in found.objection(targets[3], info(targets[3], '/say', '/more'))
    assert not found.objection(targets[3], info(targets[3], '/say'))
    assert found.usable == {'word', 'word/v2'}


def test_shards_of_the_only_version_that_differ_are_an_error() -> None:
    targets = [Target('word'), Target('word', shard=1)]
    found = Offers(ExecutorSpec(name='word', shards=2), targets)
    found.objection(targets[0], info(targets[0], '/say'))
    found.objection(targets[1], info(targets[1], '/more'))
    with pytest.raises(SpecError, match='do not offer the same'):
        found.first()


def test_a_gateway_knows_how_the_shards_of_each_version_are_asked() -> None:
    seen = nameless(executor(more=', shards: 2, polling: ALL, no_reduce: true'))
    v2 = seen.versions['v2']
    assert (v2.name, v2.shards, v2.polling, v2.no_reduce) == ('word/v2', 2, 'ALL', True)
    assert v2.uses == ExecutorSpec(name='a').uses  # what runs there is no concern of it

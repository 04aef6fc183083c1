import asyncio

import pytest

from headrace import Document, DocumentArray
from headrace.documents.schema import schema_of
from headrace.errors import (
    DeadlineExceeded,
    DocumentError,
    ExecutorFailure,
    Overloaded,
    RequestError,
    Unavailable,
)
from headrace.pipeline import Batch, Context
from headrace.pipeline.assembly import assembled
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.reports import ERRORS, RESULTS, SHARDS
from headrace.pipeline.ring import shards_of
from headrace.pipeline.shards import Shards
from headrace.spec import ExecutorSpec


def shard_of(name: str, shards: int) -> int:
    return shards_of([name], shards)[0]


class Shard:
    """A shard that notes what it gets, and answers with its number in every document."""

    def __init__(self, number, error=None):
        self.number = number
        self.error = error
        self.seen = []

    async def __call__(self, batch, context):
        await asyncio.sleep(0)
        self.seen.append(batch.docs.id)
        if self.error is not None:
            raise self.error
        for doc in batch.docs:
            doc.tags[f'shard {self.number}'] = True
        return batch


def info(*, idempotent=True, all_shards=False, parameters=None):
    schema = schema_of(Document)
    endpoint = EndpointInfo(
        '/default', 'docs', schema, schema, parameters, idempotent=idempotent, all_shards=all_shards
    )
    return ExecutorInfo('index', (endpoint,))


def shards(polling, *errors, count=3, **fields):
    made = [Shard(number, dict(enumerate(errors)).get(number)) for number in range(max(count, len(errors)))]
    return Shards('index', made, polling, info=info(**fields)), made


def post(handler, docs=(), parameters=None, endpoint='/', timeout_s=None):
    batch = Batch(DocumentArray(docs), parameters)
    return asyncio.run(handler(batch, Context.within(endpoint, timeout_s)))


def named(*ids):
    return [Document(id=each) for each in ids]


NAMES = [f'doc {number}' for number in range(20)]


def test_any_visits_one_shard_after_the_other():
    handler, made = shards('ANY')
    for name in NAMES[:6]:
        post(handler, named(name))
    assert sorted(len(each.seen) for each in made) == [2, 2, 2]


def test_any_prefers_the_shard_that_has_least_to_do():
    handler, made = shards('ANY')
    handler.outstanding[0] = handler.outstanding[2] = 5
    for name in NAMES[:4]:
        post(handler, named(name))
    assert [len(each.seen) for each in made] == [0, 4, 0]


def test_any_goes_to_another_shard_if_one_is_unavailable_and_avoids_that_one():
    handler, made = shards('ANY', Unavailable('gone'))
    for name in NAMES[:6]:
        assert post(handler, named(name)).docs.id == [name]
    assert len(made[0].seen) == 1


def test_any_prefers_shards_that_say_that_they_are_up():
    handler, made = shards('ANY')
    made[1].is_up = made[2].is_up = False
    for name in NAMES[:4]:
        post(handler, named(name))
    assert [len(each.seen) for each in made] == [4, 0, 0]


def test_any_does_not_run_twice_what_must_not():
    handler, made = shards('ANY', *[Unavailable('gone')] * 3, idempotent=False)
    with pytest.raises(Unavailable, match='gone'):
        post(handler, named('a'))
    assert sum(len(each.seen) for each in made) == 1


def test_any_gives_the_first_error_if_no_shard_is_there():
    handler, _ = shards('ANY', *[Overloaded('full', retry_after_s=3)] * 3)
    with pytest.raises(Overloaded, match='full') as caught:
        post(handler, named('a'))
    assert caught.value.retry_after_s == 3


def test_all_visits_every_shard_with_the_same_documents():
    handler, made = shards('ALL')
    reply = post(handler, named('a', 'b'))
    assert [each.seen for each in made] == [[['a', 'b']]] * 3
    assert reply.docs.id == ['a', 'b']
    assert reply.docs[0].tags == {'shard 0': True, 'shard 1': True, 'shard 2': True}
    assert SHARDS not in reply.parameters


def test_key_gives_each_document_to_its_own_shard_and_keeps_their_order():
    handler, made = shards('KEY')
    reply = post(handler, named(*NAMES))
    assert reply.docs.id == NAMES
    assert [list(doc.tags) for doc in reply.docs] == [[f'shard {shard_of(name, 3)}'] for name in NAMES]
    assert [each.seen for each in made] == [
        [[name for name in NAMES if shard_of(name, 3) == number]] for number in range(3)
    ]


def test_key_does_not_call_a_shard_that_has_no_document():
    handler, made = shards('KEY')
    post(handler, named('doc 1'))
    assert [len(each.seen) for each in made] == [int(number == shard_of('doc 1', 3)) for number in range(3)]


def test_a_request_without_documents_goes_to_all_where_documents_have_shards():
    handler, made = shards('KEY')
    post(handler, parameters={'ids': ['a']})
    assert [each.seen for each in made] == [[[]]] * 3


def test_the_usual_polling_is_that_of_the_endpoint():
    handler, made = shards({})
    post(handler, named(*NAMES), endpoint='/index')
    assert sum(len(ids) for each in made for ids in each.seen) == len(NAMES)
    post(handler, named('a'), endpoint='/search')
    assert all(each.seen[-1] == ['a'] for each in made)


@pytest.mark.parametrize(
    'error', [Unavailable('gone'), ExecutorFailure('KeyError'), DeadlineExceeded('late')]
)
def test_all_does_without_a_shard_that_fails_and_says_so(error):
    handler, _ = shards('ALL', None, error)
    reply = post(handler, named('a'))
    assert reply.docs[0].tags == {'shard 0': True, 'shard 2': True}
    assert reply.parameters[SHARDS] == {'index': {'answered': 2, 'of': 3, 'failed': {'1': error.message}}}
    assert ERRORS not in reply.parameters


def test_key_has_an_error_for_each_document_of_a_shard_that_fails():
    handler, _ = shards('KEY', None, Unavailable('gone'))
    reply = post(handler, named(*NAMES))
    lost = [name for name in NAMES if shard_of(name, 3) == 1]
    assert reply.docs.id == [name for name in NAMES if name not in lost]
    assert reply.parameters[ERRORS] == {
        name: {'position': NAMES.index(name), 'error': 'Unavailable', 'message': 'gone'} for name in lost
    }
    assert reply.parameters[SHARDS]['index']['answered'] == 2


@pytest.mark.parametrize('polling', ['ALL', 'KEY'])
def test_it_is_an_error_if_no_shard_answers(polling):
    handler, _ = shards(polling, *[Overloaded('full', retry_after_s=3)] * 3)
    with pytest.raises(
        Overloaded, match="none of 3 shards of executor 'index' answered; shard 0: full"
    ) as caught:
        post(handler, named(*NAMES))
    assert caught.value.retry_after_s == 3


@pytest.mark.parametrize('polling', ['ALL', 'KEY'])
def test_it_is_an_error_if_one_fails_where_all_are_needed(polling):
    handler, _ = shards(polling, None, Unavailable('gone'), all_shards=True)
    with pytest.raises(
        Unavailable, match="shard 1 of executor 'index' failed, and '/' needs all of its 3: gone"
    ):
        post(handler, named(*NAMES))


@pytest.mark.parametrize('error', [RequestError('no such'), DocumentError('wrong')])
@pytest.mark.parametrize('polling', ['ALL', 'KEY', 'ANY'])
def test_what_is_wrong_with_the_request_is_the_callers(polling, error):
    handler, _ = shards(polling, error, error, error)
    with pytest.raises(type(error), match=f'^{error.message}$'):
        post(handler, named(*NAMES))


def test_an_error_of_the_request_ends_the_other_shards():
    ended = []

    async def never(batch, context):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(True)
            raise

    handler = Shards('index', [never, Shard(1, RequestError('no such'))], 'ALL')
    with pytest.raises(RequestError):
        post(handler, named('a'))
    assert ended == [True]


@pytest.mark.parametrize('polling', ['ALL', 'KEY'])
def test_a_shard_that_is_too_late_is_left_out_before_the_time_is_over(polling):
    async def never(batch, context):
        await asyncio.Event().wait()

    handler = Shards('index', [Shard(0), never, Shard(2)], polling)
    reply = post(handler, named(*NAMES), timeout_s=0.5)
    assert reply.parameters[SHARDS] == {
        'index': {'answered': 2, 'of': 3, 'failed': {'1': 'no answer in time'}}
    }


def test_who_leaves_takes_the_calls_of_all_shards_along():
    ended = []

    async def never(batch, context):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(True)
            raise

    async def main():
        call = asyncio.ensure_future(Shards('index', [never] * 3, 'ALL')(Batch(), Context('/')))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(0)

    asyncio.run(main())
    assert ended == [True] * 3


def test_results_that_are_no_documents_are_united():
    def says(number):
        async def handler(batch, context):
            return Batch(batch.docs, {**batch.parameters, RESULTS: {f'index/{number}': {'n': number}}})

        return handler

    reply = post(Shards('index', [says(0), says(1)], 'ALL'), parameters={'a': 1})
    assert reply.parameters == {'a': 1, RESULTS: {'index/0': {'n': 0}, 'index/1': {'n': 1}}}


def test_parameters_that_nobody_changes_stay_the_same_object():
    parameters = {'a': 1}
    for polling in ('ANY', 'ALL', 'KEY'):
        assert post(shards(polling)[0], named(*NAMES), parameters).parameters is parameters


def test_a_single_shard_with_nothing_around_it_is_itself():
    shard = Shard(0)
    assert assembled(ExecutorSpec(name='index'), None, [shard]) is shard


def test_what_comes_before_is_asked_first():
    async def before(batch, context):
        return Batch(DocumentArray(batch.docs[::-1]), batch.parameters)

    made = [Shard(0), Shard(1)]
    handler = assembled(ExecutorSpec(name='index', polling='ALL'), None, made, before)
    assert post(handler, named('a', 'b')).docs.id == ['b', 'a']
    assert made[1].seen == [['b', 'a']]


def test_what_comes_after_gets_the_documents_of_each_shard():
    async def after(batch, context):
        tags = [{name: list(payload.docs()[0].tags)} for name, payload in batch.sources]
        return Batch(DocumentArray([Document(tags={'all': tags})]), batch.parameters)

    made = [Shard(0), Shard(1)]
    handler = assembled(ExecutorSpec(name='index', polling='ALL'), None, made, None, after)
    assert post(handler, named('a')).docs[0].tags == {
        'all': [{'index/shard-0': ['shard 0']}, {'index/shard-1': ['shard 1']}]
    }


def test_what_passes_through_after_is_merged_all_the_same():
    async def after(batch, context):
        return batch

    spec = ExecutorSpec(name='index', polling={'/all': 'ALL', '/key': 'KEY'})
    handler = assembled(spec, None, [Shard(0), Shard(1)], None, after)
    assert post(handler, named('a'), endpoint='/all').docs[0].tags == {'shard 0': True, 'shard 1': True}
    assert post(handler, named(*NAMES), endpoint='/key').docs.id == NAMES


def test_no_reduce_gives_the_documents_of_one_shard_after_the_other():
    spec = ExecutorSpec(name='index', polling='ALL', no_reduce=True)
    reply = post(assembled(spec, None, [Shard(0), Shard(1)]), named('a', 'b'))
    assert [(doc.id, *doc.tags) for doc in reply.docs] == [
        ('a', 'shard 0'),
        ('b', 'shard 0'),
        ('a', 'shard 1'),
        ('b', 'shard 1'),
    ]


def test_a_shard_that_fails_is_told_once_and_told_when_it_is_back(caplog):
    handler, made = shards('ALL', None, Unavailable('gone'))
    with caplog.at_level('WARNING'):
        for _ in range(3):
            post(handler, named('a'))
        [line] = caplog.messages
        assert line == "shard 1 of 3 of executor 'index' does not answer; replies go out without it: gone"
        made[1].error = None
        for _ in range(3):
            post(handler, named('a'))
        assert len(caplog.messages) == 2
        assert caplog.messages[1].startswith("shard 1 of executor 'index' answers again")


def test_a_shard_that_comes_and_goes_does_not_fill_the_log(caplog):
    handler, made = shards('ALL', None, Unavailable('gone'))
    with caplog.at_level('WARNING'):
        for turn in range(10):
            made[1].error = Unavailable('gone') if turn % 2 == 0 else None
            post(handler, named('a'))
    assert len(caplog.messages) == 2

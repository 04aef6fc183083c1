"""Answers in parts of replicas and shards: who gives them, when another is asked, and what a loss costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import Document, DocumentArray
from headrace.documents.schema import schema_of
from headrace.errors import Cancelled, ExecutorFailure, RequestError, Unavailable
from headrace.pipeline import Batch, Context
from headrace.pipeline.assembly import assembled
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.replicas import Replicas
from headrace.pipeline.ring import shards_of
from headrace.pipeline.shards import Shards
from headrace.spec import ExecutorSpec

SCHEMA = schema_of(Document)
INFO = ExecutorInfo(
    'talker',
    (
        EndpointInfo('/talk', 'stream', SCHEMA, SCHEMA),
        EndpointInfo('/write', 'stream', SCHEMA, SCHEMA, idempotent=False),
        EndpointInfo('/all', 'stream', SCHEMA, SCHEMA, all_shards=True),
    ),
)


class Talker:
    """A replica that says its key so many times for each document, and then raises `error`, if any."""

    def __init__(self, key: str, count: int = 2, error: Exception | None = None) -> None:
        self.key = key
        self.count = count
        self.error = error
        self.calls = self.made = self.closed = 0

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        found = [doc async for part in self.stream(batch, context) for doc in part.docs]
        return Batch(DocumentArray(found), batch.parameters)

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        self.calls += 1
        try:
            for doc in batch.docs:
                for number in range(self.count):
                    await asyncio.sleep(0)
                    context.check()
                    self.made += 1
                    yield Batch(DocumentArray([Document(text=f'{doc.text}{self.key}{number}')]))
            if self.error is not None:
                raise self.error
        finally:
            self.closed += 1


def batch(*texts: str) -> Batch:
    return Batch(DocumentArray([Document(id=f'id-{text}', text=text) for text in texts]))


def replicas(*talkers: Talker, retries: int = 3, window: int | None = None) -> Replicas:
    made = Replicas('talker', info=INFO, retries=retries)
    if window is not None:
        made._roster._window = window
    for talker in talkers:
        made.add(talker.key, talker)
    return made


async def said(handler: Replicas | Shards, *texts: str, on: str = '/talk') -> list[str]:
    seen: list[str] = []
    async with aclosing(handler.stream(batch(*texts), Context(on))) as parts:
        async for part in parts:
            seen += part.docs.texts
    return seen


async def test_streams_are_balanced_and_counted_until_their_end() -> None:
    a, b = Talker('a', 100), Talker('b', 100)
    both = replicas(a, b)
    streams = [both.stream(batch('x'), Context('/talk')) for _ in range(4)]
    for stream in streams:
        await anext(stream)
    assert (a.calls, b.calls, both.outstanding) == (2, 2, 4)
    await streams[0].aclose()
    assert (a.closed + b.closed, both.outstanding) == (1, 3)
    for stream in streams:
        await stream.aclose()
    assert (a.closed + b.closed, both.outstanding) == (4, 0)
    assert await said(both, 'x') in ([f'xa{n}' for n in range(100)], [f'xb{n}' for n in range(100)])
    assert both.outstanding == 0


async def test_before_the_first_part_another_is_asked() -> None:
    lost, well = Talker('a', 0, Unavailable('lost')), Talker('b')
    assert await said(replicas(lost, well), 'x') == ['xb0', 'xb1']
    assert (lost.calls, well.calls) == (1, 1)


async def test_after_the_first_part_nobody_else_is_asked() -> None:
    lost, well = Talker('a', 1, Unavailable('lost at sea')), Talker('b')
    both = replicas(lost, well)
    seen = []
    with pytest.raises(Unavailable, match=r'lost at sea \(request .*, not sent again: a part of its answer'):
        async for part in both.stream(batch('x'), Context('/talk')):
            seen += part.docs.texts
    assert seen == ['xa0']
    assert (well.calls, both.outstanding) == (0, 0)


async def test_what_may_not_run_twice_is_not_begun_again() -> None:
    lost, well = Talker('a', 0, Unavailable('lost')), Talker('b')
    with pytest.raises(Unavailable, match='is not idempotent'):
        await said(replicas(lost, well), 'x', on='/write')
    assert well.calls == 0
    turned_away = Talker('a', 0, Unavailable('not here', begun=False))
    assert await said(replicas(turned_away, well), 'x', on='/write') == ['xb0', 'xb1']


async def test_what_an_executor_says_itself_is_its_answer() -> None:
    error = Unavailable('closed today')
    error.answered = True
    one, other = Talker('a', 0, error), Talker('b')
    with pytest.raises(Unavailable, match='closed today'):
        await said(replicas(one, other), 'x')
    assert other.calls == 0
    with pytest.raises(ExecutorFailure):
        await said(replicas(Talker('a', 1, ExecutorFailure('bug')), Talker('b')), 'x')


async def test_tries_have_an_end() -> None:
    talkers = [Talker(key, 0, Unavailable('lost')) for key in 'abcdef']
    with pytest.raises(Unavailable, match=r'lost \(request .*, tried 2 times\)'):
        await said(replicas(*talkers, retries=1), 'x')
    assert sum(talker.calls for talker in talkers) == 2
    with pytest.raises(ExecutorFailure, match='3 processes died'):
        await said(replicas(*talkers, retries=9), 'x')


async def test_one_that_is_full_lets_a_stream_wait_for_its_turn() -> None:
    talker = Talker('a', 100)
    one = replicas(talker, window=1)
    one.add('a', talker)
    first = one.stream(batch('x'), Context('/talk'))
    await anext(first)
    second = one.stream(batch('y'), Context('/talk'))
    waiting = asyncio.ensure_future(anext(second))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (one.waiting, talker.calls) == (1, 1)
    await first.aclose()
    assert (await waiting).docs.texts == ['ya0']
    await second.aclose()
    assert (one.waiting, one.outstanding) == (0, 0)


async def test_a_removed_replica_is_waited_for() -> None:
    one = replicas(Talker('a', 100))
    stream = one.stream(batch('x'), Context('/talk'))
    await anext(stream)
    ended = asyncio.ensure_future(one.remove('a'))
    await asyncio.sleep(0)
    assert not ended.done()
    await stream.aclose()
    await asyncio.wait_for(ended, 5)


async def test_a_cancelled_one_is_no_fault_of_the_replica() -> None:
    one, context = replicas(Talker('a', 100)), Context('/talk')
    with pytest.raises(Cancelled):
        async for _ in one.stream(batch('x'), context):
            context.cancel()
    assert repr(one) == '<Replicas of talker, 0 waiting: a healthy, 0 of 128>'


@given(
    plan=st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.booleans()), min_size=1, max_size=5),
    retries=st.integers(0, 5),
)
def test_a_caller_has_a_prefix_of_one_answer_and_then_the_rest_or_an_error(
    plan: list[tuple[int, bool, bool]], retries: int
) -> None:
    """Each replica gives some parts, and then may be lost, having begun or not."""

    async def run() -> None:
        talkers = []
        for number, (count, is_lost, begun) in enumerate(plan):
            error = Unavailable('lost', begun=begun or count > 0) if is_lost else None
            talkers.append(Talker(f'{number}-', count if is_lost else 3, error))
        all_of_it = replicas(*talkers, retries=retries)
        seen: list[str] = []
        failed = False
        try:
            async for part in all_of_it.stream(batch('x'), Context('/talk')):
                seen += part.docs.texts
        except (Unavailable, ExecutorFailure):
            failed = True
        owners = {text[:3] for text in seen}
        assert len(owners) <= 1
        assert seen == [f'{owner}{n}' for n in range(len(seen)) for owner in owners]
        assert failed or len(seen) == 3
        assert all_of_it.outstanding == 0
        assert all_of_it.waiting == 0
        assert all(talker.closed == talker.calls for talker in talkers)
        if seen:
            assert sum(talker.made > 0 for talker in talkers) == 1

    asyncio.run(run())


# --- shards


async def test_any_shard_gives_all_of_it() -> None:
    shards = Shards('talker', [Talker('a'), Talker('b')], 'ANY', info=INFO)
    assert await said(shards, 'x') in (['xa0', 'xa1'], ['xb0', 'xb1'])
    lost = Talker('a', 0, Unavailable('lost'))
    shards = Shards('talker', [lost, Talker('b')], 'ANY', info=INFO)
    assert [await said(shards, 'x') for _ in range(3)] == [['xb0', 'xb1']] * 3
    cut = Shards('talker', [Talker('a', 1, Unavailable('lost'))], 'ANY', info=INFO)
    with pytest.raises(Unavailable):
        await said(cut, 'x')
    assert cut.outstanding == [0]


async def test_of_all_shards_parts_come_as_they_are_made() -> None:
    shards = Shards('talker', [Talker('a'), Talker('b'), Talker('c')], 'ALL', info=INFO)
    seen = await said(shards, 'x')
    assert sorted(seen) == ['xa0', 'xa1', 'xb0', 'xb1', 'xc0', 'xc1']
    assert all(seen.index(f'x{key}0') < seen.index(f'x{key}1') for key in 'abc')
    assert shards.outstanding == [0, 0, 0]


async def test_by_key_each_document_visits_its_shard() -> None:
    texts = list('rstuvwxyz')
    shards = Shards('talker', [Talker('0-'), Talker('1-')], 'KEY', info=INFO)
    owners = shards_of([f'id-{text}' for text in texts], 2)
    expected = [f'{text}{owner}-{n}' for text, owner in zip(texts, owners, strict=True) for n in (0, 1)]
    assert sorted(await said(shards, *texts)) == sorted(expected)


async def test_a_shard_that_fails_is_told_in_the_end() -> None:
    lost, well = Talker('a', 1, Unavailable('lost')), Talker('b', 3)
    shards = Shards('talker', [lost, well], 'ALL', info=INFO)
    parts = [part async for part in shards.stream(batch('x'), Context('/talk'))]
    assert sorted(text for part in parts for text in part.docs.texts) == ['xa0', 'xb0', 'xb1', 'xb2']
    assert parts[-1].parameters['__shards__'] == {'talker': {'answered': 1, 'of': 2, 'failed': {'0': 'lost'}}}
    with pytest.raises(Unavailable, match="shard 0 of executor 'talker' failed, and '/all' needs all"):
        await said(shards, 'x', on='/all')
    with pytest.raises(Unavailable, match='none of 2 shards'):
        await said(Shards('talker', [lost, lost], 'ALL', info=INFO), 'x')
    with pytest.raises(RequestError):
        await said(Shards('talker', [Talker('a', 0, RequestError('bad')), well], 'ALL', info=INFO), 'x')


async def test_by_key_the_documents_that_were_lost_are_named() -> None:
    texts = list('rstuvwxyz')
    owners = dict(zip(texts, shards_of([f'id-{text}' for text in texts], 2), strict=True))
    shards = Shards('talker', [Talker('a', 0, Unavailable('lost')), Talker('b', 1)], 'KEY', info=INFO)
    parts = [part async for part in shards.stream(batch(*texts), Context('/talk'))]
    errors = parts[-1].parameters['__errors__']
    assert set(errors) == {f'id-{text}' for text in texts if owners[text] == 0}


async def test_leaving_ends_every_shard() -> None:
    talkers = [Talker('a', 1000), Talker('b', 1000)]
    shards = Shards('talker', talkers, 'ALL', info=INFO)
    async with aclosing(shards.stream(batch('x'), Context('/talk'))) as parts:
        await anext(parts)
    assert [talker.closed for talker in talkers] == [1, 1]
    assert all(talker.made < 10 for talker in talkers)
    assert shards.outstanding == [0, 0]


async def test_before_and_after_the_shards() -> None:
    async def loud(batch: Batch, context: Context) -> Batch:
        return Batch(DocumentArray([Document(text=text.upper()) for text in batch.docs.texts]))

    spec = ExecutorSpec(name='talker', uses='Talker', shards=2, polling='ALL')
    handler = assembled(spec, INFO, [Talker('a', 1), Talker('b', 1)], loud, loud)
    seen = []
    async for part in handler.stream(batch('x'), Context('/talk')):  # type: ignore[attr-defined]
        seen += part.docs.texts
    assert sorted(seen) == ['XA0', 'XB0']

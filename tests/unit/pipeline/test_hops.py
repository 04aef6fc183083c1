"""Where the time of a request went: what every way through a graph notes of its visits, and their stages."""

import asyncio
import threading
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import DocumentArray, Executor, dynamic_batching, requests
from headrace.documents import DocList, Document
from headrace.errors import HeadraceError, RequestError, Unavailable
from headrace.executors import close, serve
from headrace.pipeline import Batch, Context, Graph, Node
from headrace.pipeline.hops import Hop, Timing, divided, outside_s
from headrace.pipeline.replicas import Replicas
from headrace.pipeline.shards import Shards


class Worker(Executor):
    @requests(on='/plain')
    def plain(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text = 'seen'

    @requests(on='/async')
    async def coroutine(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text = 'seen'

    @dynamic_batching(preferred_batch_size=8, max_wait_ms=50)
    @requests(on='/batched')
    def batched(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text = 'seen'

    @requests(on='/broken')
    def broken(self, docs: DocumentArray, **kwargs):
        raise ValueError('no')

    @requests(on='/async-broken')
    async def broken_coroutine(self, docs: DocumentArray, **kwargs):
        raise ValueError('no')

    @dynamic_batching(preferred_batch_size=8, max_wait_ms=50)
    @requests(on='/batched-broken')
    def broken_batch(self, docs: DocumentArray, **kwargs):
        raise ValueError('no')

    @requests(on='/refused')
    def refused(self, docs: DocumentArray, **kwargs):
        raise RequestError('not these')

    @requests(on='/absent')
    def absent(self, docs: DocumentArray, **kwargs):
        raise Unavailable('not now')

    @requests(on='/wrong')
    async def wrong(self, docs: DocumentArray, **kwargs):
        return 7

    @requests(on='/stuck')
    async def stuck(self, docs: DocumentArray, **kwargs):
        await asyncio.Event().wait()

    @requests(on='/parts')
    async def parts(self, doc: Document, **kwargs):
        yield doc
        raise ValueError('no')


@pytest.fixture
async def executor():
    made = Worker()
    yield made
    await close(made)


def observed(endpoint):
    context = Context(endpoint)
    context.hops = []
    return context


def docs(count=1):
    return Batch(DocList([Document(text='new') for _ in range(count)]))


@pytest.mark.parametrize('endpoint', ['/plain', '/async', '/batched'])
async def test_each_visit_says_how_long_the_handler_took(executor, endpoint):
    graph = Graph([Node('first', serve(executor)), Node('second', serve(executor), ('first',))])
    context = observed(endpoint)

    await graph(docs(3), context)

    assert [hop.executor for hop in context.hops] == ['first', 'second']
    for hop in context.hops:
        assert hop.error == ''
        assert hop.timing is not None
        assert hop.timing.documents == 3
        assert hop.timing.handler_s > 0
        assert hop.timing.batch_s <= hop.timing.queue_s
        assert hop.timing.queue_s + hop.timing.handler_s <= hop.took_s
    assert context.hops[0].begun + context.hops[0].took_s <= context.hops[1].begun


async def test_requests_that_share_a_batch_say_so(executor):
    graph = Graph([Node('only', serve(executor))])
    contexts = [observed('/batched') for _ in range(4)]

    await asyncio.gather(*(graph(docs(2), context) for context in contexts))

    assert {context.hops[0].timing.documents for context in contexts} == {8}


async def test_nobody_pays_who_does_not_ask(executor):
    context = Context('/plain')

    await Graph([Node('only', serve(executor))])(docs(), context)

    assert context.hops is None


@pytest.mark.parametrize('is_chain', [True, False])
async def test_a_failed_visit_names_its_error(executor, is_chain):
    nodes = [Node('bad', serve(executor))]
    if not is_chain:
        nodes += [Node('other', serve(executor)), Node('end', serve(executor), ('bad', 'other'))]
    context = observed('/broken')

    with pytest.raises(HeadraceError):
        await Graph(nodes)(docs(), context)

    assert {hop.error for hop in context.hops} <= {'ExecutorFailure', 'Cancelled'}
    assert 'ExecutorFailure' in {hop.error for hop in context.hops}


FAILING = ['/broken', '/async-broken', '/batched-broken', '/refused', '/absent', '/wrong']


@pytest.mark.parametrize('endpoint', FAILING)
@pytest.mark.parametrize('is_shared', [False, True])
async def test_a_failed_visit_says_where_its_time_went_and_at_whom(executor, endpoint, is_shared):
    replicas = Replicas('only')
    replicas.add('only/rep-0', serve(executor))
    handler = Shards('only', [replicas, replicas], 'ALL') if is_shared else replicas
    context = observed(endpoint)

    with pytest.raises(HeadraceError):
        await Graph([Node('only', handler)])(docs(3), context)

    [hop] = context.hops
    assert hop.error
    timing = hop.timing
    assert (timing.replica, timing.attempts) == ('only/rep-0', 1)
    assert timing.documents == (1 if endpoint == '/batched-broken' else 3)  # one at last: who fails is found
    assert timing.handler_s > 0
    assert timing.batch_s <= timing.queue_s
    assert timing.queue_s + timing.handler_s <= hop.took_s


async def test_each_request_of_a_batch_that_fails_has_a_timing_of_its_own(executor):
    graph = Graph([Node('only', serve(executor))])
    contexts = [observed('/batched-broken') for _ in range(4)]

    outcomes = await asyncio.gather(*(graph(docs(2), each) for each in contexts), return_exceptions=True)

    assert len({id(error) for error in outcomes}) == 4
    timings = [context.hops[0].timing for context in contexts]
    assert len({id(timing) for timing in timings}) == 4
    assert all(timing.handler_s > 0 for timing in timings)


async def test_a_request_whose_time_ends_says_where_it_was(executor):
    context = Context.within('/stuck', 0.5)
    context.hops = []

    with pytest.raises(HeadraceError):
        await Graph([Node('only', serve(executor))])(docs(), context)

    [hop] = context.hops
    assert 0 < hop.timing.handler_s <= hop.took_s


async def test_one_that_never_had_its_turn_has_waited():
    began, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    class Busy(Executor):
        @requests(on='/busy')
        def busy(self, **kwargs):
            loop.call_soon_threadsafe(began.set)
            go_on.wait(30)

        @requests(on='/next')
        def next(self, **kwargs):
            pass

        @dynamic_batching(preferred_batch_size=1)
        @requests(on='/gathered')
        def gathered(self, docs: DocumentArray, **kwargs):
            pass

    made = Busy()
    served = serve(made)
    first = asyncio.create_task(served(docs(), Context('/busy')))
    await began.wait()
    try:
        for endpoint in ('/next', '/gathered'):
            context = Context.within(endpoint, 0.5)
            context.hops = []
            with pytest.raises(HeadraceError):
                await Graph([Node('only', served)])(docs(), context)
            [hop] = context.hops
            assert 0 < hop.timing.queue_s <= hop.took_s
            assert hop.timing.handler_s == 0
    finally:
        go_on.set()
        await first
        await close(made)


async def test_a_stream_that_fails_says_how_long_it_was_at_work(executor):
    context = observed('/parts')

    with pytest.raises(HeadraceError):
        async with aclosing(Graph([Node('only', serve(executor))]).stream(docs(), context)) as parts:
            async for _ in parts:
                pass

    assert context.hops[0].timing.handler_s > 0


async def test_the_replica_that_answered_is_named(executor):
    replicas = Replicas('only')
    replicas.add('only/rep-0', serve(executor))
    context = observed('/plain')

    await Graph([Node('only', replicas)])(docs(), context)

    timing = context.hops[0].timing
    assert (timing.replica, timing.attempts) == ('only/rep-0', 1)


async def test_of_several_shards_the_slowest_counts(executor):
    shards = Shards('only', [serve(executor), serve(executor)], 'ALL')
    context = observed('/plain')

    await Graph([Node('only', shards)])(docs(), context)

    assert len(context.hops) == 1
    assert context.hops[0].timing.handler_s > 0


seconds = st.floats(0, 10)


@st.composite
def hops(draw):
    queue, handler, way = draw(seconds), draw(seconds), draw(seconds)
    batch = draw(st.floats(0, 1)) * queue
    timing = Timing(queue_s=queue, batch_s=batch, handler_s=handler, documents=1)
    return Hop(draw(st.sampled_from('abc')), draw(seconds), queue + handler + way, timing)


@given(hops())
def test_the_stages_of_a_visit_add_up_to_all_that_it_took(hop):
    assert sum(divided(hop)) == pytest.approx(hop.took_s)
    assert min(divided(hop)) >= 0


def test_a_visit_that_nobody_timed_is_all_way():
    assert divided(Hop('a', 1.0, 0.5)) == (0.0, 0.0, 0.0, 0.5)


@given(st.lists(hops(), max_size=5), st.floats(0, 100))
def test_what_no_executor_took_is_the_gateways(found, took_s):
    own_s = outside_s(took_s, found)

    assert 0 <= own_s <= took_s
    assert own_s <= max(0.0, took_s - max((hop.took_s for hop in found), default=0.0)) + 1e-9
    assert own_s >= took_s - sum(hop.took_s for hop in found) - 1e-9

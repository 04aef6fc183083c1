import asyncio
import itertools

import pytest
from handlers import says
from hypothesis import given
from hypothesis import strategies as st

from headrace import Document, DocumentArray
from headrace.documents.schema import schema_of
from headrace.errors import Cancelled, DeadlineExceeded, EndpointNotFound, RequestError
from headrace.pipeline import Batch, Context, Graph, Node
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.node import REQUEST
from headrace.pipeline.paths import paths
from headrace.pipeline.reports import RESULTS


def answers(name, *endpoints):
    schema = schema_of(Document)
    return ExecutorInfo(name, tuple(EndpointInfo(each, 'docs', schema, schema) for each in endpoints))


def run(graph, batch=None, endpoint='/', **fields):
    batch = Batch(DocumentArray.empty(2)) if batch is None else batch
    return asyncio.run(graph(batch, Context(endpoint, **fields)))


def test_a_chain_runs_in_order():
    graph = Graph([Node('a', says('a')), Node('b', says('b'), ['a']), Node('c', says('c'), ['b'])])
    assert run(graph).docs.texts == ['abc', 'abc']


def test_branches_do_not_see_each_others_changes_and_join_by_id():
    async def left(batch, context):
        for doc in batch.docs:
            doc.tags['left'] = doc.text
            doc.text = 'changed by left'
        return batch

    async def right(batch, context):
        for doc in batch.docs:
            doc.uri = f'right saw {doc.text!r}'
        return batch

    graph = Graph(
        [
            Node('start', says('s')),
            Node('l', left, ['start']),
            Node('r', right, ['start']),
            Node('j', None, ['l', 'r']),
        ]
    )
    docs = run(graph).docs
    assert [doc.uri for doc in docs] == ["right saw 's'"] * 2
    assert [doc.tags for doc in docs] == [{'left': 's'}] * 2
    assert docs.texts == ['changed by left'] * 2


def test_branches_run_at_the_same_time():
    both = asyncio.Barrier(2)

    async def meet(batch, context):
        async with asyncio.timeout(10):
            await both.wait()
        return batch

    run(Graph([Node('a', meet), Node('b', meet), Node('j', None, ['a', 'b'])]))


def test_a_join_keeps_each_branch_by_name():
    seen = {}

    async def look(batch, context):
        seen.update({name: payload.docs().texts for name, payload in batch.sources})
        return batch

    run(Graph([Node('a', says('a')), Node('b', says('b')), Node('look', look, ['a', 'b'])]))
    assert seen == {'a': ['a', 'a'], 'b': ['b', 'b']}


def test_results_that_are_no_documents_are_united():
    def result(name):
        async def handler(batch, context):
            return Batch(batch.docs, {**batch.parameters, RESULTS: {name: {'n': len(batch.docs)}}})

        return handler

    graph = Graph([Node('a', result('a')), Node('b', result('b')), Node('j', None, ['a', 'b'])])
    reply = run(graph, Batch(DocumentArray.empty(3), {'k': 1}))
    assert reply.parameters == {'k': 1, RESULTS: {'a': {'n': 3}, 'b': {'n': 3}}}


def test_a_node_without_the_endpoint_is_skipped():
    graph = Graph(
        [
            Node('a', says('a'), info=answers('a', '/x')),
            Node('b', says('b'), ['a'], answers('b', '/y', '/default')),
        ]
    )
    assert run(graph, endpoint='/x').docs.texts == ['ab', 'ab']
    assert run(graph, endpoint='/y').docs.texts == ['b', 'b']


def test_an_endpoint_that_nobody_serves_is_an_error_that_helps():
    graph = Graph([Node('a', says('a'), info=answers('a', '/search', '/index'))])
    with pytest.raises(EndpointNotFound, match="did you mean '/search'.*/index, /search"):
        run(graph, endpoint='/serach')


def test_a_target_selects_executors_by_name():
    graph = Graph([Node('enc1', says('1')), Node('enc2', says('2'), ['enc1'])])
    assert run(graph, target='enc2').docs.texts == ['2', '2']
    with pytest.raises(RequestError, match='enc1, enc2'):
        run(graph, target='nobody')


@pytest.mark.parametrize('target', ['(', 'a{99999999999}', '(.*)*!', '.?' * 60 + '!', 'x' * 1_000_000])
def test_a_target_that_is_no_pattern_or_would_take_for_ever_is_refused(target):
    graph = Graph([Node('encoder', says('1'))])
    with pytest.raises(RequestError, match='regular expression') as refused:
        run(graph, target=target)
    assert len(str(refused.value)) < 1000


def test_an_endpoint_beyond_all_measure_is_neither_looked_for_nor_told_nor_remembered():
    for info in (None, answers('a', '/search')):
        with pytest.raises(RequestError, match='1000001 characters') as refused:
            run(Graph([Node('a', says('a'), info=info)]), endpoint='/' + 'x' * 1_000_000)
        assert len(str(refused.value)) < 1000


def test_an_empty_graph_gives_back_what_it_gets():
    assert len(run(Graph([]))) == 2


@pytest.mark.parametrize('shape', ['chain', 'branches'])
def test_an_error_ends_the_request_as_itself(shape):
    async def fail(batch, context):
        raise RequestError('bad weather')

    stuck = asyncio.Event()

    async def wait(batch, context):
        await stuck.wait()

    nodes = [Node('fail', fail)] if shape == 'chain' else [Node('fail', fail), Node('wait', wait)]
    with pytest.raises(RequestError, match='bad weather'):
        run(Graph(nodes))


def test_nothing_starts_after_the_deadline_or_a_cancel():
    reached = []

    async def late(batch, context):
        reached.append('late')
        return batch

    async def leave(batch, context):
        context.cancel()
        return batch

    with pytest.raises(Cancelled):
        run(Graph([Node('a', leave), Node('b', late, ['a'])]))
    with pytest.raises(DeadlineExceeded):
        run(Graph([Node('b', late)]), deadline=0.0)
    assert reached == []


@given(
    st.integers(1, 7).flatmap(
        lambda n: st.lists(st.sets(st.integers(0, 6), max_size=3), min_size=n, max_size=n)
    )
)
def test_in_any_graph_every_node_sees_the_work_of_all_its_ancestors(needs):
    """Node i needs some of the nodes before it; each adds its number to the tags."""

    def marks(number):
        async def handler(batch, context):
            for doc in batch.docs:
                doc.tags[str(number)] = True
            return batch

        return handler

    edges = [sorted({n % i for n in each}) if i else [] for i, each in enumerate(needs)]
    nodes = [Node(f'n{i}', marks(i), [f'n{n}' for n in each] or [REQUEST]) for i, each in enumerate(edges)]
    ancestors: list[set[int]] = []
    for i, each in enumerate(edges):
        ancestors.append({i}.union(*(ancestors[n] for n in each)))
    ends = [i for i in range(len(nodes)) if not any(i in each for each in edges)]
    docs = run(Graph(nodes)).docs
    expected = {str(n) for end in ends for n in ancestors[end]}
    for doc in docs:
        assert set(doc.tags) == expected


dags = st.lists(st.sets(st.integers(0, 9), max_size=3), min_size=1, max_size=10).map(
    lambda needs: [
        Node(f'n{i}', says(''), [f'n{n}' for n in sorted({n % i for n in each})] if i and each else [REQUEST])
        for i, each in enumerate(needs)
    ]
)


@given(dags)
def test_every_node_is_on_one_path_behind_one_that_it_needs(nodes):
    found = paths(nodes)
    assert sorted(node.name for path in found for node in path) == sorted(node.name for node in nodes)
    for path in found:
        for before, node in itertools.pairwise(path):
            assert before.name in node.needs
    assert found[-1][-1] is nodes[-1]


@pytest.mark.parametrize('joined', [True, False])
def test_sixteen_branches_run_at_the_same_time(joined):
    all_of_them = asyncio.Barrier(16)

    async def meet(batch, context):
        async with asyncio.timeout(10):
            await all_of_them.wait()
        return batch

    nodes = [Node(f'n{number}', meet) for number in range(16)]
    join = [Node('join', None, [node.name for node in nodes])] if joined else []
    assert len(run(Graph([*nodes, *join])).docs) == 2


def test_one_branch_that_fails_ends_the_others():
    ended = []

    async def wait(batch, context):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def fail(batch, context):
        await asyncio.sleep(0)
        raise RequestError('bad weather')

    for nodes in ([Node('w', wait), Node('f', fail)], [Node('f', fail), Node('w', wait)]):
        with pytest.raises(RequestError, match='bad weather'):
            run(Graph([*nodes, Node('j', None, ['w', 'f'])]))
    assert ended == [True, True]


async def test_who_cancels_a_request_ends_its_branches_and_is_told_so():
    began = asyncio.Barrier(3)
    ended = []

    async def wait(batch, context):
        try:
            await began.wait()
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    graph = Graph([Node('a', wait), Node('b', wait), Node('j', None, ['a', 'b'])])
    task = asyncio.ensure_future(graph(Batch(DocumentArray.empty(1)), Context('/')))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True, True]

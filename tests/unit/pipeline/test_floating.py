"""Floating nodes: the answer does not wait; what they do is bounded, has its own time, and is finished."""

from __future__ import annotations

import asyncio
import logging

import pytest
from handlers import says

from headrace import Document, DocumentArray
from headrace.errors import RequestError
from headrace.pipeline import Batch, Context, Graph, Node
from headrace.pipeline.condition import Condition
from headrace.pipeline.floating import Floating


class Slow:
    """A handler that waits until it may go on; `done` has the texts that it worked on."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.done: list[list[str]] = []
        self.contexts: list[Context] = []

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self.contexts.append(context)
        await self.go.wait()
        await says('~')(batch, context)
        self.done.append(batch.docs.texts)
        return batch


def docs(*texts: str) -> Batch:
    return Batch(DocumentArray([Document(text) for text in texts]))


async def test_the_answer_does_not_wait_and_does_not_show_what_a_floating_node_does() -> None:
    slow = Slow()
    graph = Graph(
        [
            Node('a', says('a')),
            Node('aside', slow, ['a'], floating=True),
            Node('b', says('b'), ['a']),
        ]
    )
    answer = await graph(docs(''), Context('/'))
    assert answer.docs.texts == ['ab']
    assert slow.done == []
    slow.go.set()
    await graph.close(10)
    assert slow.done == [['a~']], 'it works on what its predecessor gave'
    assert answer.docs.texts == ['ab']


async def test_a_flow_of_floating_nodes_alone_answers_with_the_request() -> None:
    slow = Slow()
    graph = Graph([Node('aside', slow, floating=True)])
    assert (await graph(docs('x'), Context('/'))).docs.texts == ['x']
    slow.go.set()
    await graph.close(10)
    assert slow.done == [['x~']]


async def test_floating_nodes_follow_each_other_and_may_join() -> None:
    slow = Slow()
    slow.go.set()
    graph = Graph(
        [
            Node('a', says('a')),
            Node('b', says('b')),
            Node('f', says('f'), ['a'], floating=True),
            Node('g', slow, ['f', 'b'], floating=True, no_reduce=True),
            Node('j', None, ['a', 'b']),
        ]
    )
    answer = await graph(docs(''), Context('/'))
    await graph.close(10)
    assert slow.done == [['af~', 'b~']]
    assert answer.docs.texts == ['a']


async def test_it_goes_on_when_the_client_leaves_or_its_time_is_over() -> None:
    slow = Slow()
    graph = Graph([Node('aside', slow, floating=True), Node('a', says('a'))])
    context = Context.within('/', 0.2, request_id='r1', client='someone')
    await graph(docs(''), context)
    await asyncio.sleep(0)
    context.cancel()
    (own,) = slow.contexts
    assert own is not context
    assert not own.cancelled
    assert own.request_id == 'r1'
    left_s = own.left_s()
    assert left_s is not None
    assert left_s > 100
    slow.go.set()
    await graph.close(10)
    assert slow.done == [['~']]


async def test_its_work_has_a_time_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    graph = Graph([Node('aside', slow, floating=True)], floating_timeout_s=0.05)
    await graph(docs(''), Context('/', request_id='r1'))
    with caplog.at_level(logging.ERROR):
        await graph.close(10)
    assert slow.done == []
    assert slow.contexts[0].cancelled
    assert "request r1: floating executor 'aside' was not done after 0.05 s" in caplog.text


async def test_an_error_is_logged_and_concerns_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(batch: Batch, context: Context) -> Batch:
        raise RequestError('bad weather')

    slow = Slow()
    slow.go.set()
    nodes = [
        Node('bad', fail, floating=True),
        Node('after', slow, ['bad'], floating=True),
        Node('good', slow, floating=True),
    ]
    graph = Graph(nodes)
    with caplog.at_level(logging.ERROR):
        assert len(await graph(docs('x'), Context('/', request_id='r1'))) == 1
        await graph.close(10)
    assert slow.done == [['x~']], 'only the one that does not follow'
    assert "request r1: floating executor 'bad' failed: bad weather" in caplog.text


async def test_calls_under_way_are_bounded_and_more_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    graph = Graph([Node('aside', slow, floating=True, limit=3)])
    with caplog.at_level(logging.ERROR):
        for number in range(10):
            assert (await graph(docs(str(number)), Context('/'))).docs.texts == [str(number)]
        slow.go.set()
        await graph.close(10)
    assert sorted(slow.done) == [['0~'], ['1~'], ['2~']]
    told = [record.args for record in caplog.records]
    assert sum(args[1] for args in told if isinstance(args, tuple)) == 7, 'every refusal is counted'
    assert len(told) < 7, 'and not told one by one'


async def test_bytes_under_way_are_bounded() -> None:
    slow = Slow()
    floating = Floating([Node('aside', slow, floating=True)], max_bytes=1000)
    for text in ('x' * 600, 'y' * 600, 'z'):
        drift = floating.drift(Context('/'), frozenset(['aside']))
        drift.give('gateway', docs(text).shared())
    slow.go.set()
    await floating.close(10)
    assert [texts[0][0] for texts in slow.done] == ['x', 'z']


async def test_what_is_not_done_in_the_grace_is_ended_and_told(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    graph = Graph([Node('aside', slow, floating=True)])
    await graph(docs(''), Context('/'))
    with caplog.at_level(logging.ERROR):
        await graph.close(0.05)
    assert slow.done == []
    assert slow.contexts[0].cancelled
    assert '1 floating calls were cut off' in caplog.text


async def test_nothing_floats_behind_a_request_that_fails() -> None:
    async def fail(batch: Batch, context: Context) -> Batch:
        raise RequestError('bad weather')

    slow = Slow()
    slow.go.set()
    graph = Graph([Node('bad', fail), Node('aside', slow, ['bad'], floating=True)])
    with pytest.raises(RequestError):
        await graph(docs(''), Context('/'))
    await graph.close(10)
    assert slow.done == []


async def test_a_floating_node_may_have_a_condition() -> None:
    slow = Slow()
    slow.go.set()
    graph = Graph([Node('aside', slow, floating=True, when=Condition({'text': 'b'}))])
    await graph(docs('a', 'b', 'c'), Context('/'))
    await graph.close(10)
    assert slow.done == [['b~']]

"""Answers in parts through graphs: what runs once, what every part goes through, and what cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import turns

from headrace import Document, DocumentArray
from headrace.documents.schema import schema_of
from headrace.errors import Cancelled, EndpointNotFound, RequestError
from headrace.pipeline import Batch, Context, Graph, Node
from headrace.pipeline.condition import Condition
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.offer import offer

SCHEMA = schema_of(Document)
REQUEST = 'gateway'


def info(name: str, kind: str, on: str = '/go') -> ExecutorInfo:
    return ExecutorInfo(name, (EndpointInfo(on, kind, SCHEMA, SCHEMA),))  # type: ignore[arg-type]


class Word:
    """Adds its name to every text."""

    def __init__(self, name: str, wait: Callable[[int], int] = lambda number: 0) -> None:
        self.name = name
        self.calls = 0
        self.wait = wait

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        context.check()
        self.calls += 1
        for _ in range(self.wait(self.calls)):
            await asyncio.sleep(0)
        for doc in batch.docs:
            doc.text += self.name
        return batch


class Many:
    """Gives `count` parts for each document."""

    def __init__(self, name: str, count: int = 2) -> None:
        self.name = name
        self.count = count
        self.made = 0
        self.is_closed = False

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        found = [doc async for part in self.stream(batch, context) for doc in part.docs]
        return Batch(DocumentArray(found), batch.parameters)

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        try:
            for doc in batch.docs:
                for number in range(self.count):
                    self.made += 1
                    text = f'{doc.text}{self.name}{number}'
                    yield Batch(DocumentArray([Document(text=text, tags=doc.tags)]), batch.parameters)
                    await asyncio.sleep(0)
        finally:
            self.is_closed = True


def node(handler: Word | Many, *needs: str, **options: object) -> Node:
    kind = 'stream' if isinstance(handler, Many) else 'docs'
    return Node(handler.name, handler, needs or (REQUEST,), info(handler.name, kind), **options)  # type: ignore[arg-type]


def chain(*handlers: Word | Many) -> Graph:
    names = [REQUEST, *(handler.name for handler in handlers)]
    return Graph([node(handler, before) for handler, before in zip(handlers, names, strict=False)])


def batch(*texts: str) -> Batch:
    return Batch(DocumentArray([Document(text=text) for text in texts]))


async def said(graph: Graph, *texts: str, on: str = '/go', target: str = '') -> list[list[str]]:
    async with aclosing(graph.stream(batch(*texts), Context(on, target=target))) as parts:
        return [part.docs.texts async for part in parts]


async def test_before_it_once_and_behind_it_each_part() -> None:
    first, last = Word('a'), Word('c')
    assert await said(chain(first, Many('b'), last), 'x', 'y') == [['xab0c'], ['xab1c'], ['yab0c'], ['yab1c']]
    assert (first.calls, last.calls) == (1, 4)


async def test_a_second_one_makes_parts_of_each_part() -> None:
    graph = chain(Many('a'), Word('b'), Many('c'), Word('d'))
    assert await said(graph, 'x') == [['xa0bc0d'], ['xa0bc1d'], ['xa1bc0d'], ['xa1bc1d']]


async def test_nobody_answers_in_parts() -> None:
    assert await said(chain(Word('a'), Word('b')), 'x', 'y') == [['xab', 'yab']]
    assert await said(Graph([]), 'x') == [['x']]
    with pytest.raises(EndpointNotFound):
        await said(chain(Word('a')), 'x', on='/other')


@given(
    kinds=st.lists(st.sampled_from('wm'), min_size=1, max_size=5),
    texts=st.lists(st.sampled_from('xyz'), max_size=3),
    waits=st.lists(st.integers(0, 6), min_size=1, max_size=7),
)
def test_the_parts_together_are_the_whole_answer(
    kinds: Sequence[str], texts: Sequence[str], waits: Sequence[int]
) -> None:
    async def run() -> None:
        def handlers() -> list[Word | Many]:
            return [
                Word(f'[{n}]', lambda call: waits[call % len(waits)]) if kind == 'w' else Many(f'({n})')
                for n, kind in enumerate(kinds)
            ]

        parts = await said(chain(*handlers()), *texts)
        answer = await chain(*handlers())(batch(*texts), Context('/go'))
        assert [text for part in parts for text in part] == answer.docs.texts

    asyncio.run(run())


async def test_a_slow_reader_stops_what_makes_the_parts() -> None:
    many, behind = Many('b', 10_000), Word('c')
    async with aclosing(chain(many, behind).stream(batch('x'), Context('/go'))) as parts:
        await anext(parts)
        await turns(200)
        assert behind.calls <= 12
        assert many.made <= 14
    assert many.is_closed


async def test_a_cancelled_request_ends_the_parts_behind() -> None:
    class Stuck(Word):
        async def __call__(self, batch: Batch, context: Context) -> Batch:
            self.calls += 1
            future = asyncio.get_running_loop().create_future()
            context.on_cancel(lambda: future.done() or future.set_exception(Cancelled('left')))
            return await future  # type: ignore[no-any-return]

    many, stuck, context = Many('b', 10_000), Stuck('c'), Context('/go')
    async with aclosing(chain(many, stuck).stream(batch('x'), context)) as parts:
        waiting = asyncio.ensure_future(anext(parts))
        while stuck.calls < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
        context.cancel()
        with pytest.raises(Cancelled):
            await waiting
    assert many.is_closed


async def test_parts_leave_nothing_in_the_context() -> None:
    class Registers(Word):
        async def __call__(self, batch: Batch, context: Context) -> Batch:
            context.on_cancel(lambda: None)
            return batch

    context = Context('/go')
    async for _ in chain(Many('b', 500), Registers('c')).stream(batch('x'), context):
        pass
    assert len(context._callbacks or ()) < 5


async def test_results_without_documents_pass_those_behind() -> None:
    class Tells(Many):
        async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
            async for part in super().stream(batch, context):
                yield part
            yield Batch(DocumentArray(), {'__results__': {'b': {'n': self.made}}})

    behind = Word('c')
    parts = [part async for part in chain(Tells('b'), behind).stream(batch('x'), Context('/go'))]
    assert [part.docs.texts for part in parts] == [['xb0c'], ['xb1c'], []]
    assert parts[-1].parameters == {'__results__': {'b': {'n': 2}}}
    assert behind.calls == 2


async def test_a_join_before_it() -> None:
    graph = Graph(
        [
            node(Word('a')),
            node(Word('b'), 'a'),
            node(Word('c'), 'a'),
            Node('join', None, ('b', 'c')),
            node(Many('d'), 'join'),
            node(Word('e'), 'd'),
        ]
    )
    assert await said(graph, 'x') == [['xabd0e'], ['xabd1e']]  # of two states of one document the first wins


async def test_one_that_joins_gets_every_input() -> None:
    class Looks(Many):
        async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
            for name, payload in batch.sources:
                yield Batch(DocumentArray([Document(text=f'{name}:{payload.docs().texts}')]))

    graph = Graph([node(Word('a')), node(Word('b')), node(Looks('c'), 'a', 'b')])
    assert await said(graph, 'x') == [["a:['xa']"], ["b:['xb']"]]


async def test_branches_behind_it_are_refused() -> None:
    graph = Graph(
        [node(Many('a')), node(Word('b'), 'a'), node(Word('c'), 'a'), Node('join', None, ('b', 'c'))]
    )
    with pytest.raises(RequestError, match="'/go' cannot be streamed: .*'a' .* 'b' and 'c' work"):
        await said(graph, 'x')
    beside = Graph([node(Many('a')), node(Word('b')), Node('join', None, ('a', 'b'))])
    with pytest.raises(RequestError, match='side by side'):
        await said(beside, 'x')
    assert await said(beside, 'x', target='a') == [['xa0'], ['xa1']]  # nobody works on the other branch


async def test_conditions() -> None:
    when = Condition({'tags__lang': 'en'})
    given = Batch(
        DocumentArray(
            [Document(text='x', tags={'lang': 'en'}), Document(text='y', tags={'lang': 'de'})],
        )
    )
    graph = Graph([node(Many('a'), when=when), node(Word('b'), 'a', when=when)])
    parts = [part.docs.texts async for part in graph.stream(given, Context('/go'))]
    assert parts == [['y'], ['xa0b'], ['xa1b']]


async def test_floating_nodes_get_every_part() -> None:
    seen = []

    async def note(batch: Batch, context: Context) -> Batch:
        seen.append(batch.docs.texts)
        return batch

    graph = Graph(
        [
            node(Word('a')),
            node(Many('b'), 'a'),
            Node('first', note, ('a',), floating=True),
            Node('each', note, ('b',), floating=True),
        ]
    )
    assert await said(graph, 'x') == [['xab0'], ['xab1']]
    await graph.close(5)
    assert sorted(seen) == [['xa'], ['xab0'], ['xab1']]


async def test_an_error_of_a_part_comes_after_those_before_it() -> None:
    class Fails(Word):
        async def __call__(self, batch: Batch, context: Context) -> Batch:
            if batch.docs.texts == ['xb2']:
                raise RequestError('no third')
            return await super().__call__(batch, context)

    many, seen = Many('b', 1000), []
    with pytest.raises(RequestError, match='no third'):
        async for part in chain(many, Fails('c')).stream(batch('x'), Context('/go')):
            seen.append(part.docs.texts)
    assert seen == [['xb0c'], ['xb1c']]
    assert many.is_closed


def test_an_endpoint_is_a_stream_if_anyone_on_its_way_is() -> None:
    graph = chain(Word('a'), Many('b'), Word('c'))
    assert offer('flow', graph.nodes).endpoints[0].kind == 'stream'
    assert offer('flow', chain(Word('a')).nodes).endpoints[0].kind == 'docs'

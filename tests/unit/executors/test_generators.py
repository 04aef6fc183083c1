"""Endpoints that yield: what goes in, what each part is, how far they run ahead, and how they end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from headrace import BaseDoc, DocList, Document, DocumentArray, Executor, dynamic_batching, requests
from headrace.errors import (
    Cancelled,
    DeadlineExceeded,
    DocumentError,
    ExecutorError,
    ExecutorFailure,
    RequestError,
    TooLarge,
)
from headrace.executors import close, describe, endpoints_of, load, serve
from headrace.executors.calling import bind
from headrace.pipeline import Batch, Context
from headrace.pipeline.ahead import LOOK_AHEAD


class Token(BaseDoc):
    text: str = ''


class Other(BaseDoc):
    other: int = 0


class Options(msgspec.Struct):
    n: int = 3


def batch(*texts: str, **parameters: Any) -> Batch:
    return Batch(DocList[Token]([Token(text=text) for text in texts]), parameters)


async def parts_of(
    handler: Callable[..., Any], given: Batch, context: Context | None = None, **runtime_args: Any
) -> list[Batch]:
    """The parts of what an executor with this one handler answers."""
    executor = executor_with(handler, **runtime_args)
    try:
        async with aclosing(serve(executor).stream(given, context or Context('/'))) as parts:
            return [part async for part in parts]
    finally:
        await close(executor)


async def whole(handler: Callable[..., Any], given: Batch) -> Batch:
    executor = executor_with(handler)
    try:
        return await serve(executor)(given, Context('/'))
    finally:
        await close(executor)


def executor_with(handler: Callable[..., Any], **runtime_args: Any) -> Executor:
    cls = type('Mine', (Executor,), {'handler': requests(handler)})
    return load(cls, runtime_args={'name': 'mine', **runtime_args})


def texts(parts: list[Batch]) -> list[list[str]]:
    return [[doc.text for doc in part.docs_as(Token)] for part in parts]


def both_ways(function: Callable[..., Iterator[Any]]) -> list[Callable[..., Any]]:
    """A plain generator, and the same as an asynchronous one that really waits."""

    async def asynchronous(self: Any, **kwargs: Any) -> Any:
        for each in function(self, **kwargs):
            await asyncio.sleep(0)
            yield each

    asynchronous.__signature__ = __import__('inspect').signature(function)  # type: ignore[attr-defined]
    asynchronous.__annotations__ = {k: v for k, v in function.__annotations__.items() if k != 'return'}
    return [function, asynchronous]


def tokens(self: Any, doc: Token, parameters: dict[str, Any], **kwargs: Any) -> Iterator[Token]:
    for number in range(parameters.get('n', 3)):
        yield Token(text=f'{doc.text}{number}')


@pytest.mark.parametrize('handler', both_ways(tokens))
async def test_one_call_for_each_document(handler: Callable[..., Any]) -> None:
    parts = await parts_of(handler, batch('a', 'b', n=2))
    assert texts(parts) == [['a0'], ['a1'], ['b0'], ['b1']]
    assert texts(await parts_of(handler, batch(n=2))) == []


@pytest.mark.parametrize('handler', both_ways(tokens))
async def test_a_call_that_wants_all_at_once(handler: Callable[..., Any]) -> None:
    given = batch('a', 'b', n=2)
    answer = await whole(handler, given)
    assert texts([answer]) == [['a0', 'a1', 'b0', 'b1']]
    assert answer.parameters is given.parameters  # unchanged ones need not travel


async def test_one_call_for_all_documents_and_typed_parameters() -> None:
    async def handler(self: Any, docs: DocList[Token], parameters: Options) -> AsyncIterator[Token]:
        for number in range(parameters.n):
            yield Token(text=f'{len(docs)}/{number}')

    assert texts(await parts_of(handler, batch('a', 'b', n=2))) == [['2/0'], ['2/1']]
    assert texts(await parts_of(handler, batch())) == [['0/0'], ['0/1'], ['0/2']]
    with pytest.raises(RequestError, match="the parameters do not fit executor 'mine'"):
        await parts_of(handler, batch(n='many'))


@pytest.mark.parametrize(
    'handler',
    both_ways(
        lambda self, docs, **kwargs: iter(
            [
                DocList[Token]([Token(text='x'), Token(text='y')]),
                {'seen': 1},
                docs[0],
                {'seen': 2, 'more': True},
            ]
        )
    )[1:],
)
async def test_documents_lists_and_results(handler: Callable[..., Any]) -> None:
    parts = await parts_of(handler, batch('a', k=1))
    assert texts(parts) == [['x', 'y'], [], ['a'], []]
    assert [part.parameters for part in parts[1::2]] == [
        {'k': 1, '__results__': {'mine/rep-0': {'seen': 1}}},
        {'k': 1, '__results__': {'mine/rep-0': {'seen': 2, 'more': True}}},
    ]
    answer = await whole(handler, batch('a', k=1))
    assert texts([answer]) == [['x', 'y', 'a']]
    assert answer.parameters == {'k': 1, '__results__': {'mine/rep-0': {'seen': 2, 'more': True}}}


async def test_a_part_is_what_it_was_when_it_was_yielded() -> None:
    def handler(self: Any, doc: Token) -> Iterator[Token]:
        for number in range(4):
            doc.text = str(number)
            yield doc

    assert texts(await parts_of(handler, batch('a'))) == [['0'], ['1'], ['2'], ['3']]


def test_how_generators_are_declared() -> None:
    class Many(Executor):
        @requests(on='/async')
        async def one(self, doc: Token) -> AsyncIterator[Other]:
            yield Other()

        @requests(on='/sync')
        def two(self, docs: DocList[Token]) -> Iterator[DocList[Other]]:
            yield DocList[Other]()

        @requests(on='/generator')
        async def three(self, doc: Token) -> AsyncGenerator[Other, None]:
            yield Other()

        @requests(on='/given')
        def four(self, doc: Token) -> Iterator[Other]:
            return iter([Other()])

    endpoints = endpoints_of(Many)
    assert {name: (each.kind, each.is_async) for name, each in endpoints.items()} == {
        '/async': ('stream', True),
        '/sync': ('stream', False),
        '/generator': ('stream', True),
        '/given': ('stream', False),
    }
    assert all(each.response_type is Other for each in endpoints.values())
    assert {each.output.name for each in describe(Many()).endpoints} == {'Other'}


async def test_an_iterator_may_be_returned() -> None:
    async def inner(text: str) -> AsyncIterator[Token]:
        yield Token(text=text)

    def plain(self: Any, doc: Token) -> AsyncIterator[Token]:
        return inner(doc.text)

    async def waits(self: Any, doc: Token) -> AsyncIterator[Token]:
        await asyncio.sleep(0)
        return inner(doc.text)

    def listed(self: Any, doc: Token) -> Iterator[Token]:
        return [doc, doc]  # type: ignore[return-value]

    assert texts(await parts_of(plain, batch('a'))) == [['a']]
    assert texts(await parts_of(waits, batch('a'))) == [['a']]
    assert texts(await parts_of(listed, batch('a'))) == [['a'], ['a']]


async def test_what_is_yielded_is_checked() -> None:
    async def wrong(self: Any, doc: Token) -> AsyncIterator[Token]:
        yield Token()
        yield Other()  # type: ignore[misc]

    async def list_of_wrong(self: Any, doc: Token) -> AsyncIterator[Token]:
        yield DocList[Other]([Other()])  # type: ignore[misc]

    async def number(self: Any, doc: Token) -> Any:
        yield 42

    def no_iterator(self: Any, doc: Token) -> Iterator[Token]:
        return 42  # type: ignore[return-value]

    async def no_async_iterator(self: Any, doc: Token) -> AsyncIterator[Token]:
        return [doc]  # type: ignore[return-value]

    for handler, problem in [
        (wrong, 'yielded .*Other'),
        (list_of_wrong, 'yielded .*Other in a DocList'),
        (number, 'yielded int'),
        (no_iterator, 'returned int'),
        (no_async_iterator, 'returned list'),
    ]:
        with pytest.raises(ExecutorFailure, match=problem):
            await parts_of(handler, batch('a'))


@pytest.mark.parametrize('error', [ValueError('no such colour'), SystemExit(3), StopIteration(1)])
async def test_what_it_raises_comes_after_what_it_gave(error: BaseException) -> None:
    def handler(self: Any, doc: Token) -> Iterator[Token]:
        yield doc
        raise error

    for each in both_ways(handler):
        executor = executor_with(each)
        seen = []
        with pytest.raises(ExecutorFailure, match="executor 'mine', endpoint '/default'"):
            async for part in serve(executor).stream(batch('a'), Context('/')):
                seen.append(part)
        assert texts(seen) == [['a']]
        await close(executor)


async def test_errors_on_purpose_keep_their_class() -> None:
    async def handler(self: Any, doc: Token) -> AsyncIterator[Token]:
        raise RequestError('too dark')
        yield doc

    with pytest.raises(RequestError, match='too dark'):
        await parts_of(handler, batch('a'))


async def test_documents_that_do_not_fit() -> None:
    class Titled(BaseDoc):
        title: str

    async def handler(self: Any, doc: Titled) -> AsyncIterator[Titled]:
        yield doc

    with pytest.raises(DocumentError, match="no field 'title'"):
        await parts_of(handler, batch('a'))


async def test_dynamic_batching_is_refused() -> None:
    with pytest.raises(ExecutorError, match=r'dynamic_batching: .*Bad\.talk .* is a generator'):

        class Bad(Executor):
            @requests
            @dynamic_batching
            async def talk(self, docs: DocList[Token]) -> AsyncIterator[Token]:
                yield docs[0]

    class Talk(Executor):
        @requests
        async def talk(self, docs: DocList[Token]) -> AsyncIterator[Token]:
            yield docs[0]

    with pytest.raises(ExecutorError, match='is a generator'):
        executor = load(Talk, uses_dynamic_batching={'/default': {'preferred_batch_size': 4}})
        serve(executor)


async def test_too_much_for_one_answer() -> None:
    async def handler(self: Any, doc: Token) -> AsyncIterator[Token]:
        for _ in range(1000):
            yield Token(text='x' * 1000)

    executor = executor_with(handler)
    bound = bind(executor, endpoints_of(executor)['/default'])
    bound._max_bytes = 50_000  # type: ignore[attr-defined]
    with pytest.raises(TooLarge, match="answers '/default' with more than the 50000 bytes"):
        await bound(batch('a'), Context('/'))
    count = 0
    async for _ in bound.stream(batch('a'), Context('/')):  # type: ignore[attr-defined]
        count += 1
    assert count == 1000


class Endless(Executor):
    """Counts as long as it may."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.made = 0
        self.closed = asyncio.Event()
        self.threads: set[int] = set()
        self.loop = asyncio.get_running_loop()

    def note(self) -> int:
        self.made += 1
        self.threads.add(threading.get_ident())
        return self.made

    def end(self) -> None:
        self.threads.add(threading.get_ident())
        self.loop.call_soon_threadsafe(self.closed.set)

    @requests(on='/async')
    async def count(self, docs: DocList[Token]) -> AsyncIterator[Token]:
        try:
            while True:
                yield Token(text=str(self.note()))
        finally:
            self.end()

    @requests(on='/sync')
    def count_on_a_thread(self, docs: DocList[Token]) -> Iterator[Token]:
        try:
            while True:
                yield Token(text=str(self.note()))
        finally:
            self.end()

    @requests(on='/waits')
    async def wait(self, docs: DocList[Token]) -> AsyncIterator[Token]:
        try:
            yield Token(text=str(self.note()))
            await asyncio.Event().wait()
        finally:
            self.end()

    @requests(on='/scoped')
    async def scoped(self, docs: DocList[Token]) -> AsyncIterator[Token]:
        """What is entered in a task has to be left in the same one."""
        async with asyncio.timeout(60):
            for _ in range(5):
                yield Token(text=str(self.note()))

    @requests(on='/ping')
    def ping(self, docs: DocList[Token]) -> None:
        self.threads.add(threading.get_ident())


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.mark.parametrize('on', ['/async', '/sync'])
async def test_it_runs_little_ahead_and_is_closed_when_its_reader_leaves(on: str) -> None:
    executor = Endless()
    handler = serve(executor)
    async with aclosing(handler.stream(batch(), Context(on))) as parts:
        for number in (1, 2, 3):
            part = await anext(parts)
            assert part.docs_as(Token)[0].text == str(number)
            await handler(batch(), Context('/ping'))  # other requests of the same thread have their turn
            await settle()
            assert executor.made <= number + LOOK_AHEAD + 1
    await asyncio.wait_for(executor.closed.wait(), 5)
    made = executor.made
    await handler(batch(), Context('/ping'))
    assert executor.made == made
    if on == '/sync':
        assert len(executor.threads) == 1
        assert threading.get_ident() not in executor.threads
    await close(executor)


@pytest.mark.parametrize('on', ['/async', '/sync', '/waits'])
async def test_cancelling_the_request_closes_it_while_nobody_takes_anything(on: str) -> None:
    executor = Endless()
    context = Context(on)
    async with aclosing(serve(executor).stream(batch(), context)) as parts:
        await anext(parts)
        context.cancel()
        await asyncio.wait_for(executor.closed.wait(), 5)
        with pytest.raises(Cancelled):
            await anext(parts)
    await close(executor)


@pytest.mark.parametrize('on', ['/async', '/sync', '/waits'])
async def test_the_deadline_ends_it(on: str) -> None:
    executor = Endless()
    context = Context.within(on, 0.1)
    with pytest.raises(DeadlineExceeded):
        async for _ in serve(executor).stream(batch(), context):
            pass
    await asyncio.wait_for(executor.closed.wait(), 5)
    await close(executor)


async def test_a_deadline_that_is_over_begins_nothing() -> None:
    executor = Endless()
    with pytest.raises(DeadlineExceeded):
        async for _ in serve(executor).stream(batch(), Context('/async', deadline=0.0)):
            pass
    assert executor.made == 0


async def test_it_runs_in_one_task_whoever_takes_its_parts() -> None:
    executor = Endless()
    parts = serve(executor).stream(batch(), Context('/scoped'))
    seen = [await asyncio.create_task(_next(parts)) for _ in range(5)]
    assert texts(seen) == [[str(number)] for number in range(1, 6)]
    with pytest.raises(StopAsyncIteration):
        await asyncio.create_task(_next(parts))


async def _next(parts: AsyncGenerator[Batch, None]) -> Batch:
    return await anext(parts)


async def test_a_step_that_is_running_is_left_and_closed_behind_it() -> None:
    running, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def handler(self: Any, doc: Token) -> Iterator[Token]:
        try:
            yield doc
            running.set()
            go_on.wait(10)
            yield doc
        finally:
            closed.set()

    executor = executor_with(handler)
    context = Context('/')
    async with aclosing(serve(executor).stream(batch('a'), context)) as parts:
        await anext(parts)
        await asyncio.to_thread(running.wait, 10)
        context.cancel()
        with pytest.raises(Cancelled):
            await anext(parts)  # who waits is answered at once
        assert not closed.is_set()
    go_on.set()
    assert await asyncio.to_thread(closed.wait, 10)
    await close(executor)


async def test_an_endpoint_that_is_no_generator_gives_one_part() -> None:
    executor = Endless()
    parts = [part async for part in serve(executor).stream(batch('a', 'b'), Context('/ping'))]
    assert texts(parts) == [['a', 'b']]
    await close(executor)
    untouched = batch('x')
    assert [each async for each in serve(Executor()).stream(untouched, Context('/x'))] == [untouched]


async def test_it_works_on_plain_documents() -> None:
    async def handler(self: Any, docs: DocumentArray, **kwargs: Any) -> Any:
        for doc in docs:
            yield Document(text=doc.text.upper())

    parts = await parts_of(handler, Batch(DocumentArray([Document(text='a'), Document(text='b')])))
    assert [part.docs.texts for part in parts] == [['A'], ['B']]

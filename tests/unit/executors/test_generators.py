"""Endpoints that yield: what goes in, what each part is, how far they run ahead, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from one_handler import answer, executor_with

from headrace import BaseDoc, DocList, Document, DocumentArray, Executor, dynamic_batching, requests
from headrace.errors import (
    DocumentError,
    ExecutorError,
    ExecutorFailure,
    RequestError,
    TooLarge,
)
from headrace.executors import close, describe, endpoints_of, load, serve
from headrace.executors.calling import bind
from headrace.pipeline import Batch, Context


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
    whole = await answer(handler, given)
    assert texts([whole]) == [['a0', 'a1', 'b0', 'b1']]
    assert whole.parameters is given.parameters  # unchanged ones need not travel


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
    whole = await answer(handler, batch('a', k=1))
    assert texts([whole]) == [['x', 'y', 'a']]
    assert whole.parameters == {'k': 1, '__results__': {'mine/rep-0': {'seen': 2, 'more': True}}}


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

    async def text(self: Any, doc: Document) -> Any:
        yield 'red'

    async def whole(self: Any, doc: Token) -> AsyncIterator[Token]:
        return DocList[Token]([doc])  # type: ignore[return-value]

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
        (whole, r'returned .*DocList\[Token\]'),
        (text, 'yielded str'),
    ]:
        with pytest.raises(ExecutorFailure, match=problem) as caught:
            await parts_of(handler, batch('a'))
    assert 'for text: yield Document(text=...)' in caught.value.help


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


async def test_it_works_on_plain_documents() -> None:
    async def handler(self: Any, docs: DocumentArray, **kwargs: Any) -> Any:
        for doc in docs:
            yield Document(text=doc.text.upper())

    parts = await parts_of(handler, Batch(DocumentArray([Document(text='a'), Document(text='b')])))
    assert [part.docs.texts for part in parts] == [['A'], ['B']]

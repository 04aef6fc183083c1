"""What a handler gets, and what becomes of what it returns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from one_handler import answer

from headrace import BaseDoc, DocList, Document, DocumentArray, Executor, requests
from headrace.documents.codec import columns
from headrace.errors import DocumentError, ExecutorFailure, RequestError
from headrace.executors import call, endpoints_of
from headrace.pipeline import Batch, Context, Payload


class Item(BaseDoc):
    title: str


class Match(BaseDoc):
    title: str = ''
    score: float = 0.0


class Options(msgspec.Struct):
    top_k: int = 3


def batch(*texts: str, **parameters: Any) -> Batch:
    return Batch(DocumentArray([Document(text=text) for text in texts]), parameters)


def both_ways(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """A plain handler, and the same as an asynchronous one that really waits."""

    async def asynchronous(self: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return function(self, **kwargs)

    asynchronous.__signature__ = __import__('inspect').signature(function)  # type: ignore[attr-defined]
    asynchronous.__annotations__ = function.__annotations__
    return [function, asynchronous]


def in_place(self: Any, docs: DocumentArray) -> None:
    for doc in docs:
        doc.text += '!'


def replaced(self: Any, docs: DocumentArray) -> DocList[Match]:
    return DocList[Match](Match(doc.text) for doc in docs)


def reported(self: Any, docs: DocumentArray) -> dict[str, int]:
    docs[0].text += '!'
    return {'count': len(docs)}


@pytest.mark.parametrize('handler', both_ways(in_place))
async def test_documents_changed_in_place(handler: Callable[..., Any]) -> None:
    result = await answer(handler, batch('a', 'b', x=1))
    assert result.docs.text == ['a!', 'b!']
    assert result.parameters == {'x': 1}


@pytest.mark.parametrize('handler', both_ways(replaced))
async def test_documents_replaced(handler: Callable[..., Any]) -> None:
    result = await answer(handler, batch('a', 'b'))
    assert result.docs.doc_type is Match
    assert result.docs.title == ['a', 'b']


@pytest.mark.parametrize('handler', both_ways(reported))
async def test_results_beside_documents(handler: Callable[..., Any]) -> None:
    result = await answer(handler, batch('a', 'b', x=1))
    assert result.docs.text == ['a!', 'b']
    assert result.parameters == {'x': 1, '__results__': {'mine/rep-0': {'count': 2}}}


async def test_encoded_documents_are_decoded_into_the_type_of_the_handler() -> None:
    def handler(self: Any, docs: DocList[Match]) -> None:
        assert type(docs[0]) is Match
        docs[0].score = 2.0

    sent = DocList[Item]([Item('a')])
    given = Batch(sources=[('gateway', Payload(segments=columns.encode(sent)))])
    result = await answer(handler, given)
    assert [(doc.title, doc.score) for doc in result.docs] == [('a', 2.0)]


async def test_documents_of_another_type_are_converted() -> None:
    def handler(self: Any, docs: DocList[Match]) -> None:
        docs[0].score = 2.0

    result = await answer(handler, Batch(DocList[Item]([Item('a')])))
    assert [(doc.title, doc.score) for doc in result.docs] == [('a', 2.0)]


async def test_documents_without_a_required_field_are_the_callers_error() -> None:
    def handler(self: Any, docs: DocList[Item]) -> None: ...

    with pytest.raises(DocumentError, match='title'):
        await answer(handler, batch('a'))


async def test_documents_that_nobody_asks_for_stay_encoded() -> None:
    def handler(self: Any, parameters: dict[str, Any]) -> None: ...

    segments = columns.encode(DocList[Item]([Item('a')]))
    given = Batch(sources=[('gateway', Payload(segments=segments))])
    assert await answer(handler, given) is given
    assert given.sources[0][1].segments() is segments


async def test_parameters_are_those_of_the_executor() -> None:
    seen = []

    async def handler(self: Any, parameters: dict[str, Any]) -> None:
        seen.append(parameters.copy())
        parameters['mine'] = 'changed'

    given = batch('a', mine__top_k=5, top_k=1, other__top_k=7)
    result = await answer(handler, given)
    assert seen == [{'top_k': 5, 'other__top_k': 7}]
    assert result.parameters == {'mine__top_k': 5, 'top_k': 1, 'other__top_k': 7}


async def test_typed_parameters() -> None:
    async def handler(self: Any, parameters: Options) -> dict[str, int]:
        return {'top_k': parameters.top_k}

    result = await answer(handler, batch('a', mine__top_k=5))
    assert result.parameters['__results__'] == {'mine/rep-0': {'top_k': 5}}
    with pytest.raises(RequestError, match=r'top_k'):
        await answer(handler, batch('a', top_k='many'))


async def test_everything_else_that_can_be_asked_for() -> None:
    seen: dict[str, Any] = {}

    async def handler(self: Any, **kwargs: Any) -> None:
        seen.update(kwargs)

    context = Context('/x', trace='00-1-2-01')
    given = batch('a', x=1)
    await answer(handler, given, context)
    assert seen == {
        'docs': given.docs,
        'parameters': {'x': 1},
        'context': context,
        'tracing_context': None,
    }


async def test_a_plain_function_around_an_asynchronous_one() -> None:
    async def later(docs: DocumentArray) -> None:
        await asyncio.sleep(0)
        docs[0].text = 'done'

    def handler(self: Any, docs: DocumentArray) -> Any:
        return later(docs)

    assert (await answer(handler, batch('a'))).docs.text == ['done']


# --- one document at a time ---


def each_in_place(self: Any, doc: Document) -> None:
    doc.text += '!'


def each_replaced(self: Any, doc: Document) -> Match:
    return Match(doc.text, id=doc.id)


def some_replaced(self: Any, doc: Document) -> Document | None:
    return Document(text=doc.text * 2) if doc.text == 'b' else None


@pytest.mark.parametrize('handler', both_ways(each_in_place))
async def test_each_document_in_place(handler: Callable[..., Any]) -> None:
    assert (await answer(handler, batch('a', 'b'))).docs.text == ['a!', 'b!']


@pytest.mark.parametrize('handler', both_ways(each_replaced))
async def test_each_document_replaced(handler: Callable[..., Any]) -> None:
    result = await answer(handler, batch('a', 'b'))
    assert result.docs.doc_type is Match
    assert result.docs.title == ['a', 'b']


@pytest.mark.parametrize('handler', both_ways(some_replaced))
async def test_some_documents_replaced(handler: Callable[..., Any]) -> None:
    assert (await answer(handler, batch('a', 'b', 'c'))).docs.text == ['a', 'bb', 'c']


async def test_no_document_no_call() -> None:
    def handler(self: Any, doc: Document) -> None:
        raise AssertionError

    assert len((await answer(handler, batch())).docs) == 0


async def test_each_document_of_an_undeclared_type() -> None:
    def handler(self, doc):  # type: ignore[no-untyped-def]
        return Match(doc.text)

    result = await answer(handler, batch('a', 'b'))
    assert result.docs.doc_type is Match


# --- wrong results ---


@pytest.mark.parametrize(
    ('result', 'problem', 'remedy'),
    [
        (42, 'returned int', 'a DocList or a dict'),
        ([Document()], 'returned list', 'instead of a plain list'),
        (Document(), 'returned headrace.documents.document.Document', 'take `doc`'),
    ],
)
async def test_a_wrong_return_value(result: Any, problem: str, remedy: str) -> None:
    async def handler(self, docs, **kwargs):  # type: ignore[no-untyped-def]
        return result

    with pytest.raises(ExecutorFailure) as caught:
        await answer(handler, batch('a'))
    line = handler.__code__.co_firstlineno
    assert caught.value.message == (
        f"executor 'mine', endpoint '/default': Mine.handler (test_calling.py:{line}) {problem}"
    )
    assert remedy in caught.value.help
    assert __file__ in caught.value.traceback
    assert (caught.value.executor, caught.value.endpoint) == ('mine', '/default')


async def test_documents_of_another_type_than_annotated() -> None:
    def handler(self: Any, docs: DocumentArray) -> DocList[Item]:
        return DocList[Match]([Match('a')])  # type: ignore[return-value]

    with pytest.raises(
        ExecutorFailure, match=r'returned .*Match in a DocList, but is annotated DocList\[Item\]'
    ):
        await answer(handler, batch('a'))


async def test_a_list_of_the_right_documents_gets_the_type() -> None:
    def handler(self: Any, docs: DocumentArray) -> DocList[Item]:
        return DocList([Item('a')])

    assert (await answer(handler, batch('a'))).docs.doc_type is Item


async def test_a_wrong_return_value_for_one_document() -> None:
    def handler(self, doc):  # type: ignore[no-untyped-def]
        return 'text'

    def annotated(self: Any, doc: Document) -> Item:
        return doc  # type: ignore[return-value]

    with pytest.raises(ExecutorFailure, match='returned str'):
        await answer(handler, batch('a'))
    with pytest.raises(ExecutorFailure, match='a document of class Item'):
        await answer(annotated, batch('a'))


async def test_one_call() -> None:
    class Mine(Executor):
        @requests(on='/a')
        async def handler(self, docs: DocumentArray) -> None:
            docs.text = ['done']

    executor = Mine()
    result = await call(executor, endpoints_of(executor)['/a'], batch('a'), Context('/a'))
    assert result.docs.text == ['done']

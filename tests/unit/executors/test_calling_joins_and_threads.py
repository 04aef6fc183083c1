"""What a handler gets where branches join, and on which thread it runs."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest
from one_handler import answer, executor_with
from waiting import turns

from headrace import Document, DocumentArray, Executor, requests
from headrace.executors import close, load, serve
from headrace.pipeline import Batch, Context, Payload


def batch(*texts: str, **parameters: Any) -> Batch:
    return Batch(DocumentArray([Document(text=text) for text in texts]), parameters)


# --- joins ---


def joined(**payloads: list[Document]) -> Batch:
    return Batch(sources=[(name, Payload(DocumentArray(docs))) for name, docs in payloads.items()])


def halves() -> Batch:
    return joined(
        left=[Document(id='1', text='a'), Document(id='2')],
        right=[Document(id='1', weight=0.5), Document(id='2', text='b')],
    )


async def test_a_join_is_merged() -> None:
    async def handler(self: Any, docs: DocumentArray) -> None:
        for doc in docs:
            doc.text += '!'

    result = await answer(handler, halves())
    assert [(doc.text, doc.weight) for doc in result.docs] == [('a!', 0.5), ('b!', None)]


async def test_the_inputs_of_a_join() -> None:
    async def handler(self: Any, docs_matrix: Any, docs_map: Any) -> None:
        assert [docs.text for docs in docs_matrix] == [['a', ''], ['', 'b']]
        assert list(docs_map) == ['left', 'right']
        assert docs_map['right'] is docs_matrix[1]
        docs_map['left'][0].text = 'changed'

    assert (await answer(handler, halves())).docs.text == ['changed', 'b']


async def test_the_inputs_of_a_join_beside_the_merged_documents() -> None:
    async def handler(self: Any, docs: DocumentArray, docs_matrix: Any) -> None:
        assert [each.text for each in docs_matrix] == [['a', ''], ['', 'b']]
        assert docs.text == ['a', 'b']
        docs.text = ['c', 'd']

    assert (await answer(handler, halves())).docs.text == ['c', 'd']


async def test_a_join_that_is_not_looked_at() -> None:
    async def handler(self: Any) -> None: ...

    assert (await answer(handler, halves())).docs.text == ['a', 'b']


async def test_one_input_is_a_join_of_one() -> None:
    async def handler(self: Any, docs: DocumentArray, docs_matrix: Any, docs_map: Any) -> None:
        assert docs_matrix == [docs]
        assert docs_map == {'gateway': docs}

    await answer(handler, batch('a'))


# --- threads ---


async def test_plain_handlers_run_on_one_thread_of_their_own() -> None:
    threads = []

    class Mine(Executor):
        @requests(on='/a')
        def first(self) -> None:
            threads.append(threading.current_thread())

        @requests(on='/b')
        def second(self) -> None:
            threads.append(threading.current_thread())

        @requests(on='/c')
        async def third(self) -> None:
            assert threading.current_thread() is threading.main_thread()

    executor = load(Mine, runtime_args={'name': 'mine'})
    handle = serve(executor)
    contexts = [Context(name) for name in ('/a', '/b', '/c') for _ in range(5)]
    await asyncio.gather(*(handle(batch('a'), context) for context in contexts))
    assert len(threads) == 10
    assert len(set(threads)) == 1
    assert threads[0].name == 'headrace-mine-0'
    assert await close(executor)
    assert not threads[0].is_alive()


@pytest.mark.parametrize('allow_concurrent', [False, True])
async def test_how_many_plain_handlers_run_at_a_time(allow_concurrent: bool) -> None:
    both_there = threading.Barrier(2)
    met = []

    def handler(self: Any) -> None:
        try:
            both_there.wait(5 if allow_concurrent else 0.1)
            met.append(True)
        except threading.BrokenBarrierError:
            met.append(False)

    executor = executor_with(handler, allow_concurrent=allow_concurrent)
    handle = serve(executor)
    await asyncio.gather(handle(batch('a'), Context()), handle(batch('b'), Context()))
    assert met == [allow_concurrent] * 2
    await close(executor)


async def test_the_loop_runs_on_while_a_plain_handler_waits() -> None:
    gate = threading.Event()

    def handler(self: Any) -> None:
        assert gate.wait(30)

    executor = executor_with(handler)
    answered = asyncio.ensure_future(serve(executor)(batch('a'), Context()))
    await turns(10)
    assert not answered.done()
    gate.set()
    await answered
    await close(executor)


async def test_context_variables_reach_the_thread() -> None:
    variable = contextvars.ContextVar('variable', default='')
    seen = []

    def handler(self: Any) -> None:
        seen.append(variable.get())

    variable.set('here')
    await answer(handler, batch('a'))
    assert seen == ['here']

"""`stream_doc`: documents as they come, over every protocol and without one."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from typing import Any

import pytest
from waiting import until, wait_until, wait_until_still

from headrace.documents import BaseDoc, DocList, Document
from headrace.errors import BadServer, DocumentError, Overloaded, RequestError, SpecError
from headrace.pipeline import Batch, Context

ClientOf = Callable[..., Any]


class Letter(BaseDoc):
    text: str = ''


def test_documents_come_one_by_one(client_of: ClientOf, making: Any) -> None:
    with client_of(making) as client:
        stream = client.stream_doc('/', Document('ab.c'))
        assert [next(stream).text, next(stream).text] == ['a', 'b']
        wait_until(lambda: making.held)
        assert making.made == ['a', 'b']  # the rest is not there yet
        making.open()
        assert [doc.text for doc in stream] == ['c']
    assert making.ended == [('ab.c', 'done')]


async def test_also_asynchronously(client_of: ClientOf, making: Any) -> None:
    async with client_of(making, asyncio=True) as client:
        stream = client.stream_doc('/', Document('ab.c'))
        assert [(await anext(stream)).text, (await anext(stream)).text] == ['a', 'b']
        making.open()
        assert [doc.text async for doc in stream] == ['c']


def test_several_documents_are_one_request(client_of: ClientOf, making: Any) -> None:
    with client_of(making) as client:
        docs = DocList[Document]([Document('ab'), Document('cd')])
        responses = list(client.stream_doc('/', docs, return_responses=True))
    assert len({response.request_id for response in responses}) == 1
    assert [doc.text for response in responses for doc in response.docs] == list('abcd')


def test_an_endpoint_that_generates_nothing_gives_its_documents(client_of: ClientOf) -> None:
    async def shout(batch: Batch, context: Context) -> Batch:
        batch.docs.text = [text.upper() for text in batch.docs.text]
        return batch

    with client_of(shout) as client:
        found = list(client.stream_doc('/', [Document('a'), Document('b')]))
    assert [doc.text for doc in found] == ['A', 'B']


def test_parameters_arrive_and_documents_have_the_class_that_is_asked_for(client_of: ClientOf) -> None:
    class Telling:
        async def __call__(self, batch: Batch, context: Context) -> Batch:
            return batch

        async def stream(self, batch: Batch, context: Context) -> AsyncIterator[Batch]:
            for number in range(batch.parameters['count']):
                yield Batch(DocList[Document]([Document(f'{context.target} {number}')]), batch.parameters)

    with client_of(Telling()) as client:
        found = list(
            client.stream_doc(
                '/', parameters={'count': 2}, target_executor='a.*', return_type=DocList[Letter]
            )
        )
    assert [(type(doc), doc.text) for doc in found] == [(Letter, 'a.* 0'), (Letter, 'a.* 1')]


def test_an_error_is_raised_after_what_came_before_it(client_of: ClientOf, making: Any) -> None:
    making.fails_at = 'c'
    with client_of(making) as client:
        found = []
        with pytest.raises(BadServer) as caught:
            for doc in client.stream_doc('/', Document('abcd')):
                found.append(doc.text)
        assert found == ['a', 'b']
        assert (caught.value.message, caught.value.help) == ('no c is left', 'ask for others')
        assert (caught.value.error, len(caught.value.request_id)) == ('ExecutorFailure', 32)
        making.fails_at = ''
        assert [doc.text for doc in client.stream_doc('/', Document('d'))] == ['d']  # the connection goes on


def test_who_goes_on_after_errors_gets_them_as_responses(
    client_of: ClientOf, making: Any, caplog: pytest.LogCaptureFixture
) -> None:
    making.fails_at = 'x'
    docs = [Document('a'), Document('x'), Document('b')]
    options = {'request_size': 1, 'continue_on_error': True}
    with client_of(making) as client:
        assert [doc.text for doc in client.stream_doc('/', docs, **options)] == ['a', 'b']
        responses = list(client.stream_doc('/', docs, return_responses=True, **options))
    assert [response.error and response.error.message for response in responses] == [
        None,
        'no x is left',
        None,
    ]
    assert 'no x is left' in caplog.text


def test_leaving_the_loop_ends_the_work(client_of: ClientOf, making: Any) -> None:
    with client_of(making) as client:
        for _ in client.stream_doc('/', Document('ab.c')):
            break
        wait_until(lambda: making.ended)
        assert making.ended == [('ab.c', 'left')]
        assert 'c' not in making.made


def test_closing_it_ends_the_work(client_of: ClientOf, making: Any) -> None:
    with client_of(making) as client:
        with closing(client.stream_doc('/', Document('a.c'))) as stream:
            assert next(stream).text == 'a'
        wait_until(lambda: making.ended)
        assert list(stream) == []
    assert making.ended == [('a.c', 'left')]


async def test_leaving_the_asynchronous_loop_ends_the_work(client_of: ClientOf, making: Any) -> None:
    async with client_of(making, asyncio=True) as client:
        async with aclosing(client.stream_doc('/', Document('a.c'))) as stream:
            async for _ in stream:
                break
        await until(lambda: making.ended)
    assert making.ended == [('a.c', 'left')]


async def test_a_cancelled_task_ends_the_work(client_of: ClientOf, making: Any) -> None:
    async def read(client: Any) -> None:
        async for _ in client.stream_doc('/', Document('a.c')):
            pass

    async with client_of(making, asyncio=True) as client:
        task = asyncio.create_task(read(client))
        await until(lambda: making.held)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: making.ended)
    assert making.ended == [('a.c', 'left')]


def test_a_stream_that_is_late_is_ended(serve: Any, protocol: str, making: Any) -> None:
    found = []
    with serve(making).client(protocol) as client:
        with pytest.raises(BadServer) as caught:
            for doc in client.stream_doc('/', Document('a.c'), timeout_s=1.5):
                found.append(doc.text)
        wait_until(lambda: making.ended)
    assert found == ['a']
    assert caught.value.status == (504 if protocol == 'http' else 'DEADLINE_EXCEEDED')


def test_nothing_is_sent_before_somebody_asks(client_of: ClientOf, making: Any) -> None:
    with client_of(making) as client:
        stream = client.stream_doc('/', Document('a'))
        stream.close()
        assert list(client.stream_doc('/', Document('b')))
    assert making.made == ['b']


def test_a_closed_client_streams_nothing(client_of: ClientOf, making: Any) -> None:
    client = client_of(making)
    stream = client.stream_doc('/', Document('ab.c'))
    assert next(stream).text == 'a'
    client.close()
    with pytest.raises((RequestError, BadServer), match='closed|ended'):
        list(stream)
    with pytest.raises(RequestError, match='closed'):
        client.stream_doc('/')


def test_options_that_make_no_sense_are_told_at_once(client_of: ClientOf, making: Any) -> None:
    with client_of(making) as client:
        with pytest.raises(SpecError, match="stream_doc\\(\\) has no option 'on_done'"):
            client.stream_doc('/', on_done=print)
        with pytest.raises(SpecError, match='is not an endpoint'):
            client.stream_doc('generate')
        with pytest.raises(DocumentError):
            client.stream_doc('/', 3)


# Sending while results come back


class Dialogue:
    """Questions that depend on the answers: none is asked before the last one is answered."""

    def __init__(self) -> None:
        self.answers: queue.Queue[str] = queue.Queue()

    def __iter__(self) -> Iterator[Document]:
        yield Document('a')
        for letter in 'bc':
            yield Document(self.answers.get(timeout=20) + letter)

    async def each(self) -> AsyncIterator[Document]:
        for document in await asyncio.to_thread(iter, [Document('a')]):
            yield document
        for letter in 'bc':
            yield Document(await asyncio.to_thread(self.answers.get, timeout=20) + letter)


class Whole:
    """Answers each document with itself, in one part."""

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        return batch


@pytest.mark.parametrize('in_order', [True, False])
def test_an_answer_can_make_the_next_question(client_of: ClientOf, in_order: bool) -> None:
    talk, found = Dialogue(), []
    with client_of(Whole()) as client:
        for doc in client.stream_doc('/', iter(talk), results_in_order=in_order):
            found.append(doc.text)
            talk.answers.put(doc.text)
    assert found == ['a', 'ab', 'abc']


@pytest.mark.parametrize('in_order', [True, False])
async def test_an_answer_can_make_the_next_question_asynchronously(
    client_of: ClientOf, in_order: bool
) -> None:
    talk, found = Dialogue(), []
    async with client_of(Whole(), asyncio=True) as client:
        async for doc in client.stream_doc('/', talk.each(), results_in_order=in_order):
            found.append(doc.text)
            talk.answers.put(doc.text)
    assert found == ['a', 'ab', 'abc']


def test_results_come_in_the_order_of_the_inputs(client_of: ClientOf, making: Any) -> None:
    with client_of(making) as client:
        stream = client.stream_doc('/', (Document(text) for text in ('a.b', 'cd', 'ef')))
        assert next(stream).text == 'a'
        wait_until(lambda: making.held)
        making.open()
        assert [doc.text for doc in stream] == list('bcdef')


def test_or_as_they_are_made(client_of: ClientOf, making: Any) -> None:
    with client_of(making) as client:
        stream = client.stream_doc(
            '/', (Document(text) for text in ('a.b', 'cd', 'ef')), results_in_order=False
        )
        first = [next(stream).text for _ in range(5)]
        assert sorted(first) == list('acdef')
        assert first.index('c') < first.index('d')
        assert first.index('e') < first.index('f')
        making.open()
        assert [doc.text for doc in stream] == ['b']


def test_no_more_is_asked_for_than_there_is_room_for(client_of: ClientOf, making: Any) -> None:
    taken: list[int] = []

    def texts() -> Iterator[Document]:
        for number in range(100):
            taken.append(number)
            yield Document('.a')

    with client_of(making) as client:
        stream = client.stream_doc('/', texts(), prefetch=3)
        making_all = threading.Thread(target=lambda: (wait_until(lambda: making.held == 3), making.open()))
        making_all.start()
        assert next(stream).text == 'a'
        making_all.join()
        assert wait_until_still(lambda: len(taken)) <= 3 + 2
        assert [doc.text for doc in stream] == ['a'] * 99


def test_who_reads_slowly_stops_who_makes(client_of: ClientOf) -> None:
    """Buffers on the way are bounded: of a stream without end only so much is made."""

    class Endless(Whole):
        made = 0

        async def stream(self, batch: Batch, context: Context) -> AsyncIterator[Batch]:
            while True:
                self.made += 1
                yield Batch(DocList[Document]([Document('x' * 100_000)]), batch.parameters)

    endless = Endless()
    with client_of(endless) as client, closing(client.stream_doc('/', prefetch_bytes=1_000_000)) as stream:
        next(stream)
        seen = wait_until_still(lambda: endless.made)
        for _ in range(200):  # the stream goes on where it stood
            next(stream)
    assert seen < 400, 'more than 40 MB are under way'


def test_inputs_that_fail_are_an_error_after_what_came_before(client_of: ClientOf, making: Any) -> None:
    def texts() -> Iterator[Document]:
        yield Document('ab')
        raise KeyError('the microphone')

    found = []
    with client_of(making) as client, pytest.raises(KeyError, match='microphone'):
        for doc in client.stream_doc('/', texts()):
            found.append(doc.text)
    assert found == ['a', 'b']


def test_inputs_end_with_the_stream(client_of: ClientOf, making: Any) -> None:
    ended = threading.Event()

    def texts() -> Iterator[Document]:
        try:
            while True:
                yield Document('ab')
        finally:
            ended.set()

    with client_of(making) as client:
        for _ in client.stream_doc('/', texts()):
            break
        assert ended.wait(20)


def test_a_stream_that_did_not_begin_is_tried_again(client_of: ClientOf) -> None:
    class Full(Whole):
        calls = 0

        async def stream(self, batch: Batch, context: Context) -> AsyncIterator[Batch]:
            self.calls += 1
            if self.calls < 3:
                raise Overloaded('full', retry_after_s=0.01)
            yield batch
            raise Overloaded('full again', retry_after_s=0.01)

    full, found = Full(), []
    with client_of(full) as client, pytest.raises(BadServer, match='full again'):
        for doc in client.stream_doc('/', Document('a'), max_attempts=5, initial_backoff=0.01):
            found.append(doc.text)
    assert (full.calls, found) == (3, ['a'])


def test_streams_side_by_side_do_not_hold_up_each_other(client_of: ClientOf, making: Any) -> None:
    with client_of(making) as client:
        first = client.stream_doc('/', Document('a.b'))
        assert next(first).text == 'a'
        assert [doc.text for doc in client.stream_doc('/', Document('cd'))] == ['c', 'd']
        assert client.post('/', Document('whole')).texts == ['whole']
        making.open()
        assert [doc.text for doc in first] == ['b']

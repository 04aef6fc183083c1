"""A bad document fails alone; who has left is not worked on; a full queue refuses."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import numpy as np
import pytest
from clock import run
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import Document, DocumentArray
from headrace.errors import (
    Cancelled,
    DeadlineExceeded,
    ExecutorFailure,
    HeadraceError,
    Overloaded,
    RequestError,
    Unavailable,
)
from headrace.pipeline import Batch, Context
from headrace.pipeline.batching import Batching
from headrace.spec.batching import BatchingSpec


class Model:
    """Changes documents one after the other until it comes to one whose text is 'bad'."""

    def __init__(self, error: type[HeadraceError] = ExecutorFailure, *, held: bool = False) -> None:
        self.error = error
        self.calls: list[list[str]] = []
        self.contexts: list[Context] = []
        self.begun, self.gate = asyncio.Event(), asyncio.Event()
        if not held:
            self.gate.set()

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        docs = batch.docs
        self.calls.append(docs.text)
        self.contexts.append(context)
        self.begun.set()
        await self.gate.wait()
        context.check()
        for doc in docs:
            if doc.text.startswith('bad'):
                raise self.error(f'cannot read /srv/models/{doc.text}')
            doc.text += '!'
            if doc.tensor is not None:
                doc.tensor += 1
        return batch


def request(*texts: str) -> Batch:
    return Batch(DocumentArray([Document(id=text, text=text) for text in texts]), {})


async def outcomes(handler: Batching, *requests: tuple[str, ...]) -> list[Any]:
    asked = (handler(request(*texts), Context()) for texts in requests)
    return await asyncio.gather(*asked, return_exceptions=True)


def test_one_bad_document_among_64_is_one_error() -> None:
    async def main() -> None:
        model = Model()
        texts = [f'{n}' if n != 41 else 'bad' for n in range(64)]
        found = await outcomes(Batching(model, BatchingSpec()), *((text,) for text in texts))
        errors = [each for each in found if isinstance(each, Exception)]
        assert [type(error) for error in errors] == [ExecutorFailure]
        assert found.index(errors[0]) == 41
        for text, reply in zip(texts, found, strict=True):
            if text != 'bad':
                assert reply.docs.text == [f'{text}!']  # changed once, however often it was tried
        assert len(model.calls[0]) == 64
        assert len(model.calls) <= 1 + 2 * 6  # log2(64)

    run(main())


def test_arrays_are_tried_again_as_they_came() -> None:
    async def main() -> None:
        docs = DocumentArray([Document(text='a', tensor=np.zeros(3)), Document(text='bad')])
        reply = await Batching(Model(), BatchingSpec())(Batch(docs), Context())
        assert reply.docs[0].tensor.tolist() == [1, 1, 1]

    run(main())


def test_a_request_of_which_some_documents_fail_names_them(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        batching = Batching(Model(), BatchingSpec())
        with caplog.at_level(logging.ERROR):
            one, other = await outcomes(batching, ('a', 'bad', 'b', 'bad too'), ('c',))
        assert one.docs.text == ['a!', 'b!']
        assert one.parameters == {
            '__errors__': {
                'bad': {'position': 1, 'error': 'ExecutorFailure', 'message': 'cannot read bad'},
                'bad too': {'position': 3, 'error': 'ExecutorFailure', 'message': 'cannot read bad too'},
            }
        }
        assert (other.docs.text, other.parameters) == (['c!'], {})
        assert 'document bad too: cannot read /srv/models/bad too' in caplog.text

    run(main())


def test_errors_of_executors_before_stay() -> None:
    async def main() -> None:
        asked = request('a', 'bad')
        asked.parameters = {'__errors__': {'x': {'message': 'earlier'}}}
        reply = await Batching(Model(), BatchingSpec())(asked, Context())
        assert list(reply.parameters['__errors__']) == ['x', 'bad']

    run(main())


def test_a_request_that_fails_wholly_is_an_error_of_the_same_kind() -> None:
    async def main() -> None:
        one, other = await outcomes(
            Batching(Model(RequestError), BatchingSpec()), ('bad 1', 'bad 2'), ('bad 3',)
        )
        assert (type(one), type(other)) == (RequestError, RequestError)
        assert one.message == 'none of 2 documents succeeded; the first: cannot read /srv/models/bad 1'
        assert other.message == 'cannot read /srv/models/bad 3'

    run(main())


@pytest.mark.parametrize('error', [Unavailable, Overloaded, DeadlineExceeded, Cancelled])
def test_what_no_document_causes_is_not_tried_again(error: type[HeadraceError]) -> None:
    async def main() -> None:
        model = Model(error)
        found = await outcomes(Batching(model, BatchingSpec()), ('a',), ('bad', 'b'), ('c',))
        assert [type(each) for each in found] == [error] * 3
        assert len({id(each) for each in found}) == 3
        assert len(model.calls) == 1

    run(main())


def test_an_error_that_is_not_ours_becomes_one() -> None:
    async def broken(batch: Batch, context: Context) -> Batch:
        raise KeyError('colour')

    async def main() -> None:
        (found,) = await outcomes(Batching(broken, BatchingSpec()), ('a',))
        assert type(found) is HeadraceError
        assert found.message == "KeyError: 'colour'"

    run(main())


def test_a_document_that_cannot_be_weighed_fails_alone() -> None:
    async def main() -> None:
        batching = Batching(Model(), BatchingSpec(), weigh=lambda doc: float(doc.text))
        one, other = await outcomes(batching, ('1', 'much', '2'), ('more',))
        assert one.docs.text == ['1!', '2!']
        assert one.parameters['__errors__']['much']['position'] == 1
        assert isinstance(other, HeadraceError)

    run(main())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=7), min_size=1, max_size=12), st.integers(1, 20))
def test_exactly_the_bad_documents_fail(requests: list[list[bool]], maximum: int) -> None:
    names = [
        tuple(f'bad {i}.{n}' if bad else f'{i}.{n}' for n, bad in enumerate(each))
        for i, each in enumerate(requests)
    ]

    async def main() -> None:
        model = Model()
        found = await outcomes(Batching(model, BatchingSpec(preferred_batch_size=maximum)), *names)
        for texts, reply in zip(names, found, strict=True):
            bad = [text for text in texts if text.startswith('bad')]
            if len(bad) == len(texts):
                assert isinstance(reply, ExecutorFailure)
                continue
            assert reply.docs.text == [f'{text}!' for text in texts if text not in bad]
            assert list(reply.parameters.get('__errors__', {})) == bad
        assert max(map(len, model.calls)) <= maximum

    run(main())


async def held(count: int, **said: Any) -> tuple[Model, Batching, list[Context], list[asyncio.Task[Batch]]]:
    """A model that works on 'first' until its gate opens, and requests that wait behind it."""
    model = Model(held=True)
    batching = Batching(model, BatchingSpec(**said))
    texts = ['first', *(f'{n}' for n in range(count))]
    contexts = [Context() for _ in texts]
    tasks = []
    for text, context in zip(texts, contexts, strict=True):
        tasks.append(asyncio.ensure_future(batching(request(text), context)))
        await model.begun.wait()
    await asyncio.sleep(0)
    return model, batching, contexts, tasks


@pytest.mark.parametrize('how', ['context', 'task', 'deadline'])
def test_who_has_left_never_enters_a_batch(how: str) -> None:
    async def main() -> None:
        model, batching, contexts, tasks = await held(10)
        for number in (2, 5, 9):
            if how == 'context':
                contexts[number].cancel()
            elif how == 'task':
                tasks[number].cancel()
            else:
                contexts[number].deadline = 0.0
        await asyncio.sleep(0)
        model.gate.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert model.calls[1:] == [[f'{n}' for n in range(10) if n + 1 not in (2, 5, 9)]]
        expected = {'context': Cancelled, 'task': asyncio.CancelledError, 'deadline': DeadlineExceeded}[how]
        assert [number for number, each in enumerate(found) if isinstance(each, expected)] == [2, 5, 9]
        assert 'free, 0 waiting' in repr(batching)

    run(main())


def test_the_abandoned_are_not_tried_again() -> None:
    async def main() -> None:
        model = Model(held=True)
        batching = Batching(model, BatchingSpec())
        contexts = [Context() for _ in range(4)]
        texts = ['a', 'bad', 'left', 'b']
        tasks = [
            asyncio.ensure_future(batching(request(text), context))
            for text, context in zip(texts, contexts, strict=True)
        ]
        await model.begun.wait()
        contexts[2].cancel()
        model.gate.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [texts for texts in model.calls[1:] if 'left' in texts] == []

    run(main())


def test_a_batch_that_nobody_waits_for_is_told_so() -> None:
    async def main() -> None:
        model = Model(held=True)
        batching = Batching(model, BatchingSpec())
        tasks = [asyncio.ensure_future(batching(request(text), Context())) for text in 'ab']
        await model.begun.wait()
        tasks[0].cancel()
        await asyncio.sleep(0)
        assert not model.contexts[0].cancelled
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        assert model.contexts[0].cancelled

    run(main())


def test_a_deadline_is_kept_while_a_request_waits() -> None:
    async def main() -> None:
        model, batching, _, tasks = await held(0)
        with pytest.raises(DeadlineExceeded):
            await batching(request('late'), Context.within('/', 5.0))
        model.gate.set()
        await asyncio.gather(*tasks)
        assert model.calls == [['first']]

    run(main())


def test_a_batch_lasts_as_long_as_the_longest_of_its_requests() -> None:
    async def main() -> None:
        model = Model()
        batching = Batching(model, BatchingSpec())
        contexts = [Context.within('/', 50), Context.within('/', 70), Context.within('/', 60)]
        await asyncio.gather(*(batching(request('x'), context) for context in contexts))
        assert model.contexts[0].deadline == contexts[1].deadline
        await asyncio.gather(*(batching(request('x'), each) for each in (contexts[0], Context())))
        assert model.contexts[1].deadline is None
        await batching(request('x'), contexts[0])
        assert model.contexts[2].request_id == contexts[0].request_id

    run(main())


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    async def main() -> None:
        model, batching, contexts, tasks = await held(3, max_queue=4)
        with pytest.raises(Overloaded, match='4 requests waiting') as caught:
            await batching(request('more'), Context())
        assert caught.value.retry_after_s == 1.0  # nothing is known yet
        contexts[1].cancel()
        await asyncio.sleep(0)
        last = asyncio.ensure_future(batching(request('last'), Context()))  # there is room again
        await asyncio.sleep(0.4)
        model.gate.set()
        await asyncio.gather(*tasks, last, return_exceptions=True)
        assert (await last).docs.text == ['last!']

    run(main())


def test_a_queue_of_too_many_bytes_refuses() -> None:
    async def main() -> None:
        size = len(request('x' * 1000).docs.to_bytes())
        model, batching, _, tasks = await held(0, max_queue_bytes=3 * size)
        two = [asyncio.ensure_future(batching(request('x' * 1000), Context())) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match='bytes of requests waiting') as caught:
            await batching(request('x' * 1000), Context())
        assert 'max_queue_bytes' in caught.value.help
        two[0].cancel()
        await asyncio.sleep(0)
        two.append(asyncio.ensure_future(batching(request('x' * 1000), Context())))  # there is room again
        await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(*tasks, *two[1:])
        large = await batching(request('x' * 100_000), Context())  # alone, it may be larger
        assert len(large) == 1

    run(main())


def test_when_to_come_again_is_learned_from_the_rate() -> None:
    async def slow(batch: Batch, context: Context) -> Batch:
        await asyncio.sleep(0.5)
        return batch

    async def main() -> None:
        batching = Batching(slow, BatchingSpec(max_queue=6, preferred_batch_size=2))
        await asyncio.gather(*(batching(request('x'), Context()) for _ in range(4)))
        tasks = [asyncio.ensure_future(batching(request('x'), Context())) for _ in range(6)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as caught:
            await batching(request('more'), Context())
        assert caught.value.retry_after_s == pytest.approx(1.5)
        await asyncio.gather(*tasks)

    run(main())


def test_an_event_loop_that_ends_leaves_nothing_behind() -> None:
    async def main() -> None:
        _, _, _, tasks = await held(3)
        for task in tasks[1:]:
            task.cancel()

    run(main())

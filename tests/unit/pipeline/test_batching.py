"""Requests share batches; each gets its own documents back, at the right time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from clock import run
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import Document, DocumentArray
from headrace.pipeline import Batch, Context
from headrace.pipeline.batching import Batching
from headrace.spec.batching import BatchingSpec


class Model:
    """A handler that notes its batches and takes its time: 10 ms and 0.1 ms per document."""

    def __init__(self, fixed_s: float = 0.010, each_s: float = 0.0001) -> None:
        self.batches: list[list[str]] = []
        self.parameters: list[dict[str, Any]] = []
        self.fixed_s, self.each_s = fixed_s, each_s

    @property
    def sizes(self) -> list[int]:
        return [len(texts) for texts in self.batches]

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        docs = batch.docs
        self.batches.append(docs.text)
        self.parameters.append(batch.parameters)
        await asyncio.sleep(self.fixed_s + self.each_s * len(docs))
        for doc in docs:
            doc.text += '!'
        return batch


def batching(model: Model, *, weigh: Callable[[Any], float] | None = None, **said: Any) -> Batching:
    return Batching(model, BatchingSpec(**said), weigh=weigh)


def request(*texts: str, **parameters: Any) -> Batch:
    return Batch(DocumentArray([Document(text=text) for text in texts]), parameters)


async def ask(handler: Batching, *texts: str, endpoint: str = '/', **parameters: Any) -> list[str]:
    return (await handler(request(*texts, **parameters), Context(endpoint))).docs.text


async def together(handler: Batching, *requests: tuple[str, ...]) -> list[list[str]]:
    return await asyncio.gather(*(ask(handler, *texts) for texts in requests))


def test_requests_that_come_together_share_a_batch() -> None:
    model = Model()
    assert run(together(batching(model), ('a', 'b'), ('c',))) == [['a!', 'b!'], ['c!']]
    assert model.batches == [['a', 'b', 'c']]


def test_what_comes_during_a_batch_makes_the_next() -> None:
    model = Model()

    async def main() -> None:
        handler = batching(model)
        first = asyncio.ensure_future(ask(handler, 'first'))
        await asyncio.sleep(0.005)
        assert '1 running, 0 waiting' in repr(handler)
        await together(handler, *((f'{n}',) for n in range(10)))
        assert await first == ['first!']
        assert 'free, 0 waiting' in repr(handler)

    run(main())
    assert model.sizes == [1, 10]


def test_a_batch_is_never_larger_than_the_maximum_and_requests_stay_whole() -> None:
    model = Model()
    run(together(batching(model, preferred_batch_size=4), ('a', 'b'), ('c', 'd', 'e'), ('f',), ('g',)))
    assert model.batches == [['a', 'b'], ['c', 'd', 'e', 'f'], ['g']]


def test_a_larger_request_is_cut_and_put_together_while_others_get_their_turn() -> None:
    model = Model()
    long = tuple(f'l{n}' for n in range(10))
    found = run(together(batching(model, preferred_batch_size=4), long, ('s',)))
    assert found == [[f'{text}!' for text in long], ['s!']]
    assert model.sizes == [4, 1, 4, 2]
    assert model.batches[1] == ['s']


def test_flush_all_takes_what_is_there() -> None:
    model = Model()
    run(together(batching(model, preferred_batch_size=2, flush_all=True), *[('a', 'b', 'c')] * 5))
    assert model.sizes == [15]


def test_batches_are_formed_per_parameters_endpoint_and_target() -> None:
    model = Model()

    async def main() -> None:
        handler = batching(model)
        await asyncio.gather(
            ask(handler, 'a', k=1),
            ask(handler, 'b', k=2),
            ask(handler, 'c', k=1, __results__={'before': {'n': 1}}),
            ask(handler, 'd', k=1, endpoint='/other'),
            ask(handler, 'e', k=object()),
            ask(handler, 'f', k=1),
            handler(request('g', k=1), Context('/', target='one')),
        )

    run(main())
    assert sorted(model.batches) == [['a', 'c', 'f'], ['b'], ['d'], ['e'], ['g']]


def test_parameters_and_results_come_back_to_whom_they_belong() -> None:
    async def counted(batch: Batch, context: Context) -> Batch:
        results = {'size': len(batch), **{doc.id: doc.text for doc in batch.docs}}
        return Batch(batch.docs, {**batch.parameters, '__results__': {'counter': results}})

    async def main() -> list[Batch]:
        handler = Batching(counted, BatchingSpec())
        before = {'x': 1, '__results__': {'earlier': {}}}
        one = Batch(DocumentArray([Document(id='a', text='A')]), before)
        other = Batch(DocumentArray([Document(id='b', text='B'), Document(id='c', text='C')]), {'x': 1})
        return list(await asyncio.gather(*(handler(each, Context()) for each in (one, other))))

    one, other = run(main())
    assert one.parameters == {'x': 1, '__results__': {'earlier': {}, 'counter': {'size': 3, 'a': 'A'}}}
    assert other.parameters == {'x': 1, '__results__': {'counter': {'size': 3, 'b': 'B', 'c': 'C'}}}


def test_parameters_that_the_handler_left_alone_are_those_of_the_request() -> None:
    async def main() -> None:
        asked = request('a', k=1)
        assert (await batching(Model())(asked, Context())).parameters is asked.parameters

    run(main())


def test_a_request_without_documents_goes_alone() -> None:
    model = Model()
    assert run(together(batching(model), (), ('a',), ())) == [[], ['a!'], []]
    assert sorted(model.sizes) == [0, 0, 1]


def test_a_cost_in_place_of_a_count() -> None:
    model = Model()
    handler = batching(model, preferred_batch_size=10, weigh=lambda doc: len(doc.text))
    texts = [('x' * 6,), ('x' * 4,), ('x' * 5, 'x' * 5, 'x' * 30, 'y')]
    assert run(together(handler, *texts)) == [[f'{text}!' for text in each] for each in texts]
    costs = [sum(map(len, texts)) for texts in model.batches]
    assert costs == [10, 10, 30, 1]  # what is larger alone than a batch may be runs alone


def test_results_of_another_length() -> None:
    async def odd(batch: Batch, context: Context) -> Batch:
        kept = [doc for doc in batch.docs if int(doc.text) % 2]
        new = [Document(parent_id=doc.id, text=f'of {doc.text}') for doc in kept]
        return Batch(DocumentArray([*reversed(kept), *new]), batch.parameters)

    found = run(together(Batching(odd, BatchingSpec()), ('1', '2', '3'), ('4',), ('5',)))
    assert found == [['3', '1', 'of 1', 'of 3'], [], ['5', 'of 5']]


def test_results_that_nobody_can_divide_are_asked_for_alone() -> None:
    sizes = []

    async def best(batch: Batch, context: Context) -> Batch:
        sizes.append(len(batch))
        return Batch(DocumentArray([Document(text=max(batch.docs.text))]), batch.parameters)

    found = run(together(Batching(best, BatchingSpec()), ('1', '2', '3'), ('4', '0'), ('5', '7')))
    assert found == [['3'], ['4'], ['7']]
    assert sizes[0] == 7
    assert sizes.count(3) == 1


async def clients(handler: Batching, count: int, seconds: float, *, docs: int = 1) -> list[float]:
    """Callers that ask again when they are answered; how long each answer took."""
    loop = asyncio.get_running_loop()
    took = []

    async def client(number: int) -> None:
        texts = [f'{number}.{n}' for n in range(docs)]
        while (begin := loop.time()) < seconds:
            assert await ask(handler, *texts) == [f'{text}!' for text in texts]
            took.append(loop.time() - begin)
            await asyncio.sleep(0.00005 * (1 + number % 20))  # not all come back at once

    await asyncio.gather(*(client(number) for number in range(count)))
    return took


def test_a_lone_client_never_waits() -> None:
    took = run(clients(batching(Model()), 1, 2.0))
    assert max(took) == pytest.approx(0.0101, abs=1e-6)


@pytest.mark.parametrize('docs', [1, 2, 4])
def test_at_64_clients_batches_are_full(docs: int) -> None:
    model = Model()
    took = run(clients(batching(model), 64, 3.0, docs=docs))
    full = sum(size == 64 for size in model.sizes)
    assert full >= 0.95 * len(model.sizes)
    ideal = 64 / 0.0164
    assert len(took) * docs / 3.0 >= (0.9 if docs == 1 else 0.95) * ideal


def test_requests_that_come_seldom_wait_for_nobody() -> None:
    rng = random.Random(5)

    async def main() -> list[float]:
        handler, took, loop = batching(Model()), [], asyncio.get_running_loop()

        async def one() -> None:
            begin = loop.time()
            await ask(handler, 'x')
            took.append(loop.time() - begin)

        tasks = []
        for _ in range(300):
            await asyncio.sleep(rng.expovariate(5))
            tasks.append(asyncio.ensure_future(one()))
        await asyncio.gather(*tasks)
        return took

    took = sorted(run(main()))
    assert took[len(took) * 9 // 10] == pytest.approx(0.0101, abs=1e-6)


def test_no_request_waits_longer_than_it_is_told() -> None:
    model = Model(fixed_s=10.0)

    async def main() -> list[float]:
        handler, loop = batching(model, max_wait_ms=20), asyncio.get_running_loop()
        await asyncio.gather(*(ask(handler, 'x') for _ in range(3)))
        begin = loop.time()
        answer = asyncio.ensure_future(ask(handler, 'a'))
        await asyncio.sleep(0.001)
        await asyncio.gather(ask(handler, 'b'), answer)  # the third does not come back
        return [loop.time() - begin]

    assert run(main()) == [pytest.approx(10.0202, abs=0.0005)]
    assert model.sizes == [3, 2]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20), st.sampled_from(['', 'k', 'l'])), max_size=40),
    st.integers(1, 12),
    st.booleans(),
)
def test_everybody_gets_exactly_their_own_documents(
    arrivals: list[tuple[int, int, str]], maximum: int, by_cost: bool
) -> None:
    model = Model(fixed_s=0.004)
    weigh = (lambda doc: 1 + int(doc.text.split('.')[1]) % 3) if by_cost else None

    async def main() -> None:
        handler = batching(model, preferred_batch_size=maximum, weigh=weigh)

        async def one(number: int, at_ms: int, count: int, parameter: str) -> None:
            await asyncio.sleep(at_ms / 1000)
            texts = [f'{number}.{n}' for n in range(count)]
            assert await ask(handler, *texts, p=parameter) == [f'{text}!' for text in texts]

        await asyncio.gather(*(one(n, *arrival) for n, arrival in enumerate(arrivals)))
        assert 'free, 0 waiting' in repr(handler)

    run(main())
    weights = [sum(weigh(Document(text)) if weigh else 1 for text in texts) for texts in model.batches]
    assert all(
        weight <= maximum or len(texts) == 1 for weight, texts in zip(weights, model.batches, strict=True)
    )
    everything = sorted(text for texts in model.batches for text in texts)
    assert everything == sorted(f'{i}.{n}' for i, (_, count, _) in enumerate(arrivals) for n in range(count))

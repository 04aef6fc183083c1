"""An executor's metrics: those that it has anyway, and its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from headrace import DocumentArray, Executor, dynamic_batching, monitor, requests
from headrace.errors import ExecutorError, ExecutorFailure
from headrace.executors import serve
from headrace.executors.blueprint import blueprint
from headrace.executors.endpoints import STATE
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.reading import Snapshot, read
from headrace.observe.metrics.store import Store
from headrace.pipeline import Batch, Context


class Painter(Executor):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strokes = self.counter('strokes', 'Strokes of the brush', ['colour'])
        self.left = self.gauge('paint_litres', 'Paint that is left')
        self.sizes = self.histogram('picture_pixels', 'Sizes', buckets=(10, 100))

    @requests(on='/paint')
    def paint(self, docs: DocumentArray, **kwargs: Any) -> None:
        with self.monitor('mixing_seconds', 'Seconds to mix the paint'):
            self.strokes.labels(colour='blue').add(len(docs))
            self.strokes.labels('red').add()
        self.left.set(4)
        self.sizes.observe(50)
        self.dry()

    @requests(on='/wash')
    @monitor
    async def wash(self, docs: DocumentArray, **kwargs: Any) -> None:
        await asyncio.sleep(0)

    @requests(on='/spill')
    def spill(self, **kwargs: Any) -> None:
        raise KeyError('the cup')

    @monitor(name='hang_seconds')
    @requests(on='/hang')
    def hang(self, docs: DocumentArray, **kwargs: Any) -> Iterator[DocumentArray]:
        yield docs
        yield docs

    @monitor(documentation='Watching paint')
    def dry(self) -> None:
        """Wait."""

    @requests(on='/many')
    @dynamic_batching(preferred_batch_size=10, max_wait_ms=10_000)
    def many(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Gathered."""

    @monitor
    async def drops(self) -> AsyncIterator[int]:
        yield 1


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def painter(store: Store) -> Iterator[Painter]:
    args = {'name': 'painter', 'shard_id': 1, 'replica_id': 2, 'shards': 2}
    executor: Painter = blueprint(Painter, Executor, runtime_args=args).build(store=store)
    yield executor
    lane = getattr(executor, STATE).lane
    if lane is not None:
        lane.stop()


def values(store: Store, name: str) -> dict[tuple[str, ...], float]:
    measured = read(None, store).metrics.get(name)
    return {} if measured is None else {labels: found.value for labels, found in measured.series.items()}


def counts(snapshot: Snapshot, metric: Any) -> dict[str, float]:
    return {labels[3]: found.count for labels, found in snapshot.values(metric).items() if found.count}


async def test_its_own_metrics_say_where_they_are_of(painter: Painter, store: Store) -> None:
    await serve(painter)(Batch(DocumentArray.empty(3)), Context('/paint'))
    who = ('painter', '1', '2')
    assert values(store, 'strokes_total') == {(*who, 'blue'): 3, (*who, 'red'): 1}
    assert values(store, 'paint_litres') == {who: 4}
    assert values(store, 'picture_pixels') == {who: 50}
    assert list(values(store, 'mixing_seconds')) == list(values(store, 'dry_seconds')) == [who]


async def test_what_every_endpoint_has(painter: Painter, store: Store) -> None:
    served = serve(painter)
    for _ in range(3):
        await served(Batch(DocumentArray.empty(2)), Context('/paint'))
    await served(Batch(DocumentArray.empty(1)), Context('/wash'))
    with pytest.raises(ExecutorFailure):
        await served(Batch(), Context('/spill'))
    await served(Batch(DocumentArray.empty(1)), Context('/hang'))
    async with aclosing(served.stream(Batch(DocumentArray.empty(4)), Context('/hang'))) as parts:
        assert len([part async for part in parts]) == 2
    async with aclosing(served.stream(Batch(DocumentArray.empty(4)), Context('/wash'))) as parts:
        assert len([part async for part in parts]) == 1
    snapshot = read(None, store)
    requests_ = {k[3]: v.value for k, v in snapshot.values(catalogue.EXECUTOR_REQUESTS).items() if v.value}
    assert requests_ == {'/paint': 3, '/wash': 2, '/spill': 1, '/hang': 2}
    documents = {k[3]: v.value for k, v in snapshot.values(catalogue.EXECUTOR_DOCUMENTS).items() if v.value}
    assert documents == {'/paint': 6, '/wash': 5, '/hang': 5}
    assert counts(snapshot, catalogue.HANDLER_SECONDS) == {'/paint': 3, '/wash': 2, '/spill': 1, '/hang': 2}
    assert counts(snapshot, catalogue.EXECUTOR_QUEUE_SECONDS) == {'/paint': 3, '/wash': 2, '/spill': 1}
    [(labels, failed)] = snapshot.values(catalogue.HANDLER_ERRORS).items()
    assert (labels, failed.value) == (('painter', '1', '2', '/spill', 'KeyError'), 1)
    assert values(store, 'wash_seconds').keys() == {('painter', '1', '2')}
    assert read(None, store).metrics['hang_seconds'].series['painter', '1', '2'].count == 2


async def test_calls_that_requests_share_count_once(painter: Painter, store: Store) -> None:
    served = serve(painter)
    await asyncio.gather(
        *(served(Batch(DocumentArray.empty(n)), Context('/many')) for n in (3, 3, 4)),
    )
    snapshot = read(None, store)
    labels = ('painter', '1', '2', '/many')
    assert snapshot.values(catalogue.EXECUTOR_REQUESTS)[labels].value == 3
    assert snapshot.values(catalogue.EXECUTOR_DOCUMENTS)[labels].value == 10
    calls = snapshot.values(catalogue.HANDLER_SECONDS)[labels].count
    sizes = snapshot.values(catalogue.BATCH_DOCUMENTS)[labels]
    assert (sizes.count, sizes.value) == (calls, 10)
    assert calls < 3
    assert snapshot.values(catalogue.BATCH_WAIT_SECONDS)[labels].count == 3
    assert snapshot.values(catalogue.EXECUTOR_QUEUE_SECONDS)[labels].count == 3


async def test_what_is_cut_off_is_told_apart(painter: Painter, store: Store) -> None:
    served = serve(painter)
    context = Context('/paint')
    context.cancel()
    with pytest.raises(Exception, match='cancelled'):
        await served(Batch(), context)
    [labels] = read(None, store).values(catalogue.HANDLER_ERRORS)
    assert labels[-1] == 'Cancelled'


def test_an_executor_alone_has_metrics_of_its_own() -> None:
    alone = Painter()
    alone.paint(DocumentArray.empty(2))
    assert alone.counter('strokes', 'Strokes of the brush', ['colour']).labels('blue').value == 2
    assert alone.left.value == 4
    assert alone.sizes.count == 1


async def test_a_monitored_generator_is_measured_to_its_end() -> None:
    alone = Painter()
    assert [each async for each in alone.drops()] == [1]
    assert alone.histogram('drops_seconds', 'Seconds that Painter.drops takes').count == 1


@pytest.mark.parametrize(
    ('name', 'labels', 'problem'),
    [
        ('two words', (), 'is no name of a metric'),
        ('', (), 'is no name of a metric'),
        ('headrace_mine', (), 'is kept for us'),
        ('jina_mine', (), 'is kept for us'),
        ('fine', ('the colour',), 'is no name of a label'),
        ('fine', ('__name__',), 'is no name of a label'),
        ('fine', ('executor',), 'has the label'),
        ('fine', ('flow',), 'has the label'),
    ],
)
def test_names_that_cannot_be(name: str, labels: tuple[str, ...], problem: str) -> None:
    with pytest.raises(ExecutorError, match=problem):
        Executor().gauge(name, '', labels)


def test_a_name_has_one_meaning() -> None:
    alone = Executor()
    alone.counter('cats')
    with pytest.raises(ExecutorError, match='cats_total'):
        alone.counter('cats', 'by colour', ['colour'])


@pytest.mark.parametrize('given', [{}, {'colour': 1, 'size': 2}, {'size': 1}])
def test_labels_that_it_has_not(given: dict[str, int]) -> None:
    cats = Executor().counter('cats', '', ['colour'])
    with pytest.raises(ExecutorError, match='cats_total'):
        cats.labels(**given)


def test_labels_of_a_metric_are_bounded() -> None:
    cats = Executor().counter('cats', '', ['name'])
    for number in range(3000):
        cats.labels(number).add()
    assert cats.labels('one more').value == 2000

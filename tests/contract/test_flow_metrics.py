"""What a Flow has counted, asked of the Flow itself: the same in every place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.errors import BadServer, HeadraceError


class Painter(Executor):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strokes = self.counter('strokes', 'Strokes of the brush', ['colour'])

    @requests(on='/paint')
    def paint(self, docs: DocumentArray, **kwargs: Any) -> None:
        self.strokes.labels('blue').add(len(docs))


class Decorator(Painter):
    @requests(on='/spill')
    def spill(self, docs: DocumentArray, **kwargs: Any) -> None:
        raise ValueError('the cup')

    @requests(on='/drip')
    async def drip(self, doc: Document, **kwargs: Any) -> Any:
        yield doc
        yield doc

    @requests(on='/hold')
    async def hold(self, doc: Document, **kwargs: Any) -> Any:
        yield doc
        await asyncio.Event().wait()


class Sculptor(Executor):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.counter('strokes', 'Strokes of the chisel').add()


def painting(place: str, **settings: Any) -> Flow:
    return Flow('art', place=place, **settings).add(uses=Painter, name='painter', shards=2, polling='all')


def samples(text: str, name: str) -> dict[tuple[str, str], float]:
    """The values of a metric, by executor and shard."""
    return {
        (sample.labels['executor'], sample.labels['shard']): sample.value
        for family in families(text)
        for sample in family.samples
        if sample.name == name and sample.labels['flow'] == 'art'
    }


def check(text: str) -> None:
    both = {('painter', '0'): 3.0, ('painter', '1'): 3.0}
    assert samples(text, 'strokes_total') == both
    assert samples(text, 'headrace_executor_documents_total') == both
    assert 'headrace_build_info{' in text


@pytest.mark.parametrize('place', ['in-process', 'local'])
def test_what_a_flow_has_counted(place: str) -> None:
    with painting(place) as flow:
        flow.post('/paint', DocumentArray([Document(), Document(), Document()]))
        check(flow.metrics())


def requests_of(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric, by protocol, endpoint and status."""
    return {
        tuple(
            sample.labels[key] for key in ('protocol', 'endpoint', 'status') if key in sample.labels
        ): sample.value
        for family in families(text)
        for sample in family.samples
        if sample.name == name
    }


def decorating(**settings: Any) -> Flow:
    return Flow('art', place='in-process', **settings).add(uses=Decorator, name='decorator')


def test_in_one_process_requests_are_counted_as_at_a_door() -> None:
    with decorating() as flow:
        for _ in range(4):
            flow.post('/paint', DocumentArray([Document(), Document()]))
        with pytest.raises(BadServer):
            flow.post('/spill', Document())
        assert len(list(flow.stream_doc('/drip', Document()))) == 2
        text = flow.metrics()
    assert requests_of(text, 'headrace_requests_total') == {
        ('in-process', '/paint', '200'): 4,
        ('in-process', '/spill', '500'): 1,
        ('in-process', '/drip', '200'): 1,
    }
    counts = {('in-process', '/paint'): 4, ('in-process', '/spill'): 1, ('in-process', '/drip'): 1}
    assert requests_of(text, 'headrace_request_seconds_count') == counts
    assert requests_of(text, 'headrace_request_documents_sum')['in-process', '/paint'] == 8
    assert requests_of(text, 'headrace_request_bytes_sum')['in-process', '/paint'] > 0
    assert requests_of(text, 'headrace_first_item_seconds_count') == {('in-process', '/drip'): 1}
    assert requests_of(text, 'headrace_requests_in_flight') == {('in-process',): 0}
    hops = {
        each.labels['endpoint'] for f in families(text) for each in f.samples if 'hop_seconds' in each.name
    }
    assert hops == {'/paint', '/spill', '/drip'}


async def test_in_one_process_it_is_told_what_is_under_way() -> None:
    async with decorating(asyncio=True) as flow:
        streaming = flow.stream_doc('/hold', Document())
        await anext(streaming)
        assert requests_of(await flow.metrics(), 'headrace_requests_in_flight') == {('in-process',): 1}
        await streaming.aclose()
        async for _ in flow.post('/paint', Document()):
            pass


@pytest.mark.parametrize('place', ['in-process', 'local'])
async def test_it_is_awaited_if_the_flow_is_asynchronous(place: str) -> None:
    async with painting(place, asyncio=True) as flow:
        async for _ in flow.post('/paint', DocumentArray([Document(), Document(), Document()])):
            pass
        check(await flow.metrics())


@pytest.mark.parametrize('place', ['in-process', 'local'])
def test_executors_may_mean_different_things_by_one_name(place: str) -> None:
    with painting(place).add(uses=Sculptor, name='sculptor') as flow:
        flow.post('/paint', DocumentArray([Document(), Document(), Document()]))
        told = flow.metrics()
        assert samples(told, 'headrace_executor_documents_total')['painter', '1'] == 3
        assert samples(told, 'strokes_total')


@pytest.mark.parametrize('place', ['in-process', 'local'])
def test_nothing_is_measured(place: str) -> None:
    with painting(place, observe={'metrics': {'enabled': False}}) as flow:
        flow.post('/paint', Document())
        with pytest.raises(HeadraceError, match='nothing is measured'):
            flow.metrics()

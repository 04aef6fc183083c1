"""What a Flow has counted, asked of the Flow itself: the same in every place."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.errors import HeadraceError


class Painter(Executor):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strokes = self.counter('strokes', 'Strokes of the brush', ['colour'])

    @requests(on='/paint')
    def paint(self, docs: DocumentArray, **kwargs: Any) -> None:
        self.strokes.labels('blue').add(len(docs))


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

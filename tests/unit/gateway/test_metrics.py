"""How long the first part of an answer takes: measured once per answer, by protocol and endpoint."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from headrace import Document, DocumentArray
from headrace.documents.schema import schema_of
from headrace.errors import RequestError
from headrace.gateway.entrance import Entrance
from headrace.gateway.metrics import CONTENT_TYPE, Metrics
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, FlowInfo
from headrace.spec import GatewaySpec

SCHEMA = schema_of(Document)
INFO = FlowInfo('flow', (), (EndpointInfo('/talk', 'stream', SCHEMA, SCHEMA),))


class Talker:
    def __init__(self) -> None:
        self.is_closed = False

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        return batch

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        try:
            if context.endpoint == '/bad':
                raise RequestError('no')
            for _ in range(batch.parameters.get('n', 3)):
                yield batch
        finally:
            self.is_closed = True


def entrance(talker: Talker, metrics: Metrics | None) -> Entrance:
    return Entrance.into(talker, INFO, GatewaySpec(), metrics=metrics)


async def read(way: Entrance, on: str = '/talk', protocol: str = 'grpc', **parameters: int) -> int:
    batch = Batch(DocumentArray.empty(1), dict(parameters))
    async with aclosing(way.stream(batch, Context(on), protocol=protocol)) as parts:
        return len([part async for part in parts])


def counts(metrics: Metrics) -> dict[tuple[str, str], float]:
    return {
        (sample.labels['protocol'], sample.labels['endpoint']): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == 'headrace_first_item_seconds_count'
    }


async def test_the_first_part_counts_and_no_other() -> None:
    metrics = Metrics(['/talk'])
    way = entrance(Talker(), metrics)
    assert [await read(way), await read(way, n=100), await read(way, protocol='http')] == [3, 100, 3]
    assert counts(metrics) == {('grpc', '/talk'): 2, ('http', '/talk'): 1}
    text = way.metrics_text().decode()
    assert 'headrace_first_item_seconds_bucket{endpoint="/talk",le="+Inf",protocol="grpc"} 2.0' in text
    assert CONTENT_TYPE.startswith('text/plain')


async def test_what_has_no_part_is_not_measured() -> None:
    metrics = Metrics(['/talk'])
    way = entrance(Talker(), metrics)
    assert await read(way, n=0) == 0
    with pytest.raises(RequestError):
        await read(way, '/bad')
    assert counts(metrics) == {}


async def test_callers_make_no_labels() -> None:
    metrics = Metrics(['/talk'])
    way = entrance(Talker(), metrics)
    for number in range(50):
        await read(way, f'/anything/{number}')
    assert counts(metrics) == {('grpc', '/default'): 50}


async def test_every_gateway_has_its_own() -> None:
    one, other = Metrics(['/talk']), Metrics(['/talk'])
    await read(entrance(Talker(), one))
    assert (len(counts(one)), len(counts(other))) == (1, 0)
    assert repr(one) == '<Metrics of 1 endpoints>'
    without = entrance(Talker(), None)
    assert await read(without) == 3
    assert without.metrics_text() == b''


async def test_leaving_closes_what_makes_the_parts() -> None:
    talker = Talker()
    async with aclosing(entrance(talker, None).stream(Batch(), Context('/talk'))) as parts:
        await anext(parts)
    assert talker.is_closed

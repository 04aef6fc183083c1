"""What a gateway measures at its doors: each request once, with labels that callers cannot make."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from pathlib import Path
from time import perf_counter

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from headrace import Document, DocumentArray
from headrace.documents.schema import schema_of
from headrace.errors import Cancelled, Overloaded, RequestError
from headrace.gateway.entrance import Entrance
from headrace.gateway.finished import Finished
from headrace.gateway.measuring import Measuring
from headrace.gateway.metrics import OPENMETRICS, TEXT, Metrics, metrics_of
from headrace.gateway.observer import Observer
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.backlog import MOST
from headrace.observe.metrics.reading import read as read_files
from headrace.observe.metrics.store import Store
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, FlowInfo
from headrace.pipeline.hops import Hop, Timing
from headrace.spec import GatewaySpec
from headrace.spec.observe import MetricsSpec

SCHEMA = schema_of(Document)
INFO = FlowInfo('shop', (), (EndpointInfo('/talk', 'stream', SCHEMA, SCHEMA),))
TRACE = f'00-{"ab" * 16}-{"cd" * 8}-01'


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


def made(**settings: bool) -> Metrics:
    return metrics_of(INFO, MetricsSpec(**settings))


def entrance(talker: Talker, metrics: Metrics | None) -> Entrance:
    return Entrance.into(talker, INFO, GatewaySpec(), metrics=metrics)


async def read(way: Entrance, on: str = '/talk', protocol: str = 'grpc', **parameters: int) -> int:
    batch = Batch(DocumentArray.empty(1), dict(parameters))
    async with aclosing(way.stream(batch, Context(on), protocol=protocol)) as parts:
        return len([part async for part in parts])


def first_items(metrics: Metrics) -> dict[tuple[str, ...], float]:
    series = metrics.snapshot().values(catalogue.FIRST_ITEM_SECONDS)
    return {labels: values.count for labels, values in series.items()}


async def test_the_first_part_counts_and_no_other() -> None:
    metrics = made()
    way = entrance(Talker(), metrics)
    assert [await read(way), await read(way, n=100), await read(way, protocol='http')] == [3, 100, 3]
    assert first_items(metrics) == {('grpc', '/talk'): 2, ('http', '/talk'): 1}


async def test_what_has_no_part_is_not_measured() -> None:
    metrics = made()
    way = entrance(Talker(), metrics)
    assert await read(way, n=0) == 0
    with pytest.raises(RequestError):
        await read(way, '/bad')
    assert first_items(metrics) == {}


async def test_without_metrics_nothing_is_measured() -> None:
    talker = Talker()
    way = entrance(talker, None)
    assert await read(way) == 3
    assert talker.is_closed
    way.observer.ended(Finished('http', perf_counter(), '/talk'))
    assert way.observer.measuring is None


def ended(endpoint: str = '/talk', status: int = 200, protocol: str = 'http', trace: str = '') -> Finished:
    return Finished(protocol, perf_counter(), endpoint, status, documents=2, received_bytes=10, trace=trace)


def test_every_request_is_counted_once_by_what_became_of_it() -> None:
    metrics = made()
    for finished in (ended(), ended(), ended(status=429), ended(protocol='grpc')):
        metrics.observer.ended(finished)
    snapshot = metrics.snapshot()
    counts = {labels: values.value for labels, values in snapshot.values(catalogue.REQUESTS).items()}
    assert counts == {
        ('http', '/talk', '200'): 2,
        ('http', '/talk', '429'): 1,
        ('grpc', '/talk', '200'): 1,
    }
    for metric in (catalogue.REQUEST_SECONDS, catalogue.REQUEST_BYTES, catalogue.REQUEST_DOCUMENTS):
        assert {v.count for v in snapshot.values(metric).values()} == {3, 1}, metric.name
    assert snapshot.values(catalogue.REQUEST_DOCUMENTS)['http', '/talk'].value == 6
    assert snapshot.values(catalogue.RESPONSE_BYTES)['http', '/talk'].count == 0  # there were none


def test_callers_make_no_series() -> None:
    metrics = made()
    for number in range(500):
        finished = ended(f'/anything/{number}', trace=f'{number}', protocol='websocket')
        finished.request_id = finished.client = f'{number}' * 20
        metrics.observer.ended(finished)
        metrics.observer.first_item(0.1, protocol='websocket', endpoint=f'/anything/{number}')
    snapshot = metrics.snapshot()
    assert set(snapshot.values(catalogue.REQUESTS)) == {('websocket', '/default', '200')}
    assert all(len(measured.series) == 1 for measured in snapshot.metrics.values())


def test_pages_are_no_requests_of_the_flow() -> None:
    metrics = made()
    metrics.observer.ended(ended('', status=404))
    snapshot = metrics.snapshot()
    assert snapshot.total(catalogue.REQUESTS) == 0
    assert snapshot.total(catalogue.PAGES, status='404') == 1


def test_hops_are_measured_with_what_they_failed_of() -> None:
    metrics = made()
    finished = ended(trace=TRACE)
    timing = Timing(0.001, 0.0, 0.2, 3, 'encoder/rep-0')
    finished.hops = [Hop('encoder', 0.0, 0.3, timing), Hop('index', 0.3, 0.02, None, 'Unavailable')]
    metrics.observer.ended(finished)
    snapshot = metrics.snapshot()
    hops = snapshot.values(catalogue.HOP_SECONDS)
    assert {labels: values.value for labels, values in hops.items()} == {
        ('encoder', '/talk'): 0.3,
        ('index', '/talk'): 0.02,
    }
    [(_, _, trace)] = hops['encoder', '/talk'].exemplars.values()
    assert trace == 'ab' * 16
    errors = snapshot.values(catalogue.HOP_ERRORS)
    assert {labels: values.value for labels, values in errors.items()} == {('index', 'Unavailable'): 1}


def test_refusals_have_their_reason() -> None:
    metrics = made()
    way = entrance(Talker(), metrics)
    for error in (Overloaded('full'), Overloaded('full'), RequestError('that is no refusal'), ValueError()):
        way.refused(error, None, protocol='grpc', endpoint='/talk', request_id='')
    refusals = metrics.snapshot().values(catalogue.REFUSALS)
    assert {labels: values.value for labels, values in refusals.items()} == {('grpc', 'Overloaded'): 2}


def test_what_is_under_way() -> None:
    metrics = made()
    observer = metrics.observer
    observer.looks.append(lambda measuring: measuring.connections('http', 7))
    observer.came('grpc')
    observer.came('grpc')
    observer.left('grpc')
    snapshot = metrics.snapshot()
    assert snapshot.total(catalogue.IN_FLIGHT, protocol='grpc') == 1
    assert snapshot.total(catalogue.CONNECTIONS, protocol='http') == 7


async def test_both_formats_are_what_parsers_take() -> None:
    metrics = made(jina_names=True)
    metrics.observer.ended(ended(trace=TRACE))
    text, media_type = await metrics.text()
    assert media_type == TEXT
    families = {family.name: family for family in plain(text.decode())}
    [sample] = [s for s in families['headrace_requests'].samples if s.name == 'headrace_requests_total']
    assert sample.labels == {'flow': 'shop', 'protocol': 'http', 'endpoint': '/talk', 'status': '200'}
    assert 'jina_successful_requests' in families
    text, media_type = await metrics.text('application/openmetrics-text; version=1.0.0,text/plain;q=0.5')
    assert media_type == OPENMETRICS
    families = {family.name: family for family in openmetrics(text.decode())}
    kept = [s.exemplar for s in families['headrace_request_seconds'].samples if s.exemplar]
    assert [exemplar.labels for exemplar in kept] == [{'trace_id': 'ab' * 16}]
    assert all(sample.labels['flow'] == 'shop' for each in families.values() for sample in each.samples)


class Broken:
    def __call__(self, finished: Finished) -> None:
        raise RuntimeError('a listener of somebody')


def test_listeners_hear_what_they_want_to(caplog: pytest.LogCaptureFixture) -> None:
    observer, slow, failed, all_of_them = Observer(), [], [], []
    observer.listen(Broken())
    observer.listen(all_of_them.append)
    observer.listen(slow.append, over_s=1.0)
    observer.listen(failed.append, over_s=1000, status=500)
    quick, late, wrong = ended(), ended(), ended(status=503)
    late.started -= 2
    for finished in (quick, late, wrong):
        observer.ended(finished)
    assert (all_of_them, slow, failed) == ([quick, late, wrong], [late], [wrong])
    assert late.seconds > 2
    assert late.begun > 0
    assert 'could not be told' in caplog.text
    observer.forget(all_of_them.append)
    observer.ended(ended())
    assert len(all_of_them) == 3


def test_the_first_error_of_a_request_counts() -> None:
    finished = Finished('http', 0.0)
    assert finished.status == 499
    finished.failed(Cancelled('they left'))
    finished.failed(ValueError('later'))
    assert (finished.status, finished.error) == (499, 'Cancelled: they left')


def test_exemplars_are_not_made_of_traces_that_are_none() -> None:
    store = Store()
    measuring = Measuring(store, ['/talk'])
    finished = ended(trace='00-nonsense')
    finished.seconds = 0.5
    measuring.ended(finished)
    store.settle()
    seconds = store.histogram(catalogue.REQUEST_SECONDS).labels('http', '/talk')
    assert (seconds.count, seconds.sum) == (1, 0.5)


async def test_counts_are_there_for_others_at_once_and_durations_a_little_later(tmp_path: Path) -> None:
    with closing(Store(tmp_path, 'gateway')) as store:
        metrics = metrics_of(INFO, MetricsSpec(), store)
        assert counts_of(metrics, tmp_path, 5) == (5, 0)
        told = metrics.snapshot()
        assert told.values(catalogue.REQUEST_SECONDS)['http', '/talk'].count == 5
        assert told.values(catalogue.REQUEST_DOCUMENTS)['http', '/talk'].value == 10
        assert counts_of(metrics, tmp_path, MOST) == (5 + MOST, 5 + MOST)
        assert counts_of(metrics, tmp_path, 1) == (6 + MOST, 5 + MOST)
        metrics.close()
        assert counts_of(metrics, tmp_path, 0) == (6 + MOST, 6 + MOST)


def counts_of(metrics: Metrics, folder: Path, more: int) -> tuple[float, float]:
    """What others see of requests, after so many more: how many came, and how many durations."""
    for _ in range(more):
        metrics.observer.ended(ended(trace=TRACE))
    seen = read_files(folder)
    return seen.total(catalogue.REQUESTS), seen.values(catalogue.REQUEST_SECONDS)['http', '/talk'].count

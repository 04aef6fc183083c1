"""What is recorded beside requests that go well: a start, other libraries, who leaves, and who is late."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from opentelemetry import trace as otel
from otlp import collector, drawn, named

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.errors import BadServer


class Careful(Executor):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.tracer.start_as_current_span('load'):
            pass

    @requests(on='/endless')
    async def endless(self, doc: Document, **kwargs):
        while True:
            yield Document(text='more')

    @requests(on='/slow')
    async def slow(self, docs, **kwargs):
        await asyncio.sleep(30)

    @requests(on='/libraries')
    def library(self, docs, **kwargs):
        with otel.get_tracer('some library').start_as_current_span('fetch'):
            pass


def test_code_beside_requests_and_other_libraries_are_recorded_too():
    with collector() as collected:
        observe = {'traces': {'endpoint': collected.url}}
        with Flow(observe=observe).add(uses=Careful, name='careful') as flow:
            flow.post('/libraries', DocumentArray([Document(text='a')]))
        spans = collected.spans
        (load,) = named(spans, 'load')
        assert load.parent == ''
        (fetch,) = named(spans, 'fetch')
        assert fetch.trace == named(spans, '/libraries')[0].trace
        assert {span.id for span in named(spans, 'handler')} == {fetch.parent}


def test_who_leaves_a_stream_ends_its_spans():
    with collector() as collected:
        observe = {'traces': {'endpoint': collected.url}}
        with Flow(protocol='grpc', observe=observe).add(uses=Careful, name='careful') as flow:
            parts = flow.client.stream_doc('/endless', Document())
            next(parts)
            parts.close()
            collected.until(lambda spans: named(spans, '/endless'))
        for name in ('/endless', 'careful', 'careful /endless', 'handler'):
            (span,) = named(collected.spans, name)
            assert 'cancelled' in span.events, span
            assert not span.is_error


def late(flow: Any) -> None:
    """Ask for what takes longer than the request has; over HTTP as one who waits for the refusal."""
    if not flow.ports:
        with pytest.raises(BadServer):
            flow.post('/slow', DocumentArray([Document(text='a')]), timeout_s=0.3)
        return
    with httpx.Client(trust_env=False, timeout=60) as client:
        headers = {'x-headrace-timeout-s': '0.3'}
        answer = client.post(f'http://127.0.0.1:{flow.port}/slow', json={'data': [{}]}, headers=headers)
    assert answer.status_code == 504, answer.text


@pytest.mark.parametrize('place', ['local', 'in-process'])
def test_who_is_late_says_so_at_the_door(place):
    with collector() as collected:
        observe = {'traces': {'endpoint': collected.url}}
        flow = Flow(place=place, protocol='http', observe=observe).add(uses=Careful, name='careful')
        with flow as running:
            late(running)
        (request,) = named(collected.spans, '/slow')
        assert request.is_error
        assert request.attributes['error.type'] == 'DeadlineExceeded'
        assert request.attributes['headrace.status'] == 504
        assert named(collected.spans, 'handler'), drawn(collected.spans)

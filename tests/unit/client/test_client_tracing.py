"""A program that traces: each request of its client is a span of its own, and goes on in the Flow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import asyncio
import json

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.client import AsyncClient
from headrace.errors import BadServer


class Seen(Executor):
    @requests(on='/')
    def see(self, docs, context, **kwargs):
        for doc in docs:
            doc.text = context.trace

    @requests(on='/fail')
    def fail(self, docs, **kwargs):
        raise ValueError('no such word')

    @requests(on='/words')
    async def words(self, doc: Document, **kwargs):
        for word in 'abc':
            yield Document(text=word)


kept = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
seen = []


async def in_a_loop(flow):
    async with AsyncClient(f'grpc://127.0.0.1:{flow.port}') as client:
        with trace.get_tracer('program').start_as_current_span('program'):
            return (await client.post('/', Document())).texts


with Flow().add(uses=Seen, name='seen') as flow:
    with trace.get_tracer('program').start_as_current_span('program'):
        seen += flow.post('/', DocumentArray([Document(), Document()]), request_size=1).texts
        seen += flow.post('/', Document(), metadata={'traceparent': 'OWN'}).texts
        list(flow.client.stream_doc('/words', Document()))
        try:
            flow.post('/fail', Document())
        except BadServer:
            pass
    seen += flow.post('/', Document()).texts
    seen += asyncio.run(in_a_loop(flow))
spans = [
    {
        'name': span.name,
        'id': f'{span.context.span_id:016x}',
        'trace': f'{span.context.trace_id:032x}',
        'parent': f'{span.parent.span_id:016x}' if span.parent else '',
        'kind': span.kind.name,
        'is_error': not span.status.is_ok,
        'documents': span.attributes.get('headrace.documents'),
    }
    for span in kept.get_finished_spans()
]
print(json.dumps({'seen': seen, 'spans': spans}))
"""
OWN = f'00-{"c" * 32}-{"d" * 16}-01'


@pytest.fixture(scope='module')
def told(tmp_path_factory) -> Any:
    folder: Path = tmp_path_factory.mktemp('program')
    (folder / 'program.py').write_text(PROGRAM.replace('OWN', OWN))
    done = subprocess.run(
        [sys.executable, 'program.py'], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def sent(told: Any) -> list[dict[str, Any]]:
    return [span for span in told['spans'] if span['kind'] == 'CLIENT']


def test_each_request_is_a_span_within_that_of_the_program(told):
    program = [span for span in told['spans'] if span['name'] == 'program']
    names = [span['name'] for span in sent(told)]
    assert sorted(names) == ['post /', 'post /', 'post /', 'post /', 'post /fail', 'post /words']
    within = [span for span in sent(told) if span['parent'] == program[0]['id']]
    assert len(within) == 4
    assert all(span['documents'] == 1 for span in within)
    assert [span['parent'] for span in sent(told)][-1] == program[1]['id']  # of the asynchronous client


def test_the_flow_gets_the_span_of_its_request(told):
    assert {text[:53] for text in told['seen'] if text != OWN} == {
        f'00-{span["trace"]}-{span["id"]}-' for span in sent(told) if span['name'] == 'post /'
    }


def test_what_the_request_says_itself_counts(told):
    assert OWN in told['seen']


def test_an_error_is_told(told):
    assert [span['name'] for span in sent(told) if span['is_error']] == ['post /fail']

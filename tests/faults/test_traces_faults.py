"""Traces when things break: a replica that is killed, a collector that is away, or hangs."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from otlp import Received, collector, drawn, is_one_tree, named, of_trace
from waiting import wait_until

from headrace import Document, Executor, Flow, requests

TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
SPAN = '00f067aa0ba902b7'


class Deadly(Executor):
    @requests(on='/once')
    def once(self, docs, parameters, **kwargs):
        marker = Path(parameters['marker'])
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        docs[0].text = self.runtime_args.full_name

    @requests(on='/live')
    def live(self, docs, **kwargs):
        pass


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
def test_the_trace_of_a_request_whose_replica_is_killed_has_both_attempts(tmp_path, protocol):
    with collector() as collected:
        observe = {'traces': {'endpoint': collected.url}}
        flow = Flow(protocol=protocol, observe=observe).add(uses=Deadly, name='deadly', replicas=2)
        with flow as running:
            (doc,) = running.post(
                '/once',
                Document(),
                parameters={'marker': str(tmp_path / 'killed')},
                metadata={'traceparent': f'00-{TRACE}-{SPAN}-01'},
            )
        spans = of_trace(collected.spans, TRACE)
        assert is_one_tree(spans, SPAN), drawn(spans)
        (visit,) = named(spans, 'deadly')
        assert visit.attributes['headrace.attempts'] == 2
        assert visit.attributes['headrace.replica'].startswith(doc.text)
        failed = visit.events['attempt failed']
        assert not failed['headrace.replica'].startswith(doc.text)
        assert 'deadly' in failed['headrace.error'] or 'connection' in failed['headrace.error']
        (served,) = [span for span in spans if span.service == 'deadly' and span.parent == visit.id]
        assert served.name == f'{doc.text} /once'
        assert not any(span.is_error for span in spans), drawn(spans)


@contextmanager
def hanging() -> Iterator[str]:
    """The address of one who takes connections, and never answers."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        taken: list[socket.socket] = []
        server.settimeout(0.1)
        is_over = threading.Event()

        def accept() -> None:
            while not is_over.is_set():
                try:
                    taken.append(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f'http://127.0.0.1:{server.getsockname()[1]}'
        finally:
            is_over.set()
            thread.join()
            for each in taken:
                each.close()


@contextmanager
def away() -> Iterator[str]:
    """An address where nobody listens, and nobody else can."""
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        yield f'http://127.0.0.1:{taken.getsockname()[1]}'


REQUESTS = 300


def lasted(observe: dict[str, Any], place: str = 'local') -> tuple[float, float]:
    """How long some requests took, and then the stop."""
    with Flow(protocol='http', place=place, observe=observe).add(uses=Deadly, name='deadly') as flow:
        flow.post('/live', Document())
        begun = time.monotonic()
        for _ in range(REQUESTS):
            flow.post('/live', Document())
        took_s = time.monotonic() - begun
        begun = time.monotonic()
    return took_s, time.monotonic() - begun


@pytest.mark.alone
@pytest.mark.parametrize('collecting', [away, hanging])
@pytest.mark.parametrize('protocol', ['grpc', 'http'])
def test_a_collector_that_is_not_there_holds_up_neither_requests_nor_the_stop(collecting, protocol):
    with collecting() as url:
        traces = {'endpoint': url, 'protocol': protocol, 'queue': 64}
        took_s, stopped_s = lasted({'traces': traces})
    assert took_s < 15  # each would wait for seconds
    assert stopped_s < 6


@pytest.mark.alone
def test_the_end_in_one_process_is_as_quick():
    with hanging() as url:
        _, stopped_s = lasted({'traces': {'endpoint': url}}, 'in-process')
    assert stopped_s < 6


def test_a_collector_that_comes_later_gets_what_comes_then():
    def late(spans: list[Received]) -> list[Received]:
        return named(spans, '/live')

    with collector() as first:
        url = first.url
    with Flow(protocol='http', observe={'traces': {'endpoint': url}}).add(uses=Deadly, name='deadly') as flow:
        flow.post('/live', Document())
        with collector(int(url.rpartition(':')[2])) as again:

            def is_told() -> bool:
                flow.post('/live', Document())
                return bool(late(again.spans))

            wait_until(is_told)

"""Lines about requests: of all, of a part, of those that failed, and of slow ones."""

from __future__ import annotations

import logging
import time

import pytest

from headrace.errors import Unauthenticated
from headrace.gateway import requestlog
from headrace.gateway.finished import Finished
from headrace.gateway.observer import Observer
from headrace.gateway.requestlog import log_requests
from headrace.observe.log import line_of
from headrace.observe.loglines import to_text
from headrace.pipeline.hops import Hop, Timing
from headrace.spec.observe import LogsSpec


@pytest.fixture(autouse=True)
def heard():
    """Hear what is logged about requests, as lines; and forget what tests set."""
    lines = []

    class Ear(logging.Handler):
        def emit(self, record):
            lines.append(line_of(record, {'process': 'gateway'}))

    ear = Ear()
    logs = (requestlog.ACCESS_LOG, requestlog.SLOW_LOG)
    for log in logs:
        log.addHandler(ear)
    yield lines
    for log in logs:
        log.removeHandler(ear)
        log.setLevel(logging.NOTSET)


def finished(status=200, took_s=0.01, **fields):
    return Finished(
        'http', time.perf_counter() - took_s, '/encode', status, request_id='abc', client='10.0.0.7', **fields
    )


def told(spec, *requests):
    observer = Observer()
    log_requests(observer, spec)
    for request in requests:
        observer.ended(request)


def test_what_was_refused_has_its_line_in_the_audit_log_alone(heard):
    refused, failed = finished(), finished()
    refused.failed(Unauthenticated('nobody knows who calls'))
    failed.failed(ValueError('mine'))
    told(LogsSpec(access='all'), refused, failed)
    assert [line.facts['status'] for line in heard] == [500]


def test_without_a_wish_nothing_is_told(heard):
    told(LogsSpec(), finished(), finished(500), finished(took_s=100))
    assert heard == []


def test_every_request_has_a_line(heard):
    told(
        LogsSpec(access='all'),
        finished(documents=3, received_bytes=70),
        finished(499, error='Cancelled: left'),
    )
    good, gone = heard
    assert good.facts == {
        'protocol': 'http',
        'status': 200,
        'ms': pytest.approx(10, abs=9),
        'received_bytes': 70,
        'sent_bytes': 0,
        'documents': 3,
        'client': '10.0.0.7',
    }
    assert (good.level, good.logger, good.endpoint, good.request_id) == (
        'INFO',
        'headrace.access',
        '/encode',
        'abc',
    )
    assert gone.facts['reason'] == 'Cancelled: left'
    assert '10.0.0.7 http /encode 499 ' in to_text(gone)
    assert to_text(gone).endswith('0 bytes in, 0 out: Cancelled: left  request_id=abc')


def test_only_errors_if_no_more_is_wanted(heard):
    told(LogsSpec(access='errors'), finished(), finished(404), finished(500), finished(took_s=100))
    assert [line.facts['status'] for line in heard] == [404, 500]


def test_a_part_of_the_requests_but_every_error(heard):
    told(LogsSpec(access='all', access_sample=0.3), *(finished() for _ in range(1000)), finished(503))
    good = [line for line in heard if line.facts['status'] == 200]
    assert 200 < len(good) < 400
    assert heard[-1].facts['status'] == 503
    heard.clear()
    told(LogsSpec(access='all', access_sample=0), finished(), finished(503))
    assert len(heard) == 1


def test_a_slow_request_says_where_its_time_went(heard):
    begun = time.perf_counter() - 0.4
    hops = [
        Hop('first', begun, 0.1, Timing(0.02, 0.01, 0.05, 4, 'first/rep-1', 2)),
        Hop('left', begun + 0.1, 0.2, Timing(0.0, 0.0, 0.2, 4)),
        Hop('right', begun + 0.15, 0.1, None, 'Unavailable'),
    ]
    told(LogsSpec(slow_s=0.3), finished(took_s=0.4, hops=hops), finished(took_s=0.2, hops=[]), finished(500))
    (line,) = heard
    first, left, right = line.facts['hops']
    assert first == {
        'executor': 'first',
        'ms': 100,
        'queue_ms': 10,
        'batch_ms': 10,
        'handler_ms': 50,
        'way_ms': 30,
        'documents': 4,
        'replica': 'first/rep-1',
        'attempts': 2,
    }
    assert left['way_ms'] == 0
    assert right == {'executor': 'right', 'ms': 100, 'error': 'Unavailable'}
    assert line.facts['gateway_ms'] == pytest.approx(100, abs=20)  # those side by side count once
    assert (
        'first/rep-1 100 ms (queue 10, batch 10, handler 50, way 30); '
        'left 200 ms (queue 0, handler 200, way 0); right 100 ms Unavailable; gateway 10' in line.message
    )
    assert line.level == 'WARNING'


def test_a_slow_request_that_came_to_no_executor_says_so(heard):
    told(LogsSpec(slow_s=0.3), finished(413, took_s=0.4))
    assert 'it came to no executor' in heard[0].message

"""A request that failed in an executor says where its time went: on the dashboard, in metrics."""

from __future__ import annotations

import time

import httpx
import pytest

from headrace import Document, DocumentArray, Executor, Flow, dynamic_batching, requests
from headrace.errors import BadServer

LONG_S = 0.2
ENDPOINTS = {'/plain', '/gathered'}


class Fails(Executor):
    @requests(on='/plain')
    def plain(self, docs: DocumentArray, **kwargs: object) -> None:
        time.sleep(LONG_S)
        raise ValueError('no such word')

    @requests(on='/gathered')
    @dynamic_batching(preferred_batch_size=4)
    def gathered(self, docs: DocumentArray, **kwargs: object) -> None:
        time.sleep(LONG_S)
        raise ValueError('no such word')


def test_where_the_time_went_is_known() -> None:
    flow = Flow(protocol='http')
    with flow.add(uses=Fails, name='fails', replicas=2) as running, httpx.Client(trust_env=False) as client:
        for endpoint in ENDPOINTS:
            with pytest.raises(BadServer):
                running.post(endpoint, Document())
        url = f'http://127.0.0.1:{running.port}'
        failed = client.get(f'{url}/dashboard/requests').json()['failed']
        text = client.get(f'{url}/metrics').text
    assert {each['endpoint'] for each in failed} == ENDPOINTS
    for each in failed:
        [hop] = each['hops']
        assert hop['error'] == 'ExecutorFailure'
        assert hop['is_timed']
        assert hop['handler_s'] >= LONG_S * 0.9
        assert hop['replica'] in ('fails/rep-0', 'fails/rep-1')
    for endpoint in ENDPOINTS:
        told = f'headrace_handler_seconds_count{{endpoint="{endpoint}"'
        counts = [float(line.split()[-1]) for line in text.splitlines() if line.startswith(told)]
        assert sum(counts) == 1

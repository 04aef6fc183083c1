"""Counts are exact whatever dies: of replicas and shards, of gateways, before a kill and after it."""

from __future__ import annotations

import shutil
import subprocess

import httpx
import pytest
from oracle import oracles
from prometheus_client.parser import text_string_to_metric_families as families
from storm import Killer, gateways, storm, workers
from waiting import until


class Scrape:
    """What one answer of /metrics says."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [sample for family in families(text) for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def by(self, name: str, *labels: str, **wanted: str) -> dict[tuple[str, ...], float]:
        """The samples by the values of some labels."""
        return {
            tuple(sample.labels[label] for label in labels): sample.value
            for sample in self.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        }

    def counts(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every number of ours that may only grow."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for sample in self.samples
            if sample.name.startswith('headrace_') and sample.name.endswith(('_total', '_count', '_bucket'))
        }


async def scraped(port: int) -> Scrape:
    """Ask on a connection of its own, so that any of several gateways answers."""
    async with httpx.AsyncClient(base_url=f'http://127.0.0.1:{port}') as client:
        answer = await client.get('/metrics')
    assert answer.status_code == 200
    return Scrape(answer.text)


async def asked(port: int, count: int) -> None:
    """Ask so often, each time on a connection of its own, and be answered."""
    body = {'data': [{'text': 'why?'}, {'text': 'how?'}], 'execEndpoint': '/all'}
    for _ in range(count):
        async with httpx.AsyncClient(base_url=f'http://127.0.0.1:{port}') as client:
            answer = await client.post('/post', json=body)
        assert answer.status_code == 200, answer.text


async def test_counts_are_exact_over_replicas_and_shards_and_stay_when_a_worker_is_killed() -> None:
    flow = oracles('http', shards=2, replicas=2, polling='ALL')
    async with flow:
        await asked(flow.port, 20)
        async with httpx.AsyncClient(base_url=f'http://127.0.0.1:{flow.port}') as client:
            assert [(await client.get(f'/no/page/{n}')).status_code for n in range(3)] == [404] * 3
        seen = await scraped(flow.port)
        check(seen, 20)
        assert seen.by('headrace_replica_up', 'shard', 'replica').keys() == {
            (shard, replica) for shard in '01' for replica in '01'
        }
        assert set(seen.by('headrace_replica_up', 'shard', 'replica').values()) == {1}
        for killed in range(1, 4):
            await until(lambda wanted=10 + 10 * killed: all_timed(flow.port, wanted))
            workers()[0].kill()
            await until(lambda: len(workers()) == 4)
            await until(lambda: all_up(flow.port))
            await asked(flow.port, 10)
            seen = await scraped(flow.port)
            check(seen, 20 + 10 * killed)
            assert seen.total('headrace_restarts_total', executor='oracle', reason='killed') == killed
            assert seen.total('headrace_replicas', executor='oracle', state='serving') == 4
        await until(lambda: all_timed(flow.port, 50))
        promtool(seen.text)


async def all_timed(port: int, answered: int) -> bool:
    """Whether all calls are among the durations that executors tell: they do so a quarter second later."""
    seen = await scraped(port)
    counts = seen.by('headrace_handler_seconds_count', 'shard', 'replica', endpoint='/all')
    told = [sum(count for (of, _), count in counts.items() if of == shard) for shard in '01']
    assert max(told) <= answered
    return told == [answered, answered]


async def all_up(port: int) -> bool:
    seen = await scraped(port)
    return list(seen.by('headrace_replica_up', 'shard', 'replica').values()) == [1] * 4


def check(seen: Scrape, answered: int) -> None:
    """Each request of two documents went to one replica of both shards."""
    labels = {'protocol': 'http', 'endpoint': '/all', 'status': '200', 'flow': 'flow'}
    assert seen.total('headrace_requests_total', **labels) == answered
    assert seen.total('headrace_request_documents_sum', endpoint='/all') == 2 * answered
    assert seen.total('headrace_request_seconds_count', endpoint='/all') == answered
    assert seen.total('headrace_hop_seconds_count', executor='oracle', endpoint='/all') == answered
    for shard in '01':
        who = {'executor': 'oracle', 'shard': shard, 'endpoint': '/all'}
        assert seen.total('headrace_executor_requests_total', **who) == answered
        assert seen.total('headrace_executor_documents_total', **who) == 2 * answered
    assert seen.total('headrace_page_requests_total', status='404') == 3


async def test_counts_stay_when_a_gateway_is_killed_and_every_gateway_tells_the_same() -> None:
    flow = oracles('http').config_gateway(replicas=2)
    async with flow:
        await asked(flow.port, 16)
        for killed in range(3):
            for _ in range(6):
                await until(lambda wanted=16 + 4 * killed: is_told(flow.port, wanted))
            gone = gateways()[0]
            gone.kill()
            await until(lambda old=gone.pid: len(gateways()) == 2 and old not in [g.pid for g in gateways()])
            await until(lambda wanted=killed + 1: is_restarted(flow.port, wanted))
            await asked(flow.port, 4)
        await until(lambda: is_told(flow.port, 28))


async def is_told(port: int, wanted: int) -> bool:
    seen = await scraped(port)
    assert seen.total('headrace_requests_total', status='200') <= wanted
    return seen.total('headrace_requests_total', status='200') == wanted


async def is_restarted(port: int, times: int) -> bool:
    try:
        seen = await scraped(port)
    except httpx.TransportError:  # it came to the one that is just gone
        return False
    return seen.total('headrace_restarts_total', executor='gateway') == times


async def test_no_count_falls_while_workers_are_killed_under_load() -> None:
    seen: list[Scrape] = []
    async with oracles('http', replicas=3) as flow, storm('http', flow.port) as load:
        for _ in range(5):
            await Killer(load).kill(1, of=3)
            seen.append(await scraped(flow.port))
            seen.append(await scraped(flow.port))
        await load.stop()
        last = await scraped(flow.port)
    for before, after in zip(seen, [*seen[1:], last], strict=True):
        counts = after.counts()
        assert all(counts[key] >= count for key, count in before.counts().items())
    assert last.total('headrace_requests_total', status='200') == load.answered
    assert last.total('headrace_executor_requests_total') >= load.answered
    assert last.total('headrace_retries_total', executor='oracle') >= 1


def promtool(text: str) -> None:
    """Prometheus's own opinion of the names and texts, where its tool is installed."""
    tool = shutil.which('promtool')
    if tool is None:
        return
    said = subprocess.run([tool, 'check', 'metrics'], input=text, text=True, capture_output=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.needs('prometheus')
async def test_prometheus_finds_nothing_wrong_with_any_metric() -> None:
    async with oracles('http') as flow:
        await asked(flow.port, 1)
        promtool((await scraped(flow.port)).text)

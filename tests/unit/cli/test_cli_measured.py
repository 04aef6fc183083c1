"""What a Flow says of itself twice in, what `headrace top` shows of it out."""

from __future__ import annotations

import io

from rich.console import Console

from headrace.cli.measured import between
from headrace.cli.top_table import SORTS, drawn
from headrace.gateway.dashboard import figures
from headrace.gateway.dashboard.records import ExecutorState, State, VersionState
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.reading import read
from headrace.observe.metrics.store import Store


def state(at: float, *executors: ExecutorState) -> State:
    return State(at=at, name='it', title='', headrace='', uptime_s=at, status='ready', executors=executors)


def test_what_waits_at_gateways_and_the_queue_of_executors_are_told_apart() -> None:
    store = Store()

    def now() -> ExecutorState:
        return figures.executor(read(None, store), 'encoder', {}, is_ready=True)

    store.gauge(catalogue.QUEUE_LENGTH).labels('encoder', '0').set(4)
    for endpoint in ('/a', '/b'):
        store.counter(catalogue.EXECUTOR_REQUESTS).labels('encoder', '0', '0', endpoint).add()
        store.histogram(catalogue.EXECUTOR_QUEUE_SECONDS).labels('encoder', '0', '0', endpoint).observe(5.0)
    before = now()
    (still,) = between(state(1.0, before), state(2.0, before)).executors
    assert (still.waiting, still.queue_p99_s) == (4, None)
    for endpoint in ('/a', '/b'):
        store.histogram(catalogue.EXECUTOR_QUEUE_SECONDS).labels('encoder', '0', '0', endpoint).observe(0.02)
    (busy,) = between(state(1.0, before), state(2.0, now())).executors
    assert busy.waiting == 4
    assert busy.queue_p99_s is not None
    assert 0.01 < busy.queue_p99_s <= 0.025


def test_executors_are_sorted_by_both() -> None:
    assert {'waiting', 'queue p99'} <= SORTS.keys()


def test_versions_have_rows_of_their_own() -> None:
    def now(main: int, v2: int) -> State:
        versions = (
            VersionState(name='main', weight=9.0, requests=main),
            VersionState(name='v2', weight=1.0, requests=v2),
        )
        return state(10.0 + main, ExecutorState(name='encoder', requests=main + v2, versions=versions))

    pace = between(now(0, 0), now(18, 2))
    assert [(each.name, each.share, each.pace.rate) for each in pace.executors[0].versions] == [
        ('main', 0.9, 1.0),
        ('v2', 0.1, 0.111),
    ]
    console = Console(width=150, file=io.StringIO(), record=True)
    console.print(drawn(pace))
    assert [line.split()[:3] for line in console.export_text().splitlines() if '%' in line] == [
        ['main', '90%', '1'],
        ['v2', '10%', '0.111'],
    ]

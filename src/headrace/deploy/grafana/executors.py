"""One row per executor: what it gets, how long that waits and takes, what fails, and how full it is."""

from __future__ import annotations

from headrace.deploy.grafana.asking import asking, choices
from headrace.deploy.grafana.panels import Dashboard, Panel, Query, Row, limit
from headrace.deploy.monitored import Monitored, MonitoredExecutor
from headrace.deploy.promql import Queries, quoted
from headrace.observe.metrics import catalogue as of

UNFOLDED = 3
"""So many executors are shown at once; a click opens the others."""


def executors(flow: Monitored) -> Dashboard:
    """Every executor of a Flow, in the order in which requests visit them."""
    rows = (_row(executor, asking(flow, 'endpoint'), index) for index, executor in enumerate(flow.executors))
    return Dashboard(
        topic='executors',
        title='executors',
        says='Where a request spends its time: the way there, the queue of the executor, or the code itself.',
        choices=choices(flow, 'endpoint'),
        rows=tuple(rows),
    )


def _row(executor: MonitoredExecutor, all_of_them: Queries, index: int) -> Row:
    ask = all_of_them.where(('executor', '=', quoted(executor.name)))
    panels = [_calls(ask), _errors(executor, ask)]
    if not executor.external:
        panels.insert(1, _times(ask))
        panels += [_fullness(executor, ask), _replicas(ask), _handler(ask)]
    return Row(executor.in_words, tuple(panels), collapsed=index >= UNFOLDED)


def _calls(ask: Queries) -> Panel:
    return Panel(
        title='Calls',
        says='Calls per second that gateways made, by endpoint.',
        queries=(Query(ask.counted(of.HOP_SECONDS, 'endpoint'), '{{endpoint}}'),),
        unit='reqps',
        stacked=True,
    )


def _times(ask: Queries) -> Panel:
    waited, queue, works = map(ask.mean, (of.HOP_SECONDS, of.EXECUTOR_QUEUE_SECONDS, of.HANDLER_SECONDS))
    return Panel(
        title='Where the time goes',
        says='Means. "all" is what gateways wait. If "queue" is large: more replicas, or batches. If '
        '"works" is: the code. If "on the way" is: large documents, or a busy machine.',
        queries=(
            Query(waited, 'all'),
            Query(queue, 'queue'),
            Query(works, 'works'),
            Query(f'{waited} - {queue} - {works}', 'on the way'),
        ),
        unit='s',
    )


def _errors(executor: MonitoredExecutor, ask: Queries) -> Panel:
    found = [
        Query(ask.rate(of.HOP_ERRORS, 'error'), 'failed: {{error}}'),
        Query(ask.rate(of.RETRIES), 'tried again'),
    ]
    return Panel(
        title='Errors and further attempts',
        says='Calls per second that failed for good, by the class of the error; and calls that another '
        f'replica was asked. What {executor.name} printed last says more (headrace logs).',
        queries=tuple(found),
        unit='reqps',
    )


def _fullness(executor: MonitoredExecutor, ask: Queries) -> Panel:
    return Panel(
        title='Waiting at the gateways',
        says=f'Calls that no replica had room for. At {executor.max_queue} more are refused as Overloaded: '
        'add replicas before.',
        queries=(Query(ask.now(of.QUEUE_LENGTH, 'shard'), 'shard {{shard}}'),),
        steps=limit(executor.max_queue, warns_at=0.8 * executor.max_queue),
    )


def _replicas(ask: Queries) -> Panel:
    return Panel(
        title='At each replica',
        says='Calls that a replica has and has not answered. One that has many more than the others is slow, '
        'or hangs.',
        queries=(Query(ask.now(of.REPLICA_IN_FLIGHT, 'shard', 'replica'), '{{shard}}/{{replica}}'),),
    )


def _handler(ask: Queries) -> Panel:
    return Panel(
        title='The code, by endpoint',
        says='How long a call of the code takes, p50 and p99. Far apart: some inputs are larger, or the '
        'machine stops it at times.',
        queries=(
            Query(ask.quantile(0.5, of.HANDLER_SECONDS, 'endpoint'), 'p50 {{endpoint}}'),
            Query(ask.quantile(0.99, of.HANDLER_SECONDS, 'endpoint'), 'p99 {{endpoint}}'),
        ),
        unit='s',
    )

"""How full everything is: the gateway, the queues, the replicas, the machine."""

from __future__ import annotations

from headrace.deploy.grafana.asking import asking, choices
from headrace.deploy.grafana.panels import Dashboard, Panel, Query, Row, limit
from headrace.deploy.monitored import Monitored
from headrace.deploy.promql import Queries
from headrace.observe.metrics import catalogue as of

PLACE = ('executor', 'shard', 'replica')

CHOICES = ('executor',)


def saturation(flow: Monitored) -> Dashboard:
    """What will be full first."""
    ask = asking(flow, *CHOICES)
    rows = [Row('Gateway', _gateway(flow, ask))]
    if flow.here:
        rows.append(Row('Executors', _executors(ask)))
    rows.append(Row('Machine', _machine(ask)))
    if flow.has_gpus:
        rows.append(Row('GPUs', _gpus(ask)))
    return Dashboard(
        topic='saturation',
        title='saturation',
        says='What will be full first? What waits here is what callers wait for.',
        choices=choices(flow, *CHOICES),
        rows=tuple(rows),
    )


def _gateway(flow: Monitored, ask: Queries) -> tuple[Panel, ...]:
    return (
        Panel(
            title='Requests in flight',
            says=f'At {flow.max_requests} more are refused as Overloaded (gateway.max_requests).',
            queries=(Query(ask.now(of.IN_FLIGHT, 'protocol'), '{{protocol}}'),),
            steps=limit(flow.max_requests, warns_at=0.8 * flow.max_requests),
            stacked=True,
        ),
        Panel(
            title='Calls that wait for a replica',
            says='0 is normal. If it stays above, this executor is what limits the Flow: add replicas to it.',
            queries=(Query(ask.now(of.QUEUE_LENGTH, 'executor', 'shard'), '{{executor}} {{shard}}'),),
        ),
        Panel(
            title='Refused for want of room',
            says='Requests per second that were told to come again.',
            queries=(
                Query(
                    f'{ask.where(("reason", "=", "Overloaded")).rate(of.REFUSALS)} or vector(0)', 'refused'
                ),
            ),
            unit='reqps',
        ),
    )


def _executors(ask: Queries) -> tuple[Panel, ...]:
    return (
        Panel(
            title='Busy',
            says='The part of the time in which the code of a replica runs. One that handles a call at a '
            'time is full at 100 %; one with asynchronous handlers or several threads may have more.',
            queries=(Query(ask.summed(of.HANDLER_SECONDS, *PLACE), '{{executor}} {{shard}}/{{replica}}'),),
            unit='percentunit',
            steps=limit(0.95, warns_at=0.8),
        ),
        Panel(
            title='Queue of executors, p99',
            says='How long calls wait there for their turn, a thread, or their batch.',
            queries=(Query(ask.quantile(0.99, of.EXECUTOR_QUEUE_SECONDS, 'executor'), '{{executor}}'),),
            unit='s',
        ),
        Panel(
            title='Queue, compared with work',
            says='Above 1 a call is longer in the queue than it is worked on. Above 2 for a quarter of an '
            'hour is an alert.',
            queries=(
                Query(
                    f'({ask.mean(of.EXECUTOR_QUEUE_SECONDS, "executor")}) / '
                    f'({ask.mean(of.HANDLER_SECONDS, "executor")} > 0)',
                    '{{executor}}',
                ),
            ),
            steps=limit(2, warns_at=1),
        ),
    )


def _machine(ask: Queries) -> tuple[Panel, ...]:
    return (
        Panel(
            title='CPU',
            says='Cores that each process uses. A gateway at 1 is full: gateway.replicas adds more.',
            queries=(Query(ask.rate(of.PROCESS_CPU, 'process'), '{{process}}'),),
            unit='short',
        ),
        Panel(
            title='Memory',
            says='What is shared counts in every process. If it only climbs, an executor keeps what it '
            'should let go.',
            queries=(Query(ask.now(of.PROCESS_MEMORY, 'process'), '{{process}}'),),
            unit='bytes',
            stacked=True,
        ),
        Panel(
            title='Files and sockets',
            says='If it only climbs, something is never closed; the system allows often 1024.',
            queries=(Query(ask.now(of.PROCESS_FILES, 'process', how='max'), '{{process}}'),),
        ),
    )


def _gpus(ask: Queries) -> tuple[Panel, ...]:
    return (
        Panel(
            title='GPU at work',
            says='The part of the time in which a GPU has something to do. Low under load: larger batches, '
            'or more replicas on it.',
            queries=(Query(ask.now(of.GPU_UTILIZATION, 'gpu', how='max'), 'GPU {{gpu}}'),),
            unit='percentunit',
            most=1,
            width=12,
        ),
        Panel(
            title='GPU memory',
            says='The part that is in use.',
            queries=(
                Query(
                    f'{ask.now(of.GPU_MEMORY, "gpu", how="max")} / '
                    f'{ask.now(of.GPU_MEMORY_TOTAL, "gpu", how="max")}',
                    'GPU {{gpu}}',
                ),
            ),
            unit='percentunit',
            most=1,
            width=12,
            steps=limit(0.95),
        ),
    )

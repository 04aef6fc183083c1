"""Whether requests share calls: how large batches are, how long they gather, and what that is worth."""

from __future__ import annotations

from headrace.deploy.grafana.asking import asking, choices
from headrace.deploy.grafana.panels import GOOD, Dashboard, Panel, Query, Row, Step
from headrace.deploy.monitored import Monitored
from headrace.deploy.promql import Queries
from headrace.observe.metrics import catalogue as of

CHOICES = ('executor', 'endpoint')


def batching(flow: Monitored) -> Dashboard:
    """Batches of the executors that make some."""
    ask = asking(flow, *CHOICES)
    return Dashboard(
        topic='batching',
        title='batching',
        says='Executors whose requests share calls (dynamic batching). Empty where none does.',
        choices=choices(flow, *CHOICES),
        rows=(Row('Batches', _batches(flow, ask)), Row('What they are worth', _worth(ask))),
    )


def _batches(flow: Monitored, ask: Queries) -> tuple[Panel, ...]:
    sizes = sorted({size for executor in flow.executors for size in executor.batch_sizes})
    return (
        Panel(
            title='Documents in a call',
            says='Close to preferred_batch_size under load is good. Close to 1 under load: max_wait_ms is '
            'too short, or sticky requests and many replicas leave too little for each.',
            queries=(
                Query(ask.mean(of.BATCH_DOCUMENTS, 'executor', 'endpoint'), '{{executor}} {{endpoint}}'),
            ),
            width=12,
            steps=(Step(None, GOOD), *(Step(size, GOOD) for size in sizes)) if sizes else (),
        ),
        Panel(
            title='How many calls had how many documents',
            says='The darker, the more calls.',
            queries=(Query(ask.buckets(of.BATCH_DOCUMENTS)),),
            kind='heatmap',
            width=12,
        ),
        Panel(
            title='Gathering',
            says='How long requests waited for others to share a call with. A lone request does not wait.',
            queries=(
                Query(ask.quantile(0.5, of.BATCH_WAIT_SECONDS, 'executor'), 'p50 {{executor}}'),
                Query(ask.quantile(0.99, of.BATCH_WAIT_SECONDS, 'executor'), 'p99 {{executor}}'),
            ),
            unit='s',
            width=12,
        ),
        Panel(
            title='Gathering, of all waiting',
            says='The part of the waiting that is for a batch. The rest is for a turn: what helps against '
            'that is more replicas, not a shorter max_wait_ms.',
            queries=(
                Query(
                    f'{ask.summed(of.BATCH_WAIT_SECONDS, "executor")} / '
                    f'{ask.summed(of.EXECUTOR_QUEUE_SECONDS, "executor")}',
                    '{{executor}}',
                ),
            ),
            unit='percentunit',
            width=12,
        ),
    )


def _worth(ask: Queries) -> tuple[Panel, ...]:
    return (
        Panel(
            title='Time per document',
            says='What the code takes for one document. If it does not fall when batches grow, the handler '
            'does not gain by them.',
            queries=(
                Query(
                    f'{ask.summed(of.HANDLER_SECONDS, "executor")} / '
                    f'{ask.rate(of.EXECUTOR_DOCUMENTS, "executor")}',
                    '{{executor}}',
                ),
            ),
            unit='s',
            width=12,
        ),
        Panel(
            title='Requests in a call',
            says='How many requests share one call, in the mean. 1 is no batching.',
            queries=(
                Query(
                    f'{ask.rate(of.EXECUTOR_REQUESTS, "executor")} / '
                    f'{ask.counted(of.HANDLER_SECONDS, "executor")}',
                    '{{executor}}',
                ),
            ),
            width=12,
        ),
    )

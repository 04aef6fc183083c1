"""What fails, what is refused, what is tried again, and what was started anew."""

from __future__ import annotations

from headrace.deploy.grafana.asking import asking, choices
from headrace.deploy.grafana.panels import Dashboard, Panel, Query, Row, floor, limit
from headrace.deploy.monitored import Monitored
from headrace.deploy.objectives import Objectives
from headrace.deploy.promql import FAILED, Queries
from headrace.observe.metrics import catalogue as of

CHOICES = ('protocol', 'endpoint', 'executor')


def errors(flow: Monitored, objectives: Objectives) -> Dashboard:
    """From the answer that a caller saw down to the process that failed."""
    ask = asking(flow, *CHOICES)
    rows = [Row('Answers', _answers(objectives, ask))]
    rows.append(Row('Executors', _executors(flow, ask)))
    if flow.here:
        rows.append(Row('Processes', _processes(ask)))
    return Dashboard(
        topic='errors',
        title='errors',
        says='From the top: what callers saw, which executor it was, and which process.',
        choices=choices(flow, *CHOICES),
        rows=tuple(rows),
    )


def _answers(objectives: Objectives, ask: Queries) -> tuple[Panel, ...]:
    failed = ask.where(FAILED)
    return (
        Panel(
            title='Failed, by endpoint',
            says='The part of the requests of an endpoint that failed (5xx). Dashed: what is promised.',
            queries=(
                Query(
                    ask.ratio(failed.rate(of.REQUESTS, 'endpoint'), ask.rate(of.REQUESTS, 'endpoint')),
                    '{{endpoint}}',
                ),
            ),
            unit='percentunit',
            steps=limit(round(1 - objectives.availability / 100, 6)),
        ),
        Panel(
            title='Not well, by status',
            says='Requests per second that ended with 4xx or 5xx. 503 and 504: an executor was away or too '
            'slow. 422 and 400: a client sends what no executor wants.',
            queries=(Query(ask.where(('status', '=~', '[45]..')).rate(of.REQUESTS, 'status'), '{{status}}'),),
            unit='reqps',
            stacked=True,
        ),
        Panel(
            title='Refused, by reason',
            says='Requests per second that were turned away before any work. Overloaded: add replicas or '
            'let fewer in. RateLimited: one client wants too much. Unauthenticated: a key is wrong or old.',
            queries=(Query(ask.rate(of.REFUSALS, 'reason'), '{{reason}}'),),
            unit='reqps',
            stacked=True,
        ),
    )


def _executors(flow: Monitored, ask: Queries) -> tuple[Panel, ...]:
    panels = [
        Panel(
            title='Calls that failed',
            says='Calls per second that failed for good, by executor and class of the error.',
            queries=(Query(ask.rate(of.HOP_ERRORS, 'executor', 'error'), '{{executor}}: {{error}}'),),
            unit='reqps',
        ),
        Panel(
            title='Further attempts',
            says='Calls per second that went to another replica, since one died, hung or drained. Callers '
            'do not see them, but somebody should: why do replicas end?',
            queries=(Query(ask.rate(of.RETRIES, 'executor'), '{{executor}}'),),
            unit='reqps',
        ),
    ]
    if flow.here:
        by = ('executor', 'endpoint', 'error')
        panels.append(
            Panel(
                title='Errors of the code',
                says='Requests per second that ended with an error at an executor, by its class.',
                queries=(Query(ask.rate(of.HANDLER_ERRORS, *by), '{{executor}} {{endpoint}}: {{error}}'),),
                unit='reqps',
            )
        )
    return tuple(panels)


def _processes(ask: Queries) -> tuple[Panel, ...]:
    place = '{{executor}} {{shard}}/{{replica}}'
    by = ('executor', 'shard', 'replica')
    return (
        Panel(
            title='Replicas that are up',
            says='1: gateways reach it. 0: it is away, and others do its work.',
            queries=(Query(ask.now(of.REPLICA_UP, *by, how='min'), place),),
            steps=floor(1),
            most=1,
        ),
        Panel(
            title='Started again',
            says='Processes that ended by themselves, by reason. Again and again the same: it falls at its '
            'start, or over a request.',
            queries=(Query(ask.increase(of.RESTARTS, *by, 'reason'), f'{place}: {{{{reason}}}}'),),
        ),
        Panel(
            title='Replicas, by state',
            says='How many replicas an executor has, and in which state they are.',
            queries=(
                Query(
                    ask.now(of.REPLICAS, 'executor', 'shard', 'state'), '{{executor}} {{shard}}: {{state}}'
                ),
            ),
        ),
    )

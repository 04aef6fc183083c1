"""The first page: is the Flow well, what comes, how long does it take, and where does the time go."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.deploy.grafana.asking import asking, choices
from headrace.deploy.grafana.panels import Dashboard, Panel, Query, Row, floor, limit
from headrace.deploy.monitored import Monitored
from headrace.deploy.objectives import Objectives
from headrace.deploy.promql import FAILED, Queries
from headrace.observe.metrics import catalogue as of

CHOICES = ('protocol', 'endpoint')


def overview(flow: Monitored, objectives: Objectives) -> Dashboard:
    """Where to look first."""
    ask = asking(flow, *CHOICES)
    rows = [_now(flow, objectives, ask), _traffic(ask), _latency(objectives, ask)]
    if flow.executors:
        rows.append(_executors(flow, ask))
    return Dashboard(
        topic='overview',
        title='overview',
        says='Is it well? From the left: how much comes, how much fails, how long it takes, who works on it.',
        choices=choices(flow, *CHOICES),
        rows=(*rows, _sizes(ask), _versions(ask)),
    )


def _now(flow: Monitored, objectives: Objectives, ask: Queries) -> Row:
    stats = _requests_now(flow, objectives, ask)
    if flow.here:
        stats += _replicas_now(ask)
    return Row('Now', tuple(_stat(panel) for panel in stats))


def _requests_now(flow: Monitored, objectives: Objectives, ask: Queries) -> tuple[Panel, ...]:
    failed = ask.ratio(ask.where(FAILED).rate(of.REQUESTS), ask.rate(of.REQUESTS))
    return (
        Panel(
            title='Requests',
            says='Requests per second that ended, on all protocols. None is not wrong by itself.',
            queries=(Query(ask.rate(of.REQUESTS)),),
            unit='reqps',
        ),
        Panel(
            title='Failed',
            says='The part of them that failed with HTTP 5xx, or its like of another protocol. '
            'If it is not 0: the dashboard "errors" says where.',
            queries=(Query(failed),),
            unit='percentunit',
            steps=limit(0.01, warns_at=1 - objectives.availability / 100),
        ),
        Panel(
            title='p99',
            says='99 of 100 requests take no longer. Red beyond what is promised '
            f'({objectives.bound_s:g} s): the dashboard "executors" says where the time goes.',
            queries=(Query(ask.quantile(0.99, of.REQUEST_SECONDS)),),
            unit='s',
            steps=limit(objectives.bound_s),
        ),
        Panel(
            title='In flight',
            says=f'Requests that gateways work on now, {flow.max_requests} at most. If it climbs and stays, '
            'more comes than can be done: see the dashboard "saturation".',
            queries=(Query(ask.now(of.IN_FLIGHT)),),
            steps=limit(0.8 * flow.max_requests),
        ),
    )


def _replicas_now(ask: Queries) -> tuple[Panel, ...]:
    serving = ask.where(('state', '=', 'serving')).now(of.REPLICAS)
    return (
        Panel(
            title='Replicas that serve',
            says='The part of the replicas that serve. Below 100 % others do the work of those '
            'that are away; the dashboard "errors" shows which.',
            queries=(Query(f'{serving} / {ask.now(of.REPLICAS)}'),),
            unit='percentunit',
            steps=floor(1),
            most=1,
        ),
        Panel(
            title='Restarts, 1 h',
            says='Processes that ended by themselves in the last hour, and were started again. Their '
            'last log lines say why.',
            queries=(Query(f'{ask.over("1h").increase(of.RESTARTS)} or vector(0)'),),
            steps=limit(1),
        ),
    )


def _stat(panel: Panel) -> Panel:
    return replace(panel, kind='stat', width=4, height=4)


def _traffic(ask: Queries) -> Row:
    return Row(
        'Traffic',
        (
            Panel(
                title='By endpoint',
                says='Requests per second. Names that no executor has are counted as /default.',
                queries=(Query(ask.rate(of.REQUESTS, 'endpoint'), '{{endpoint}}'),),
                unit='reqps',
                stacked=True,
            ),
            Panel(
                title='By protocol',
                says='Requests per second by the protocol on which they came.',
                queries=(Query(ask.rate(of.REQUESTS, 'protocol'), '{{protocol}}'),),
                unit='reqps',
                stacked=True,
            ),
            Panel(
                title='By status',
                says='How they ended, as HTTP numbers on every protocol: 2xx is well, 4xx is for the caller '
                'to mend, 429 came too often or found no room, 5xx is for us.',
                queries=(Query(ask.rate(of.REQUESTS, 'status'), '{{status}}'),),
                unit='reqps',
                stacked=True,
            ),
        ),
    )


def _latency(objectives: Objectives, ask: Queries) -> Row:
    times = tuple(
        Query(ask.quantile(part, of.REQUEST_SECONDS), f'p{part * 100:g}', exemplars=True)
        for part in (0.5, 0.9, 0.99)
    )
    return Row(
        'Latency',
        (
            Panel(
                title='All requests',
                says='From the arrival of a request to the end of its answer. p50 far below p99 means: some '
                'wait, or some are larger. Dots are single requests, with a link to their trace.',
                queries=times,
                unit='s',
                steps=limit(objectives.bound_s),
            ),
            Panel(
                title='p99 by endpoint',
                says='Which endpoint is slow? Answers in parts count until their last part.',
                queries=(Query(ask.quantile(0.99, of.REQUEST_SECONDS, 'endpoint'), '{{endpoint}}'),),
                unit='s',
                steps=limit(objectives.bound_s),
            ),
            Panel(
                title='Until the first part, p99',
                says='For answers in parts: how long a caller waits until something comes. Empty where no '
                'endpoint yields.',
                queries=(Query(ask.quantile(0.99, of.FIRST_ITEM_SECONDS, 'endpoint'), '{{endpoint}}'),),
                unit='s',
                width=12,
            ),
            Panel(
                title='How many took how long',
                says='The darker, the more requests. Two bands mean two kinds of requests.',
                queries=(Query(ask.buckets(of.REQUEST_SECONDS)),),
                kind='heatmap',
                unit='s',
                width=12,
            ),
        ),
    )


def _executors(flow: Monitored, ask: Queries) -> Row:
    panels = [
        Panel(
            title='Time at each executor',
            says='The mean time that gateways wait for an executor, one on the other: where a request spends '
            'its time. The tallest is where it pays to look.',
            queries=(Query(ask.mean(of.HOP_SECONDS, 'executor'), '{{executor}}'),),
            unit='s',
            stacked=True,
        ),
        Panel(
            title='p99 of each executor',
            says='99 of 100 calls of an executor take no longer, its waiting and all attempts included.',
            queries=(Query(ask.quantile(0.99, of.HOP_SECONDS, 'executor'), '{{executor}}'),),
            unit='s',
        ),
    ]
    if flow.here:
        panels.append(
            Panel(
                title='Documents',
                says='Documents per second that executors were given.',
                queries=(Query(ask.rate(of.EXECUTOR_DOCUMENTS, 'executor'), '{{executor}}'),),
                unit='ops',
            )
        )
    return Row('Executors', tuple(panels))


def _sizes(ask: Queries) -> Row:
    return Row(
        'Sizes',
        (
            Panel(
                title='Received and sent',
                says='Bytes per second of requests and answers, without what encryption adds.',
                queries=(
                    Query(ask.summed(of.REQUEST_BYTES), 'received'),
                    Query(ask.summed(of.RESPONSE_BYTES), 'sent'),
                ),
                unit='Bps',
            ),
            Panel(
                title='Documents of a request',
                says='Few documents in each of many requests cost more than many in few: clients may send '
                'larger requests (request_size).',
                queries=(
                    Query(ask.mean(of.REQUEST_DOCUMENTS), 'mean'),
                    Query(ask.quantile(0.99, of.REQUEST_DOCUMENTS), 'p99'),
                ),
            ),
            Panel(
                title='Connections',
                says='Open connections by protocol. If they climb and requests do not, a client does not '
                'close or reuse them.',
                queries=(Query(ask.now(of.CONNECTIONS, 'protocol'), '{{protocol}}'),),
            ),
        ),
    )


def _versions(ask: Queries) -> Row:
    panel = Panel(
        title='Versions',
        says='What runs. Two lines are two versions at once, as during an update.',
        queries=(Query(ask.now(of.BUILD_INFO, 'version', 'python', how='max')),),
        kind='table',
        width=24,
        height=5,
    )
    return Row('Versions', (panel,), collapsed=True)

"""A Flow in; out, alerts about what ails it: what is down, what fails, what is slow, what is full.

That nobody calls is no alert, and none of them fires for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from headrace.deploy.monitored import Monitored, MonitoredExecutor
from headrace.deploy.objectives import Objectives
from headrace.deploy.prometheus.rules import Alert, Condition
from headrace.deploy.promql import FAILED, Queries, quoted
from headrace.observe.metrics import catalogue as of

MANY_ERRORS = 0.05
FEW_CALLS_PER_S = 0.02
"""Below this rate a part that failed says little: it is one call in a minute."""
NEARLY_FULL = 0.8
LOOPS = 3
WHERE = '{{ $labels.executor }}, shard {{ $labels.shard }}, replica {{ $labels.replica }}'
SERVING = ('state', '=', 'serving')
NO_ROOM = 'Overloaded'


def alerts(flow: Monitored, objectives: Objectives, job: str) -> Iterator[Alert]:
    """All of them but those of promises, which `burning` makes."""
    for alert in _all(flow, objectives, job):
        yield replace(alert, summary=f'{flow.worded}: {alert.summary}')


def _all(flow: Monitored, objectives: Objectives, job: str) -> Iterator[Alert]:
    ask = Queries(((of.FLOW, '=', quoted(flow.flow)),), '5m', by=(of.FLOW,))
    yield from _gateway(flow, ask, job)
    yield from _requests(flow, ask, objectives)
    if flow.here:
        yield from _replicas(flow, ask)
    for executor in flow.here:
        yield _missing(executor, ask)
    for executor in flow.executors:
        yield _queue(flow, executor, ask)
        if executor.most > executor.least:
            yield _at_its_most(flow, executor, ask)


def _gateway(flow: Monitored, ask: Queries, job: str) -> Iterator[Alert]:
    yield Alert(
        name='HeadraceDown',
        when=(Condition(f'max by (job) (up{{job="{quoted(job)}"}})', '<', 1),),
        lasts='2m',
        severity='page',
        summary='no gateway can be asked for its metrics',
        description=f'Prometheus reaches no gateway of {flow.worded}; most likely its callers do not either.',
        action='Is the process there (headrace status)? Did the network, the certificate, or the key of '
        'Prometheus change?',
    )
    yield Alert(
        name='HeadraceGatewayFull',
        when=(Condition(ask.now(of.IN_FLIGHT), '>', NEARLY_FULL * flow.max_requests),),
        lasts='5m',
        severity='ticket',
        summary=f'the gateway has {{{{ $value }}}} requests of {flow.max_requests} at most',
        description='When it is full, requests are refused as Overloaded.',
        action='See on the dashboard "saturation" which executor they wait for, and give that more replicas; '
        'or raise gateway.max_requests, if there is memory for more.',
    )


def _requests(flow: Monitored, ask: Queries, objectives: Objectives) -> Iterator[Alert]:
    yield Alert(
        name='HeadraceSlow',
        when=(
            Condition(ask.quantile(0.99, of.REQUEST_SECONDS, 'endpoint'), '>', objectives.bound_s),
            Condition(ask.counted(of.REQUEST_SECONDS, 'endpoint'), '>', FEW_CALLS_PER_S),
        ),
        lasts='10m',
        severity='ticket',
        summary='{{ $labels.endpoint }} is slow: {{ $value | humanizeDuration }} (p99)',
        description=f'One request in a hundred takes longer than {objectives.bound_s:g} s.',
        action='See on the dashboard "executors" whether they wait (more replicas, or batches) or are worked '
        'on (the code, its inputs, the machine). headrace top shows the same in a terminal.',
    )
    total = ask.rate(of.REQUESTS, 'endpoint')
    yield Alert(
        name='HeadraceErrors',
        when=(
            Condition(ask.ratio(ask.where(FAILED).rate(of.REQUESTS, 'endpoint'), total), '>', MANY_ERRORS),
            Condition(total, '>', FEW_CALLS_PER_S),
        ),
        lasts='5m',
        severity='ticket',
        summary='{{ $value | humanizePercentage }} of {{ $labels.endpoint }} fails',
        description='These requests were answered with HTTP 5xx, or its like of another protocol.',
        action='See which executor and which class of error it is, on the dashboard "errors"; then the log.',
    )
    full = ask.where(('reason', '=', NO_ROOM))
    yield Alert(
        name='HeadraceRefuses',
        when=(Condition(full.rate(of.REFUSALS), '>', 0),),
        lasts='5m',
        severity='ticket',
        summary='{{ $value | humanize }} requests per second are refused for want of room',
        description='Clients are told to come again later. Some have been, for five minutes.',
        action='Add replicas to the executor whose queue is long (dashboard "saturation"), or let fewer in.',
    )


def _replicas(flow: Monitored, ask: Queries) -> Iterator[Alert]:
    place = ('executor', 'shard', 'replica')
    up = ask.now(of.REPLICA_UP, 'executor', 'shard')
    serving = ask.where(SERVING).now(of.REPLICAS, 'executor', 'shard')
    yield Alert(
        name='HeadraceReplicaDown',
        when=(Condition(ask.now(of.REPLICA_UP, *place, how='min'), '<', 1),),
        lasts='2m',
        severity='ticket',
        summary=f'a replica is away: {WHERE}',
        description='Gateways do not reach it, or have stopped sending it calls. The others do its work.',
        action='headrace status says how it is; its last log lines say why. A replica that is started again '
        'and again has the alert HeadraceRestartLoop as well.',
    )
    yield Alert(
        name='HeadraceNoReplica',
        when=(Condition(f'({up} or 0 * {serving})', '<', 1),),
        lasts='1m',
        severity='page',
        summary='{{ $labels.executor }}, shard {{ $labels.shard }}, has no replica',
        description='Requests that need it wait, and fail when their time is up.',
        action="See the executor's last log lines: does it fall at its start, or over a request? Is there "
        'memory? Go back to the version before, if it is new.',
    )
    yield Alert(
        name='HeadraceRestartLoop',
        when=(Condition(ask.over('15m').increase(of.RESTARTS, *place), '>=', LOOPS),),
        lasts='0m',
        severity='ticket',
        summary=f'started again and again: {WHERE}',
        description='It ended by itself {{ $value | humanize }} times within 15 minutes.',
        action='The label reason of headrace_restarts_total and the last log lines say why: an error at '
        'the start, a crash of a library, or the memory of the machine (killed, signal 9).',
    )
    waits = ask.mean(of.EXECUTOR_QUEUE_SECONDS, 'executor')
    works = ask.mean(of.HANDLER_SECONDS, 'executor')
    yield Alert(
        name='HeadraceSaturated',
        when=(
            Condition(f'({waits}) / ({works} > 0)', '>', 2),
            Condition(waits, '>', 0.05),
        ),
        lasts='15m',
        severity='ticket',
        summary='requests wait at {{ $labels.executor }} longer than they are worked on',
        description='They wait {{ $value | humanize }} times as long. More callers will make that worse.',
        action='Add replicas; let requests share calls (dynamic batching), if the handler is made for it; or '
        'let fewer in.',
    )


def _missing(executor: MonitoredExecutor, ask: Queries) -> Alert:
    chosen = ask.where(('executor', '=', quoted(executor.name)), SERVING)
    return Alert(
        name='HeadraceReplicasMissing',
        when=(Condition(chosen.now(of.REPLICAS, 'executor', 'shard'), '<', executor.least),),
        lasts='5m',
        severity='ticket',
        labels={'executor': executor.name},
        summary=f'{{{{ $value }}}} replicas of {executor.name} serve, {executor.least} should',
        description='The others start, or were given up. Those that are left do the work of all.',
        action='headrace status says how each of them is; its last log lines say why it does not start.',
    )


def _queue(flow: Monitored, executor: MonitoredExecutor, ask: Queries) -> Alert:
    chosen = ask.where(('executor', '=', quoted(executor.name)))
    return Alert(
        name='HeadraceQueueFull',
        when=(
            Condition(
                chosen.now(of.QUEUE_LENGTH, 'executor', 'shard'), '>', NEARLY_FULL * executor.max_queue
            ),
        ),
        lasts='2m',
        severity='ticket',
        labels={'executor': executor.name},
        summary=f'{{{{ $value }}}} calls wait for {executor.name}, {executor.max_queue} at most',
        description='All its replicas are busy, and calls wait at the gateways. When max_queue is reached, '
        'requests are refused as Overloaded.',
        action=f'Add replicas to {executor.name} (flow.scale, or replicas: [least, most]), or let fewer in.',
    )


def _at_its_most(flow: Monitored, executor: MonitoredExecutor, ask: Queries) -> Alert:
    chosen = ask.where(('executor', '=', quoted(executor.name)))
    return Alert(
        name='HeadraceCannotGrow',
        when=(
            Condition(chosen.now(of.REPLICA_UP, 'executor', 'shard'), '>=', executor.most),
            Condition(chosen.now(of.QUEUE_LENGTH, 'executor', 'shard'), '>', 0),
        ),
        lasts='15m',
        severity='ticket',
        labels={'executor': executor.name},
        summary=f'{executor.name} has {executor.most} replicas, its most, and calls wait',
        description='It cannot grow any more, and does not keep up.',
        action=f'Let it have more replicas than {executor.most}, if the machine has room for them.',
    )

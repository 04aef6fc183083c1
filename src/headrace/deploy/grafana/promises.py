"""What is promised to callers, how many of the errors that it allows are made, and how fast."""

from __future__ import annotations

from headrace.deploy.grafana.asking import asking, where
from headrace.deploy.grafana.panels import Dashboard, Panel, Query, Row, Step, limit
from headrace.deploy.monitored import Monitored
from headrace.deploy.objectives import Objectives
from headrace.deploy.prometheus.burning import BURNS, Promise, promises

TEXT = """### {title}
**{says}**, over {period} days.

Burning at **1** uses up the errors that are allowed exactly by the end of {period} days.
At **{page:g}** for an hour somebody is called.

*{action}*
"""


def slo(flow: Monitored, objectives: Objectives) -> Dashboard:
    """The budget of errors of each promise. It is made of recorded rules (headrace export prometheus)."""
    return Dashboard(
        topic='slo',
        title='promises (SLO)',
        says='Needs the rules of `headrace export prometheus`, made with the same objectives.',
        rows=tuple(_row(each, flow, objectives) for each in promises(flow, objectives)),
    )


def _row(promise: Promise, flow: Monitored, objectives: Objectives) -> Row:
    chosen = f'{{{where(flow)}}}'
    fastest = BURNS[0].factor(objectives.period_d)
    return Row(
        promise.name.capitalize(),
        (
            Panel(
                title='The promise',
                says='Objectives are options of headrace export.',
                kind='text',
                text=TEXT.format(
                    title=promise.name.capitalize(),
                    says=promise.says,
                    period=objectives.period_d,
                    page=fastest,
                    action=promise.action,
                ),
                width=6,
            ),
            Panel(
                title='Budget left',
                says=f'Of the errors that are allowed in {objectives.period_d} days. At 0 the promise is '
                'broken: change nothing but what mends it.',
                queries=(Query(f'1 - {promise.spent}{chosen}'),),
                kind='stat',
                unit='percentunit',
                width=4,
                steps=(Step(None, 'red'), Step(0, 'orange'), Step(0.25, 'green')),
            ),
            Panel(
                title='How fast it burns',
                says='1 is what the promise allows. The short line says whether it still goes on, the long '
                'one whether it matters.',
                queries=tuple(
                    Query(f'{promise.ratio(window)}{chosen} / {promise.budget:.12g}', window)
                    for window in ('5m', '1h', '6h', '3d')
                ),
                width=14,
                steps=limit(fastest, warns_at=1),
            ),
            *_parts(promise, chosen, asking(flow).window),
        ),
    )


def _parts(promise: Promise, chosen: str, window: str) -> tuple[Panel, ...]:
    return (
        Panel(
            title='Requests, and those that broke the promise',
            says='Per second. Broken ones that come in bursts have one cause each; a steady few are a kind '
            'of request that never works.',
            queries=(
                Query(promise.all.replace('$w', window), 'all'),
                Query(f'{promise.bad} or 0 * {promise.all}'.replace('$w', window), 'broken'),
            ),
            unit='reqps',
            width=12,
        ),
        Panel(
            title='The part that broke it',
            says='Over the windows that alerts look at. Dashed: what is allowed.',
            queries=tuple(
                Query(f'{promise.ratio(window)}{chosen}', window) for window in ('30m', '2h', '1d')
            ),
            unit='percentunit',
            width=12,
            steps=limit(promise.budget),
        ),
    )

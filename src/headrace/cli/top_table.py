"""What a Flow does now in, what a terminal shows of it out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headrace.cli.measured import EndpointPace, ExecutorPace, FlowPace, Pace
from headrace.observe.durations import told

BARS = ' ▁▂▃▄▅▆▇█'
COLORS = {'healthy': 'green', 'ready': 'green', 'degraded': 'yellow', 'draining': 'yellow'}
SORTS: dict[str, Callable[[ExecutorPace], float]] = {
    'as in the Flow': lambda executor: 0.0,
    'p99': lambda executor: -(executor.pace.p99_s or 0.0),
    'waiting': lambda executor: -executor.waiting,
    'queue p99': lambda executor: -(executor.queue_p99_s or 0.0),
    'rate': lambda executor: -executor.pace.rate,
}
"""The orders in which executors may stand, by name."""


def drawn(
    now: FlowPace, rates: Sequence[float] = (), *, sort: str = 'as in the Flow', hint: str = ''
) -> RenderableType:
    """The whole screen; `rates` are those of the last minutes, `hint` is the last line."""
    parts: list[RenderableType] = [_head(now), _totals(now)]
    if len(rates) > 1:
        parts.append(Text.assemble(('rate  ', 'dim'), curve(rates), (f'  up to {max(rates):.4g}/s', 'dim')))
    parts += [Text(f'{name}: {why}', style='red') for name, why in now.problems.items()]
    parts += [Text(), _executors(now, sort), Text(), _endpoints(now), Text(), _doors(now)]
    if hint:
        parts += [Text(), Text(hint, style='dim')]
    return Group(*parts)


def curve(values: Sequence[float], width: int = 60) -> str:
    """Numbers as a line of small bars.

    >>> curve([0, 1, 4])
    ' ▂█'
    """
    shown = list(values)[-width:]
    top = max(shown, default=0) or 1
    return ''.join(BARS[round(value / top * (len(BARS) - 1))] for value in shown)


def _head(now: FlowPace) -> Text:
    status = (now.status, f'bold {COLORS.get(now.status, "red")}')
    clock = time.strftime('%H:%M:%S', time.localtime(now.at))
    return Text.assemble((now.name, 'bold'), ' is ', status, (f'  up {_long(now.uptime_s)}  {clock}', 'dim'))


def _long(uptime_s: float) -> str:
    minutes, rest = divmod(round(uptime_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f'{number} {unit}' for number, unit in ((days, 'd'), (hours, 'h'), (minutes, 'min')) if number]
    return ' '.join(parts[:2]) or f'{rest} s'


def _totals(now: FlowPace) -> Text:
    pace = now.pace
    parts = [
        f'{pace.rate:.4g} requests/s',
        f'{now.documents:.4g} documents/s',
        f'p50 {told(pace.p50_s)}',
        f'p99 {told(pace.p99_s)}',
        f'{now.in_flight} in flight',
    ]
    text = Text('   '.join(parts))
    for word, rate in (('failed', pace.failed), ('refused', pace.refused)):
        if rate:
            text.append(f'   {rate:.4g} {word}/s', style='red')
    return text


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, header_style='bold', pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(title, min_width=18, overflow='fold')
    for column in columns:
        table.add_column(column, justify='right', no_wrap=True)
    return table


def _cells(pace: Pace) -> list[str]:
    return [f'{pace.rate:.4g}', told(pace.p50_s), told(pace.p99_s)]


def _red(number: float) -> Text:
    return Text(f'{number:.4g}', style='red' if number else 'dim')


def _executors(now: FlowPace, sort: str) -> Table:
    table = _table(
        'executor',
        'calls/s',
        'p50',
        'p99',
        'queue p99',
        'waiting',
        'in flight',
        'replicas',
        'errors/s',
        'retries/s',
        'restarts',
    )
    for each in sorted(now.executors, key=SORTS[sort]):
        well = f'{each.well}/{each.replicas}' if each.replicas else '-'
        table.add_row(
            Text(each.name, style=COLORS.get(each.state, 'red')),
            *_cells(each.pace),
            told(each.queue_p99_s),
            str(each.waiting),
            str(each.in_flight),
            Text(well, style='' if each.well == each.replicas else 'red'),
            _red(each.pace.failed),
            _red(each.retries),
            _red(each.restarts),
        )
        for version in each.versions:
            table.add_row(
                Text(f'  {version.name} {version.share:.0%}', style=COLORS.get(version.state, 'red')),
                *_cells(version.pace),
                '',
                str(version.waiting),
                str(version.in_flight),
                '',
                _red(version.pace.failed),
            )
    return table


def _endpoints(now: FlowPace) -> Table:
    table = _table('endpoint', 'requests/s', 'p50', 'p99', 'failed/s', 'refused/s')
    busy: list[EndpointPace] = sorted(now.endpoints, key=lambda each: -each.pace.rate)
    for each in busy:
        table.add_row(each.name, *_cells(each.pace), _red(each.pace.failed), _red(each.pace.refused))
    return table


def _doors(now: FlowPace) -> Table:
    table = _table('protocol', 'requests/s', 'failed/s', 'refused/s', 'in flight', 'connections')
    for each in now.doors:
        pace = each.pace
        table.add_row(
            each.protocol,
            f'{pace.rate:.4g}',
            _red(pace.failed),
            _red(pace.refused),
            str(each.in_flight),
            str(each.connections),
        )
    return table

"""Promises in; out, the rules that tell how fast their budget of errors burns, and that somebody has to act.

After the "multiwindow, multi-burn-rate alerts" of Google's SRE workbook (chapter 5): a budget that would be
gone within days pages somebody, one that would be gone before the period ends makes a ticket. A long window
says that it matters, a short one that it still goes on, so that an alert ends soon after its cause.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from headrace.deploy.monitored import Monitored
from headrace.deploy.objectives import Objectives
from headrace.deploy.prometheus.rules import Alert, Condition, Group, Record, Severity
from headrace.deploy.promql import FAILED, Queries, quoted
from headrace.observe.metrics.catalogue import FLOW, REQUEST_SECONDS, REQUESTS

WINDOWS = ('5m', '30m', '1h', '2h', '6h', '1d', '3d')
HOURS = {'5m': 1 / 12, '30m': 0.5, '1h': 1, '2h': 2, '6h': 6, '1d': 24, '3d': 72}


class Burn(Struct, frozen=True):
    """So large a part of the budget within the long window, and still going on in the short one."""

    spent: float
    long: str
    short: str
    lasts: str
    severity: Severity

    def factor(self, period_d: int) -> float:
        """How many times faster than the promise allows that is.

        >>> Burn(0.02, '1h', '5m', '2m', 'page').factor(30)
        14.4
        """
        return round(self.spent * period_d * 24 / HOURS[self.long], 6)


BURNS = (
    Burn(0.02, '1h', '5m', '2m', 'page'),
    Burn(0.05, '6h', '30m', '15m', 'page'),
    Burn(0.10, '1d', '2h', '1h', 'ticket'),
    Burn(0.10, '3d', '6h', '3h', 'ticket'),
)


class Promise(Struct, frozen=True, kw_only=True):
    """One promise: what breaks it, and the part of the requests that may.

    `bad` and `all` are rates over some window, by Flow.
    """

    name: str
    bad: str
    all: str
    budget: float
    says: str
    queries: Queries
    action: str

    def ratio(self, window: str) -> str:
        """The name of the recorded part of the requests that broke the promise, over a window."""
        return f'flow:headrace_{self.name}_errors:ratio_rate{window}'

    def broken(self, window: str) -> str:
        """How often the promise was broken within a window."""
        return f'{self.bad} * {HOURS[window] * 3600:.0f}'.replace('$w', window)

    @property
    def spent(self) -> str:
        """The name of the recorded part of the budget that is gone."""
        return f'flow:headrace_{self.name}_budget_spent:ratio'


def promises(flow: Monitored, objectives: Objectives) -> tuple[Promise, ...]:
    """The promises about availability and latency; `$w` stands for the window in their queries."""
    queries = Queries(((FLOW, '=', quoted(flow.flow)),), '$w', by=(FLOW,))
    chosen = objectives.latency_endpoints
    timed = queries.where(('endpoint', '=~', '|'.join(map(_literally, chosen)))) if chosen else queries
    timed_all = timed.counted(REQUEST_SECONDS)
    return (
        Promise(
            name='availability',
            bad=queries.where(FAILED).rate(REQUESTS),
            all=queries.rate(REQUESTS),
            budget=_budget(objectives.availability),
            says=f'{objectives.availability:g} % of the requests are answered without a failure of ours',
            queries=queries,
            action='See which endpoint and which executor fail, on the dashboard "errors"; then that '
            "executor's log. If it began with a new version, go back to the old one first.",
        ),
        Promise(
            name='latency',
            bad=f'({timed_all} - {timed.within(REQUEST_SECONDS, objectives.bound_s)})',
            all=timed_all,
            budget=_budget(objectives.latency),
            says=f'{objectives.latency:g} % of the requests are answered within {objectives.bound_s:g} s',
            queries=timed,
            action='See where the time goes, on the dashboard "executors": if requests wait, add replicas or '
            'batch them; if handlers are slow, look at what changed in them, in the inputs or the machine.',
        ),
    )


def _budget(percent: float) -> float:
    return round(1 - percent / 100, 9)


def _literally(endpoint: str) -> str:
    """An endpoint as a regular expression of PromQL, in quotes."""
    return quoted(''.join(f'\\{sign}' if sign in r'\.+*?()[]{}|^$' else sign for sign in endpoint))


def records(flow: Monitored, objectives: Objectives) -> Iterator[Group]:
    """What is recorded of each promise: the broken part over each window, and the budget that is spent."""
    for promise in promises(flow, objectives):
        ratio = promise.queries.ratio(promise.bad, promise.all)
        base = f'flow:headrace_{promise.name}'
        kept = tuple(
            Record(name=promise.ratio(window), query=ratio.replace('$w', window)) for window in WINDOWS
        )
        rates = (
            Record(name=f'{base}_requests:rate5m', query=promise.all.replace('$w', '5m')),
            Record(
                name=f'{base}_errors:rate5m',
                query=f'{promise.bad} or 0 * {promise.all}'.replace('$w', '5m'),
            ),
        )
        days, chosen = f'{objectives.period_d}d', f'{{{FLOW}="{quoted(flow.flow)}"}}'
        spent = (
            f'sum_over_time({base}_errors:rate5m{chosen}[{days}]) / '
            f'(sum_over_time({base}_requests:rate5m{chosen}[{days}]) > 0) / {promise.budget:g}'
        )
        name = f'{flow.slug}-{promise.name}'
        yield Group(name=name, rules=(*kept, *rates))
        yield Group(name=f'{name}-budget', rules=(Record(name=promise.spent, query=spent),), interval='1m')


def alerts(flow: Monitored, objectives: Objectives) -> Iterator[Alert]:
    """One alert for each promise and each speed at which its budget may burn."""
    chosen = f'{{{FLOW}="{quoted(flow.flow)}"}}'
    for promise in promises(flow, objectives):
        for burn in BURNS:
            factor = burn.factor(objectives.period_d)
            allowed = round(min(factor * promise.budget, 0.99), 9)
            yield Alert(
                name=f'Headrace{promise.name.title()}BudgetBurns',
                when=(
                    Condition(f'{promise.ratio(burn.long)}{chosen}', '>', allowed),
                    Condition(f'{promise.ratio(burn.short)}{chosen}', '>', allowed),
                    Condition(promise.broken(burn.long), '>=', objectives.least_errors),
                ),
                lasts=burn.lasts,
                severity=burn.severity,
                labels={'window': burn.long},
                summary=f'{flow.worded}: the promise of {promise.name} is broken {factor:g} times too often',
                description=f'The promise: {promise.says}. In the last {burn.long} '
                '{{ $value | humanizePercentage }} broke it; at this pace the errors that are allowed in '
                f'{objectives.period_d} days are made in {_days(objectives.period_d / factor)}.',
                action=promise.action,
            )


def _days(days: float) -> str:
    return f'{days:.3g} days' if days >= 2 else f'{days * 24:.3g} hours'

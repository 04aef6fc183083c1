"""A series of a file in; what is broken about it out, so that no reader stumbles over it."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from math import isnan

from headrace.observe.metrics import catalogue
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.store import MOST, OTHER, About

HIGHEST = 2.0**53
"""What is counted is less than this: from here on floats do not grow by one."""

_log = logging.getLogger(__name__)
_NAME = re.compile(r'[a-zA-Z_][a-zA-Z0-9_]*')
_NUMBERS = {'status': re.compile(r'[1-9]\d\d'), 'shard': re.compile(r'\d{1,9}')}


@lru_cache(maxsize=1024)
def fault_of_metric(metric: Metric) -> str:
    """What is wrong with a metric, or ''. One of ours is as the catalogue says, whatever a file does."""
    known = catalogue.ALL.get(metric.name)
    if known is not None:
        own = (known.kind, known.labels, known.buckets)
        is_it = own == (metric.kind, metric.labels, metric.buckets)
        return '' if is_it else f'{metric.name} is another metric than ours of that name'
    is_named = all(_NAME.fullmatch(name) for name in (metric.name, *metric.labels))
    return '' if is_named else 'a metric has a name that cannot be'


def fault_of_series(metric: Metric, labels: tuple[str, ...], slots: list[float]) -> str:
    """What is wrong with a series, or ''.

    >>> fault_of_series(catalogue.REQUESTS, ('http', '/', '2x0'), [1.0])
    "headrace_requests_total has the status '2x0'"
    """
    if metric.name not in catalogue.ALL:
        return ''  # of an executor, which may count what it likes
    for at, name, number in _numbered(metric):
        if labels[at] != OTHER and not number.fullmatch(labels[at]):
            return f'{metric.name} has the {name} {labels[at][:20]!r}'
    *counts, last = slots
    if metric.kind == 'gauge' and isnan(last):
        return ''  # it is not there at present
    least = 0.0 if metric.kind == 'counter' else -HIGHEST
    fits = least <= last < HIGHEST and min(counts, default=0.0) >= 0 and sum(counts) < HIGHEST
    return '' if fits else f'{metric.name} has a value that cannot be'


@lru_cache(maxsize=1024)
def _numbered(metric: Metric) -> tuple[tuple[int, str, re.Pattern[str]], ...]:
    """Those labels of a metric that are numbers, by their places."""
    return tuple((at, name, _NUMBERS[name]) for at, name in enumerate(metric.labels) if name in _NUMBERS)


_told: set[tuple[int, float]] = set()


def tell(about: About, what: str) -> None:
    """Say of a file that something in it is broken: once, however often it is read."""
    key = about.pid, about.began
    if key in _told or len(_told) >= MOST:
        return
    _told.add(key)
    _log.warning(
        'metrics: a file of %s (process %d) is damaged: %s. What is broken is left out, the rest is told',
        about.process or 'a process',
        about.pid,
        what,
    )

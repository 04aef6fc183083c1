"""Series of executors in; out, the same with a label that says which version of its executor each is of.

Processes count under the name that they have in the Flow: encoder, encoder/v2, encoder/v2/before. Only what
Prometheus is told has `version` apart, so that counting knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from headrace.observe.metrics.catalogue import EXECUTOR
from headrace.observe.metrics.reading import Measured, Snapshot

NAME = EXECUTOR[0]
VERSION = 'version'
MAIN = 'main'
"""The version that an executor itself describes."""

PARTS = ('before', 'after')


def divided(name: str) -> tuple[str, str]:
    """The name of an executor, or of a part of one, without its version; and that, '' if it names none.

    >>> divided('encoder/v2'), divided('encoder/v2/before'), divided('encoder/before')
    (('encoder', 'v2'), ('encoder/before', 'v2'), ('encoder/before', ''))
    """
    words = name.split('/')
    part = words.pop() if words[-1] in PARTS else ''
    version = words[1] if len(words) > 1 else ''
    return (f'{words[0]}/{part}' if part else words[0]), version


def versioned(snapshot: Snapshot) -> frozenset[str]:
    """The executors that have more than one version, as the series show it."""
    found = set()
    for measured in snapshot.metrics.values():
        if NAME in measured.metric.labels:
            at = measured.metric.labels.index(NAME)
            names = {values[at] for values in measured.series if '/' in values[at]}
            found |= {name.partition('/')[0] for name in names if divided(name)[1]}
    return frozenset(found)


def labelled(measured: Measured, executors: Collection[str]) -> Measured:
    """A metric whose series say the version, if they are of executors; '' for those that have one only."""
    labels = measured.metric.labels
    if NAME not in labels or VERSION in labels:
        return measured
    at = labels.index(NAME)
    series = {}
    for values, found in measured.series.items():
        name, version = divided(values[at])
        version = version or (MAIN if name.partition('/')[0] in executors else '')
        series[(*values[:at], name, *values[at + 1 :], version)] = found
    return Measured(replace(measured.metric, labels=(*labels, VERSION)), series)

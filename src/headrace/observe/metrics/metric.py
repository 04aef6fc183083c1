"""What one metric is: its name, its kind, its labels, and where the bounds of its buckets lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal['counter', 'gauge', 'histogram']
Merge = Literal['sum', 'min', 'max']


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric as Prometheus knows it; counters end with `_total`.

    `buckets` are the upper bounds of a histogram's buckets, in rising order and without the last one, which
    has none. `merge` says what a gauge is that several processes have; counters and histograms are added.
    With `exemplars` a bucket keeps the trace of the last request that fell into it.

    >>> Metric(name='apples_total', kind='counter', help='Apples that were eaten').name
    'apples_total'
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    merge: Merge = 'sum'
    exemplars: bool = False

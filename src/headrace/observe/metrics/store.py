"""The metrics of one process in, their series out: one file that all processes of the Flow can read."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import msgspec

from headrace.observe.metrics.backlog import Backlog
from headrace.observe.metrics.metric import Kind, Merge, Metric
from headrace.observe.metrics.pages import Pages
from headrace.observe.metrics.values import EXEMPLAR_SLOTS, Counter, Exemplars, Gauge, Histogram

SUFFIX = '.metrics'
OTHER = '(other)'
"""The label of series that there is no room for."""
MOST = 1000
"""Series that a metric may have in one process."""

C = TypeVar('C', Counter, Gauge, Histogram)
T = TypeVar('T')


class About(msgspec.Struct, frozen=True, tag='file'):
    """The first record of a file: whose it is, and which others are contained in it (by name)."""

    process: str
    pid: int
    began: float
    covers: tuple[str, ...] = ()


class Defined(msgspec.Struct, frozen=True, tag='metric', omit_defaults=True):
    """The record of a metric, before that of its first series."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()
    merge: Merge = 'sum'
    exemplars: bool = False


class Listed(msgspec.Struct, frozen=True, tag='series'):
    """The record of a series; its metric is the so manieth of the file."""

    metric: int
    labels: tuple[str, ...]


encode = msgspec.json.Encoder().encode


class Store:
    """All series of one process, in a file of `directory`, or in memory if there is none.

    `pid` is the number of the process where its files are read, if that is another one there.

    >>> store = Store()
    >>> eaten = store.counter(Metric(name='apples_total', kind='counter', help='Eaten', labels=('by',)))
    >>> eaten.labels('Eve').add()
    >>> eaten.labels('Eve').value
    1.0
    """

    def __init__(
        self,
        directory: Path | None = None,
        process: str = '',
        *,
        covers: Sequence[str] = (),
        pid: int = 0,
    ) -> None:
        self.path: Path | None = None
        self.process = process
        self._lock = threading.Lock()
        self._families: dict[str, Family[Any]] = {}
        self._backlogs: list[Backlog[Any]] = []
        self._metrics = 0
        pid = pid or os.getpid()
        if directory is not None:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path = directory / f'{pid}-{secrets.token_hex(4)}{SUFFIX}'
        self._pages = Pages(self.path)
        about = About(process, pid, time.time(), tuple(covers))
        self._pages.allocate(encode(about), 0)

    def counter(self, metric: Metric, *, most: int = MOST) -> Family[Counter]:
        """The series of a counter."""
        return self._family(metric, Counter, most)

    def gauge(self, metric: Metric, *, most: int = MOST) -> Family[Gauge]:
        """The series of a gauge."""
        return self._family(metric, Gauge, most)

    def histogram(self, metric: Metric, *, most: int = MOST) -> Family[Histogram]:
        """The series of a histogram."""
        return self._family(metric, Histogram, most)

    def _family(self, metric: Metric, kind: type[C], most: int) -> Family[C]:
        with self._lock:
            family = self._families.get(metric.name)
            if family is None:
                family = self._families[metric.name] = Family(self, metric, kind, most)
            elif family.metric != metric:
                raise ValueError(
                    f'there is a metric {metric.name!r} already, with another kind, help, labels or buckets'
                )
            return family

    def allocate(self, family: Family[Any], labels: tuple[str, ...], slots: int) -> memoryview[float]:
        """The slots of a new series."""
        with self._lock:
            if family.number < 0:
                self._pages.allocate(encode(_defined(family.metric)), 0)
                family.number = self._metrics
                self._metrics += 1
            return self._pages.allocate(encode(Listed(family.number, labels)), slots)

    def backlog(self, count: Callable[[Sequence[T]], None]) -> Backlog[T]:
        """A place for notes that `count` counts here, many at once: before each `settle` at the latest."""
        backlog = Backlog(count, is_shared=self.path is not None)
        self._backlogs.append(backlog)
        return backlog

    def settle(self) -> None:
        """Count what was only noted until now; who reads the counts of its own process asks for this."""
        for backlog in self._backlogs:
            backlog.settle()

    def content(self) -> bytes:
        """All of it, as a file has it."""
        return self._pages.content()

    def close(self) -> None:
        """Let go of the file, which stays; series that somebody has kept can still be written to."""
        with self._lock:
            self._pages.close()
            self._families = {}

    def __repr__(self) -> str:
        return f'<Store of {self.process or "a process"}, {len(self._families)} metrics>'


class Family(Generic[C]):
    """All series of one metric in this process: one for each set of values of its labels, up to `most`.

    Who asks keeps what `labels` gives: that is what costs little to count with. More sets than `most` share
    one series, whose labels are all `OTHER`: whatever the values come from, memory stays bounded.
    """

    def __init__(self, store: Store, metric: Metric, kind: type[C], most: int) -> None:
        self.metric = metric
        self.number = -1
        self._store = store
        self._kind: Any = kind
        self._most = most
        self._series: dict[tuple[str, ...], C] = {}
        self._lock = threading.Lock()

    def labels(self, *values: str) -> C:
        """The series with these values, in the order of the metric's labels."""
        series = self._series.get(values)
        return self._made(values) if series is None else series

    def _made(self, values: tuple[str, ...]) -> C:
        if len(values) != len(self.metric.labels):
            raise ValueError(
                f'metric {self.metric.name!r} has the labels {self.metric.labels}, and {len(values)} '
                'values were given'
            )
        with self._lock:
            if len(self._series) >= self._most and values not in self._series:
                values = (OTHER,) * len(values)
            if values not in self._series:
                self._series[values] = self._new(values)
            return self._series[values]

    def _new(self, values: tuple[str, ...]) -> C:
        metric = self.metric
        if self._kind is not Histogram:
            series: Any = self._kind(self._store.allocate(self, values, 1))
        else:
            count = len(metric.buckets) + 1
            kept = count * EXEMPLAR_SLOTS if metric.exemplars else 0
            slots = self._store.allocate(self, values, count + 1 + kept)
            exemplars = Exemplars(slots[count + 1 :], metric.buckets) if kept else None
            series = Histogram(slots[: count + 1], metric.buckets, exemplars)
        return cast('C', series)

    def __repr__(self) -> str:
        return f'<Family {self.metric.name}, {len(self._series)} series>'


def store_in(directory: str, process: str, *, pid: int = 0) -> Store:
    """The store of a process of a Flow that has this folder; in memory if it has none ('')."""
    return Store(folder_in(directory), process, pid=pid)


def folder_in(directory: str) -> Path | None:
    """Where the processes of a Flow with this folder have their metrics."""
    return Path(directory) / 'metrics' if directory else None


def _defined(metric: Metric) -> Defined:
    return Defined(
        metric.name,
        metric.kind,
        metric.help,
        metric.labels,
        metric.buckets,
        metric.merge,
        metric.exemplars,
    )

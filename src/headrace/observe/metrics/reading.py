"""The files of all processes of a Flow in, the sums of their series out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from math import isnan
from pathlib import Path
from typing import Any

import msgspec

from headrace.observe.metrics import sound
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.pages import records
from headrace.observe.metrics.store import SUFFIX, About, Defined, Listed, Store
from headrace.observe.metrics.values import EXEMPLAR, exemplar

Exemplar = tuple[float, float, str]
"""A value, when it was (seconds since 1970), and the number of its trace."""

TRIES = 20
_decoder: msgspec.json.Decoder[About | Defined | Listed] = msgspec.json.Decoder(About | Defined | Listed)


class Values(msgspec.Struct):
    """What one series has: one number, or of a histogram the count of each bucket and then the sum."""

    slots: list[float]
    exemplars: dict[int, Exemplar] = {}

    @property
    def value(self) -> float:
        """The number of a counter or gauge; the sum of what a histogram was given."""
        return self.slots[-1]

    @property
    def buckets(self) -> list[float]:
        """The counts of a histogram's buckets, each without those before it."""
        return self.slots[:-1]

    @property
    def count(self) -> float:
        """How many values a histogram was given."""
        return sum(self.slots[:-1])


class Measured(msgspec.Struct):
    """One metric and its series, by the values of its labels."""

    metric: Metric
    series: dict[tuple[str, ...], Values]


class Content(msgspec.Struct):
    """What one file says: whose it is, and its series."""

    about: About
    series: list[tuple[Metric, tuple[str, ...], Values]]


class Snapshot(msgspec.Struct):
    """All metrics of a Flow at one moment, by name, and the processes that live (name, number)."""

    metrics: dict[str, Measured]
    processes: list[tuple[str, int]] = []

    def values(self, metric: Metric) -> dict[tuple[str, ...], Values]:
        """The series of a metric, by the values of its labels; {} if there is none yet."""
        measured = self.metrics.get(metric.name)
        return {} if measured is None else measured.series

    def total(self, metric: Metric, **labels: str) -> float:
        """The sum of the values whose labels are these, whatever the others are."""
        wanted = [(metric.labels.index(name), value) for name, value in labels.items()]
        return sum(
            values.value
            for own, values in self.values(metric).items()
            if all(own[at] == value for at, value in wanted)
        )


def read(directory: Path | None, *own: Store) -> Snapshot:
    """What all processes have counted that have, or had, a file in `directory`; and what `own` has.

    A file of a process that has ended counts as far as it can: gauges say how something is now, so its
    gauges do not.
    """
    for store in own:
        store.settle()
    contents = [] if directory is None else [c for c in map(parsed, _files(directory)) if c is not None]
    for store in own:
        content = parsed(store.content()) if store.path is None else None
        contents += [] if content is None else [content]
    return combined(contents)


def _files(directory: Path) -> list[bytes]:
    """The files that there are at one moment: if one goes meanwhile, others contain it, so begin anew."""
    for _ in range(TRIES):
        paths = sorted(directory.glob(f'*{SUFFIX}'))
        try:
            contents = [path.read_bytes() for path in paths]
        except FileNotFoundError:
            continue
        covered = {name for content in contents for name in _covers(content)}
        return [content for path, content in zip(paths, contents, strict=True) if path.name not in covered]
    return []


def _covers(content: bytes) -> tuple[str, ...]:
    about = _about(content)
    return () if about is None else about.covers


def _about(content: bytes) -> About | None:
    text = next((text for text, _ in records(content)), None)
    first = None if text is None else _decoded(text)
    return first if isinstance(first, About) else None


def _decoded(text: bytes) -> About | Defined | Listed | None:
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def parsed(content: bytes) -> Content | None:
    """What the bytes of a file say; None if it is not one of ours, or has only just begun."""
    about = _about(content)
    if about is None:
        return None
    file = _File(about)
    for text, slots in records(content):
        file.take(_decoded(text), slots)
    if file.fault:
        sound.tell(about, file.fault)
    return file.content


class _File:
    """What is read of a file, record by record; what is broken is left out."""

    def __init__(self, about: About) -> None:
        self.content = Content(about, [])
        self.fault = ''
        self._metrics: list[Metric | None] = []

    def take(self, record: About | Defined | Listed | None, slots: memoryview[float]) -> None:
        """The next record; None if nobody can read it."""
        if isinstance(record, Listed):
            self._list(record, slots)
        elif isinstance(record, Defined):
            metric = Metric(**msgspec.structs.asdict(record))
            fault = sound.fault_of_metric(metric)
            self._metrics.append(None if fault else metric)
            self._note(fault)
        elif record is None:
            if not len(slots):  # it was a metric: others keep their numbers
                self._metrics.append(None)
            self._note('a record that nobody can read')

    def _list(self, record: Listed, slots: memoryview[float]) -> None:
        metric = self._metrics[record.metric] if 0 <= record.metric < len(self._metrics) else None
        values = None if metric is None else _values(metric, slots)
        if metric is None or values is None or len(record.labels) != len(metric.labels):
            self._note('a series of no metric that is known')
            return
        fault = sound.fault_of_series(metric, record.labels, values.slots)
        self._note(fault)
        if not fault:
            self.content.series.append((metric, record.labels, values))

    def _note(self, fault: str) -> None:
        self.fault = self.fault or fault


def _values(metric: Metric, slots: memoryview[float]) -> Values | None:
    own = 1 if metric.kind != 'histogram' else len(metric.buckets) + 2
    if len(slots) < own:
        return None
    values = Values([float(slot) for slot in slots[:own]])
    kept = slots[own:].cast('B')
    for bucket in range(len(kept) // EXEMPLAR.size):
        found = exemplar(bytes(kept[bucket * EXEMPLAR.size : (bucket + 1) * EXEMPLAR.size]))
        if found is not None:
            values.exemplars[bucket] = found
    return values


def combined(contents: Iterable[Content]) -> Snapshot:
    """The sums of what several files say; gauges only of processes that live."""
    snapshot = Snapshot({})
    for content in contents:
        about = content.about
        lives = not about.covers and _lives(about.pid)
        if lives:
            snapshot.processes.append((about.process, about.pid))
        for metric, labels, values in content.series:
            if metric.kind == 'gauge' and (not lives or isnan(values.value)):
                continue
            known = snapshot.metrics.setdefault(metric.name, Measured(metric, {}))
            if _is_same(known.metric, metric):
                _add(known.series, metric, labels, values)
    return snapshot


def _is_same(one: Metric, other: Metric) -> bool:
    """Whether series of both belong together; of two metrics with one name only the first is told."""
    return (one.kind, one.labels, one.buckets) == (other.kind, other.labels, other.buckets)


def _add(
    series: dict[tuple[str, ...], Values], metric: Metric, labels: tuple[str, ...], values: Values
) -> None:
    known = series.get(labels)
    if known is None:
        series[labels] = values
    elif metric.kind == 'gauge' and metric.merge != 'sum':
        known.slots = [(min if metric.merge == 'min' else max)(known.value, values.value)]
    else:
        known.slots = [a + b for a, b in zip(known.slots, values.slots, strict=True)]
        for bucket, found in values.exemplars.items():
            before: Any = known.exemplars.get(bucket)
            if before is None or before[1] < found[1]:
                known.exemplars[bucket] = found


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def series_of(snapshot: Snapshot) -> Iterator[tuple[Metric, tuple[str, ...], Values]]:
    """Every series of a snapshot, with its metric and the values of its labels."""
    for measured in snapshot.metrics.values():
        for labels, values in measured.series.items():
            yield measured.metric, labels, values

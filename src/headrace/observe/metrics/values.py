"""What is counted or measured in, a few floats that others can read out: one object for each series."""

from __future__ import annotations

import struct
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from zlib import crc32

# Code that every request passes may write to `slots` itself, as these methods do.
# That one thread does not undo what another adds is due to CPython: it changes threads between two lines,
# at a call, or when a loop begins anew, and never within `slots[i] += n`.


class Counter:
    """A sum that only grows.

    >>> counter = Counter(memoryview(bytearray(8)).cast('d'))
    >>> counter.add()
    >>> counter.add(2)
    >>> counter.value
    3.0
    """

    __slots__ = ('slots',)

    def __init__(self, slots: memoryview[float]) -> None:
        self.slots = slots

    def add(self, n: float = 1) -> None:
        """So many more; ValueError if that would be fewer."""
        if n < 0:
            raise ValueError(
                f'a counter only grows, and {n} was to be added; use a gauge for what also falls'
            )
        self.slots[0] += n

    @property
    def value(self) -> float:
        """The sum so far."""
        return float(self.slots[0])


class Gauge:
    """A number as it is now."""

    __slots__ = ('slots',)

    def __init__(self, slots: memoryview[float]) -> None:
        self.slots = slots

    def set(self, value: float) -> None:
        """It is so much now."""
        self.slots[0] = value

    def add(self, n: float = 1) -> None:
        """It is so much more now, or less."""
        self.slots[0] += n

    @property
    def value(self) -> float:
        """What it is now."""
        return float(self.slots[0])


EXEMPLAR = struct.Struct('=dd16sI4x')
EXEMPLAR_SLOTS = EXEMPLAR.size // 8


class Exemplars:
    """The last value of each bucket that belongs to a trace, with the time and the trace's number."""

    __slots__ = ('_bounds', '_bytes')

    def __init__(self, slots: memoryview[float], bounds: Sequence[float]) -> None:
        self._bytes = slots.cast('B')
        self._bounds = bounds

    def keep(self, value: float, trace_id: str) -> None:
        """Keep 32 hex digits for a value that was observed; anything else is passed over."""
        if len(trace_id) != 32:
            return
        try:
            number = bytes.fromhex(trace_id)
        except ValueError:
            return
        at = bisect_left(self._bounds, value) * EXEMPLAR.size
        body = struct.pack('=dd16s', value, time.time(), number)
        self._bytes[at : at + EXEMPLAR.size] = body + struct.pack('=I4x', crc32(body))

    def keep_last(self, traced: Iterable[tuple[float, str]]) -> None:
        """Of values and their traces, keep the last of each bucket."""
        last = {bisect_left(self._bounds, value): (value, trace_id) for value, trace_id in traced}
        for value, trace_id in last.values():
            self.keep(value, trace_id)


class Histogram:
    """How many values were up to each of some bounds, and their sum: a slot for each, the sum last.

    `exemplars` keeps traces, if the metric wants that.
    """

    __slots__ = ('bounds', 'exemplars', 'slots')

    def __init__(
        self, slots: memoryview[float], bounds: Sequence[float], exemplars: Exemplars | None = None
    ) -> None:
        self.slots = slots
        self.bounds = bounds
        self.exemplars = exemplars

    def observe(self, value: float) -> None:
        """There was this value."""
        slots = self.slots
        slots[bisect_left(self.bounds, value)] += 1
        slots[-1] += value

    def observe_all(self, values: Iterable[float]) -> None:
        """There were these values: that costs less than one after the other."""
        slots, ordered = self.slots, sorted(values)
        total = sum(ordered)
        while ordered:
            bucket = bisect_left(self.bounds, ordered[-1])
            below = bisect_right(ordered, self.bounds[bucket - 1]) if bucket else 0
            count = len(ordered) - below
            slots[bucket] += count
            del ordered[below:]
        slots[-1] += total

    def load(self, slots: Sequence[float]) -> None:
        """Have the counts of all buckets, and the sum, that another histogram with these bounds had."""
        for index, value in enumerate(slots):
            self.slots[index] = value

    @property
    def count(self) -> int:
        """How many values there were."""
        return int(sum(self.slots[: len(self.bounds) + 1]))

    @property
    def sum(self) -> float:
        """Their sum."""
        return float(self.slots[-1])


def exemplar(content: bytes) -> tuple[float, float, str] | None:
    """The value, the time and the trace that were kept for a bucket; None if none, or one just changes."""
    value, at, number, check = EXEMPLAR.unpack(content)
    if not at or crc32(content[:32]) != check:
        return None
    return value, at, number.hex()

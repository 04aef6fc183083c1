"""What came of a replay: how many requests, how long they took, and where answers differ."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import quantiles

from msgspec import Struct, field

from headrace.recording.records import Fault
from headrace.testing.differing import Unlike

MOST = 1000
"""Differences that are kept; all are counted."""

LISTED = 20
"""Differences that a message shows."""


class Difference(Struct, frozen=True):
    """One thing that is not as it was: of a request, in a document (its id), in a field.

    Where a whole request differs (it failed, or no longer does), document and field are empty.
    """

    request_id: str
    endpoint: str
    document: str
    field: str
    was: str
    now: str

    def __str__(self) -> str:
        where = f', document {self.document}' if self.document else ''
        where += f', {self.field}' if self.field else ''
        return f'{self.endpoint} {self.request_id[:12]}{where}: {self.was} -> {self.now}'


class Comparison(Struct):
    """A replay beside what was recorded; true if nothing differs.

        comparison = replay('traffic.hrec', flow)
        assert comparison, comparison

    `before_s` and `now_s` are the seconds of each request that did not fail, then and now; `errors_before`
    and `errors` count those that did. `passed_over` were cancelled by their callers when they were recorded.
    """

    requests: int = 0
    errors_before: int = 0
    errors: int = 0
    passed_over: int = 0
    different: int = 0
    before_s: list[float] = field(default_factory=list)
    now_s: list[float] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    seconds: float = 0.0
    is_compared: bool = True

    def add(self, was_s: float, now_s: float, was: Fault | None, now: Fault | None) -> None:
        """Count a request."""
        self.requests += 1
        if was is None:
            self.before_s.append(was_s)
        if now is None:
            self.now_s.append(now_s)
        self.errors_before += was is not None
        self.errors += now is not None

    def note(self, request_id: str, endpoint: str, found: Iterable[Unlike]) -> None:
        """Keep what differs in a request."""
        for each in found:
            self.different += 1
            if len(self.differences) < MOST:
                self.differences.append(Difference(request_id, endpoint, *each))

    def rows(self) -> list[tuple[str, str, str]]:
        """Name, before and now, as a table has them."""
        return [
            ('requests', str(self.requests), str(self.requests)),
            ('errors', str(self.errors_before), str(self.errors)),
            ('p50', _ms(self.before_s, 50), _ms(self.now_s, 50)),
            ('p99', _ms(self.before_s, 99), _ms(self.now_s, 99)),
            ('differences', '', str(self.different) if self.is_compared else 'not compared'),
        ]

    def __bool__(self) -> bool:
        return not self.different

    def __str__(self) -> str:
        lines = [f'{"":<12}{"before":>14}{"now":>14}']
        lines += [f'{name:<12}{before:>14}{now:>14}' for name, before, now in self.rows()]
        lines += [f'  {each}' for each in self.differences[:LISTED]]
        if self.different > LISTED:
            lines.append(f'  and {self.different - LISTED} more')
        return '\n'.join(lines)

    def __repr__(self) -> str:
        return f'\n{self}\n'


def _ms(seconds: list[float], percent: int) -> str:
    if not seconds:
        return '-'
    value = quantiles(seconds, n=100, method='inclusive')[percent - 1] if len(seconds) > 1 else seconds[0]
    return f'{value * 1000:.2f} ms'

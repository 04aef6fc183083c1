"""Requests that were served in; out, where their time went: by endpoint, executor and stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

from headrace.gateway.profiling import Profiled
from headrace.observe.durations import told
from headrace.pipeline.hops import divided, outside_s

GATEWAY, QUEUE, BATCH, HANDLER, WAY = 'gateway', 'queue', 'batch', 'handler', 'way'

MEANING = {
    GATEWAY: 'reading the request, writing the answer, steps between executors',
    QUEUE: "waiting for the executor's turn",
    BATCH: 'waiting for others to share a batch with',
    HANDLER: "in the executor's own code",
    WAY: 'to the executor and back: encoding, sockets, waiting for a replica',
}
"""Every stage that a request can be in, and what happens there."""

BAR = 24
"""Characters of the longest bar."""


class Stage(NamedTuple):
    """What one stage of an executor (of the gateway: '') took, in seconds, of all requests that it saw."""

    executor: str
    name: str
    share: float
    mean_s: float
    p50_s: float
    p99_s: float


class Profile:
    """Where the time of requests went; print it as a table, or look at `stages`.

    `requests` is their number, `failed` how many ended with an error, `mean_s` what one took on average.
    Shares are parts of the time of all requests; executors that work side by side may have more than 1.

    >>> Profile([])
    <Profile of 0 requests>
    """

    def __init__(self, requests: Iterable[Profiled]) -> None:
        self._requests = list(requests)
        self.requests = len(self._requests)
        self.failed = sum(request.status >= 400 for request in self._requests)
        self.total_s = sum(request.seconds for request in self._requests)
        self.mean_s = self.total_s / self.requests if self.requests else 0.0
        self.stages = list(self._stages())

    def _stages(self) -> Iterator[Stage]:
        executors = dict.fromkeys(hop.executor for request in self._requests for hop in request.hops)
        own = [outside_s(request.seconds, request.hops) for request in self._requests]
        yield self._stage('', GATEWAY, own)
        for executor in executors:
            hops = [hop for request in self._requests for hop in request.hops if hop.executor == executor]
            stages = [divided(hop) for hop in hops]
            for index, name in enumerate((QUEUE, BATCH, HANDLER, WAY)):
                took = [each[index] for each in stages]
                if any(took):
                    yield self._stage(executor, name, took)

    def _stage(self, executor: str, name: str, took: Sequence[float]) -> Stage:
        ordered = sorted(took)
        total = sum(ordered)
        return Stage(
            executor,
            name,
            total / self.total_s if self.total_s else 0.0,
            total / len(ordered) if ordered else 0.0,
            _quantile(ordered, 0.5),
            _quantile(ordered, 0.99),
        )

    @property
    def slowest(self) -> Stage | None:
        """The stage with the greatest share: what to look at first."""
        return max(self.stages, key=lambda stage: stage.share, default=None) if self.requests else None

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            'requests': self.requests,
            'failed': self.failed,
            'mean_s': self.mean_s,
            'stages': [stage._asdict() for stage in self.stages],
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        took = [request.seconds for request in self._requests]
        heading = Text.assemble(
            (f'{self.requests} requests', 'bold'),
            f', {self.failed} failed; mean {told(self.mean_s)}, p50 {told(_quantile(sorted(took), 0.5))}, '
            f'p99 {told(_quantile(sorted(took), 0.99))}',
        )
        yield Group(heading, self._table())

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for title, justify in (
            *(('executor', 'left'), ('stage', 'left'), ('share', 'right'), ('', 'left')),
            *(('mean', 'right'), ('p50', 'right'), ('p99', 'right'), ('what it is', 'left')),
        ):
            table.add_column(title, justify=justify)  # type: ignore[arg-type]
        longest = max((stage.share for stage in self.stages), default=0.0) or 1.0
        before = None
        for stage in self.stages:
            table.add_row(
                Text('' if stage.executor == before else stage.executor or GATEWAY, 'bold'),
                stage.name if stage.executor else '',
                f'{stage.share:.1%}',
                Text('█' * round(BAR * stage.share / longest), 'cyan'),
                *map(told, (stage.mean_s, stage.p50_s, stage.p99_s)),
                Text(MEANING[stage.name], 'dim'),
            )
            before = stage.executor
        return table

    def __str__(self) -> str:
        console = Console(width=140, highlight=False, color_system=None)
        with console.capture() as captured:
            console.print(self)
        return captured.get().rstrip()

    def __repr__(self) -> str:
        return f'<Profile of {self.requests} requests>'


def _quantile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that so many are not above (nearest rank)."""
    return ordered[max(0, ceil(part * len(ordered)) - 1)] if ordered else 0.0

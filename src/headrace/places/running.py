"""A Flow that runs: where its doors are, what it offers, and how it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from headrace.gateway.profiling import Profiled
from headrace.observe.metrics.store import Store
from headrace.pipeline import Handler
from headrace.pipeline.describe import FlowInfo
from headrace.recording.writing import Written
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.observe import LogLevel, RecordSpec

Change = Callable[[FlowSpec], ExecutorSpec]
"""What an executor shall be, from the Flow as it is when it is the turn of this change."""


class Running(Protocol):
    """What every place gives back when a Flow has started.

    `home` is the event loop that it belongs to. `ports` has the port of each protocol; it is empty where
    there is no gateway, because the Flow runs in this very process: then `handler` is the Flow itself.
    `key` is an API key that opens its doors, if they want one. `stores` are what this process counts in, none
    if nothing is measured; where one has a file, those of the other processes lie beside it.
    """

    spec: FlowSpec
    info: FlowInfo
    host: str
    ports: Mapping[str, int]
    handler: Handler | None
    home: asyncio.AbstractEventLoop
    key: str

    @property
    def stores(self) -> Sequence[Store]:
        """What this process counts in."""

    async def scale(self, name: str, change: Change) -> None:
        """Have as many replicas of an executor as `change` says; SpecError where a number cannot change."""

    async def update(self, name: str, change: Change) -> None:
        """Replace every process of an executor by one as `change` describes it, while requests go on."""

    async def weigh(self, name: str, change: Change) -> None:
        """Divide the requests among the versions of an executor as `change` says."""

    async def profile(self, most: int) -> list[Profiled]:
        """Keep where the time of requests goes, of so many at most (0: none); what was kept until now."""

    async def record(self, spec: RecordSpec | None) -> Written:
        """Record requests as `spec` says, or (None) no more; HeadraceError if they are recorded already."""

    async def log_level(self, name: str, level: LogLevel) -> None:
        """Let an executor, or the 'gateway', log from `level` on; SpecError if there is none of this name."""

    async def stop(self) -> None:
        """End everything, in good order up to the Flow's `timeout_stop_s` and for certain after that."""

    async def watch(self) -> str:
        """Wait until something of the Flow ends that should not, and say what; in-process nothing can."""

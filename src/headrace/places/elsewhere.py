"""A Flow's spec in; out: what its external executors say of themselves, and how they are called."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, Protocol

from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.places.waiting import all_of
from headrace.spec import FlowSpec

_MODULE = 'headrace.gateway.external'
"""Loaded only where there is an external executor: gRPC takes a while, and other Flows do without it here."""


class Elsewhere(Protocol):
    """The way to an executor that runs elsewhere: a Handler that has to be closed."""

    async def __call__(self, batch: Batch, context: Context) -> Batch: ...

    async def close(self) -> None:
        """End the connections to it."""


async def described_elsewhere(spec: FlowSpec) -> dict[str, ExecutorInfo]:
    """Ask every external executor for its description, all at the same time.

    Raises StartError that names host and port if one does not answer.
    """
    external = [executor for executor in spec.executors if executor.external]
    if not external:
        return {}
    describe: Any = import_module(_MODULE).describe
    infos = await all_of([describe(executor, base=spec.base) for executor in external])
    return {info.name: info for info in infos}


def described_from_here(spec: FlowSpec) -> dict[str, ExecutorInfo]:
    """As `described_elsewhere`, for synchronous code; it may well be called within an event loop."""
    if not any(executor.external for executor in spec.executors):
        return {}
    with ThreadPoolExecutor(1, 'headrace-describe') as thread:
        return thread.submit(lambda: asyncio.run(described_elsewhere(spec))).result()


def called_elsewhere(spec: FlowSpec, infos: Mapping[str, ExecutorInfo]) -> dict[str, Elsewhere]:
    """A handler for every external executor, to be made on the event loop that calls it."""
    return {
        executor.name: import_module(_MODULE).External(executor, infos.get(executor.name), base=spec.base)
        for executor in spec.executors
        if executor.external
    }

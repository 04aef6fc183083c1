"""A Flow's spec in; out: what its external executors say of themselves, and how they are called."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from headrace.gateway.elsewhere import Elsewhere, called, described
from headrace.pipeline.describe import ExecutorInfo
from headrace.places.waiting import all_of
from headrace.spec import FlowSpec


async def described_elsewhere(spec: FlowSpec) -> dict[str, ExecutorInfo]:
    """Ask every external executor for its description, all at the same time.

    Raises StartError that names host and port if one does not answer.
    """
    external = [executor for executor in spec.executors if executor.external]
    infos = await all_of([described(executor, base=spec.base) for executor in external])
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
        executor.name: called(executor, infos.get(executor.name), base=spec.base)
        for executor in spec.executors
        if executor.external
    }

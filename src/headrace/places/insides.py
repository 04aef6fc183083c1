"""A Flow's spec in; out: what its executors say of themselves that are images."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from headrace.observe import log
from headrace.pipeline.describe import ExecutorInfo
from headrace.places.containers import is_image
from headrace.places.crew import Crew
from headrace.places.devices import devices_for
from headrace.places.outputs import Outputs
from headrace.places.starting import Starter
from headrace.places.waiting import all_of
from headrace.spec import FlowSpec
from headrace.spec.environment import colours, read
from headrace.spec.versions import each_version


async def described_inside(spec: FlowSpec) -> dict[str, ExecutorInfo]:
    """Start a container of every image, which loads its executor, describes it, and is removed.

    Raises StartError if no container engine answers, SpecError if it does not have an image.
    """
    names = [executor.name for executor in each_version(spec.executors) if is_image(executor)]
    directory = tempfile.mkdtemp(prefix='headrace-check-', dir=read().runtime_root())
    outputs = Outputs(directory, log.look(spec.observe.logs.format, sys.stderr, colours=colours()))
    starter = Starter(await devices_for(spec), lambda: None, directory, outputs)
    try:
        crews = [Crew(spec, name, starter, directory=directory, on_failure=lambda: None) for name in names]
        infos = await all_of(crew.described_as(spec) for crew in crews)
    finally:
        starter.abort()
        await starter.close()
        await asyncio.to_thread(outputs.close)
        shutil.rmtree(directory, ignore_errors=True)
    return {info.name: info for info in infos}


def described_inside_from_here(spec: FlowSpec) -> dict[str, ExecutorInfo]:
    """As `described_inside`, for synchronous code; it may well be called within an event loop."""
    if not any(is_image(executor) for executor in each_version(spec.executors)):
        return {}
    with ThreadPoolExecutor(1, 'headrace-describe') as thread:
        return thread.submit(lambda: asyncio.run(described_inside(spec))).result()

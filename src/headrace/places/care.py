"""What looks after a running Flow by itself: executors that grow with their work, and those that reload."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Protocol

from headrace.errors import HeadraceError
from headrace.places.autoscale import Autoscale, busy_of
from headrace.places.crew import Crew
from headrace.places.front import LOAD_EVERY_S
from headrace.places.loads import Loads
from headrace.places.reloading import follow
from headrace.places.running import Change
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.versions import each_version

_log = logging.getLogger(__name__)


class Running(Protocol):
    """The Flow that is looked after."""

    spec: FlowSpec
    crews: dict[str, Crew]
    loads: Loads

    async def resize(self, name: str, size: int) -> None:
        """Have `size` replicas."""

    async def update(self, name: str, change: Change) -> None:
        """Replace every process of an executor."""


class Care:
    """One task for each executor that has two numbers of replicas, and for each with `reload`."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._tasks: dict[tuple[str, object], asyncio.Task[None]] = {}

    def look_after(self, spec: FlowSpec) -> None:
        """From now on as `spec` wants it."""
        wanted: dict[tuple[str, object], bool] = {}
        for executor in each_version(spec.executors):
            if executor.most > executor.least:
                wanted[executor.name, executor.replicas] = True
            if executor.reload:
                wanted[executor.name, 'reload'] = True
        for key in [key for key in self._tasks if key not in wanted]:
            self._tasks.pop(key).cancel()
        for name, what in wanted:
            if (name, what) not in self._tasks:
                work = self._reload(name) if what == 'reload' else self._autoscale(spec[name])
                self._tasks[name, what] = asyncio.ensure_future(work)

    async def close(self) -> None:
        """Look after nothing any more."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _autoscale(self, executor: ExecutorSpec) -> None:
        name, running = executor.name, self._running
        scale = Autoscale(executor.least, executor.most, busy=busy_of(running.crews[name].info))
        while True:
            await asyncio.sleep(LOAD_EVERY_S)
            size, calls = running.crews[name].size, running.loads.calls(name)
            wanted = scale.wanted(size, calls=calls, now=time.monotonic())
            if wanted == size:
                continue
            _log.info('executor %r has %d calls to do: %d replicas instead of %d', name, calls, wanted, size)
            try:
                await running.resize(name, wanted)
            except HeadraceError as error:
                _log.error('executor %r stays with %d replicas: %s', name, size, error.message)

    async def _reload(self, name: str) -> None:
        running = self._running

        async def reload(files: list[str]) -> None:
            changed = ', '.join(Path(file).name for file in files)
            try:
                await running.update(name, lambda spec: spec[name])
            except HeadraceError as error:
                _log.error(
                    'executor %r: %s changed, but cannot be used; the old code goes on: %s',
                    name,
                    changed,
                    error.message,
                )
            else:
                _log.warning('executor %r: %s changed and is in use', name, changed)

        if not running.crews[name].files:
            _log.warning('executor %r: reload has no files to look at; put its class into a module', name)
        await follow(lambda: running.crews[name].files, reload)

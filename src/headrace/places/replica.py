"""One replica of an executor, kept alive: whichever process runs it at present."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headrace.pipeline.describe import ExecutorInfo
from headrace.places.restarts import End
from headrace.places.starting import Starter, Worker
from headrace.places.supervising import keep
from headrace.spec import FlowSpec, ProcessPlan


class Replica:
    """A replica in its place in the plan; `on_change` is told when it comes, ends, or is given up.

    First `spawn`, `describe` and `construct`, or `start` for all three; then `keep`.
    """

    def __init__(
        self, starter: Starter, flow: FlowSpec, plan: ProcessPlan, on_change: Callable[[], None]
    ) -> None:
        self.flow = flow
        self.plan = plan
        self.worker: Worker | None = None
        self.is_serving = False
        self.failed = ''
        self._starter = starter
        self._on_change = on_change
        self._keeping: asyncio.Task[None] | None = None

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f'executor {self.plan.name!r}'

    async def spawn(self) -> None:
        """Start its process."""
        self._starter.accounts.is_now(self, self.plan, 'starting')
        self.worker = await self._starter.spawn(self.flow, self.plan)

    async def describe(self) -> ExecutorInfo:
        """What it offers; nothing is constructed yet."""
        assert self.worker is not None
        return await self.worker.described()

    async def construct(self) -> None:
        """Construct it and wait until it serves."""
        assert self.worker is not None
        await self.worker.construct()
        self._serves()

    async def start(self) -> None:
        """Start it and wait until it serves; raises what went wrong, and then nothing of it runs."""
        self.worker = None
        self._starter.accounts.is_now(self, self.plan, 'starting')
        self.worker = await self._starter.start(self.flow, self.plan)
        self._serves()

    def log_as(self, flow: FlowSpec) -> None:
        """Log from the level on that the executor has in `flow`."""
        self.flow = flow
        level = flow[self.plan.executor].log_level
        if self.is_serving and self.worker is not None and level is not None:
            self.worker.child.order({'log_level': level})

    def _serves(self) -> None:
        self.is_serving = True
        self._starter.accounts.is_now(self, self.plan, 'serving')
        self.log_as(self.flow)  # the level may have changed since its process was started
        self._on_change()

    def keep(self) -> None:
        """From now on start it again when it ends."""
        self._keeping = asyncio.ensure_future(keep(self))

    async def ended(self) -> End:
        """Wait for the end of its process, and take it out of the routes."""
        assert self.worker is not None
        end = await self.worker.ended()
        self.is_serving = False
        self._starter.accounts.is_now(self, self.plan, 'starting')
        self._starter.end(self.worker)
        self._on_change()
        return end

    def again(self, end: End) -> None:
        """It is about to be started again."""
        self._starter.accounts.restarted(self.plan, end)

    def give_up(self, reason: str) -> None:
        """It will not be started again."""
        self.failed = reason
        self._starter.accounts.is_now(self, self.plan, 'failed')
        self._on_change()

    async def stop(self, grace_s: float) -> None:
        """End it: its process may finish what it has for `grace_s`."""
        await self.release()
        self._starter.accounts.is_now(self, self.plan, None)
        if self.worker is not None:
            await self._starter.stop(self.worker, grace_s)

    async def release(self) -> None:
        """Do not start it again."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        self.is_serving = False

    def __repr__(self) -> str:
        state = 'given up' if self.failed else 'serving' if self.is_serving else 'not serving'
        return f'<Replica {self.plan.name} {state}>'

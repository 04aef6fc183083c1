"""Replicas whose every answer a test gives by hand: no process, no socket, no clock."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

from waiting import turns

from headrace import Document
from headrace.documents.schema import schema_of
from headrace.errors import Overloaded, Unavailable
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo

SCHEMA = schema_of(Document)
INFO = ExecutorInfo(
    'encoder',
    (
        EndpointInfo('/read', 'docs', SCHEMA, SCHEMA),
        EndpointInfo('/write', 'docs', SCHEMA, SCHEMA, idempotent=False),
    ),
)


@dataclass(eq=False)
class Run:
    """One request at one replica."""

    replica: FakeReplica
    number: int
    context: Context
    future: asyncio.Future[Batch]
    late: asyncio.Future[Batch] | None = None
    ending: str = ''  # how it ended
    since: int = field(default_factory=itertools.count().__next__)

    @property
    def is_open(self) -> bool:
        """Whether its caller still waits for it here."""
        return not self.future.done()

    def answer(self) -> None:
        """Answer, also if that is late."""
        self._end('answered')
        future = self.late or self.future
        if not future.done():
            future.set_result(Batch(parameters={'n': self.number, 'by': self.replica.key}))

    def fail(self, error: Exception, ending: str) -> None:
        """Raise."""
        self._end(ending)
        future = self.late or self.future
        if not future.done():
            future.set_exception(error)

    def refuse(self) -> None:
        """It did not begin: there is too much to do."""
        self.fail(Overloaded('full'), 'refused')

    def turn_away(self) -> None:
        """It did not begin: the replica drains, or the connection was lost before."""
        self.fail(Unavailable('not here', begun=False), 'refused')

    def stall(self) -> None:
        """Let it be given up, while an answer may still come."""
        if self.late is None and self.is_open:
            error = Unavailable('silent')
            error.late = self.late = asyncio.get_running_loop().create_future()
            self.late.add_done_callback(self._seen)
            self.future.set_exception(error)

    def _seen(self, late: asyncio.Future[Batch]) -> None:
        if late.cancelled():
            self._end('unwanted')
        else:
            late.exception()

    def _end(self, ending: str) -> None:
        self.ending = self.ending or ending
        if self in self.replica.runs:
            self.replica.runs.remove(self)


@dataclass(eq=False)
class FakeReplica:
    """A handler whose requests wait for the test; `runs` has those under way, `seen` all that came."""

    key: str
    runs: list[Run] = field(default_factory=list)
    seen: list[Run] = field(default_factory=list)

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        future: asyncio.Future[Batch] = asyncio.get_running_loop().create_future()
        run = Run(self, batch.parameters['n'], context, future)
        self.runs.append(run)
        self.seen.append(run)
        try:
            return await future
        except asyncio.CancelledError:
            run._end('left')
            raise

    @property
    def open(self) -> list[Run]:
        """Those of its requests that count as outstanding."""
        return [run for run in self.runs if run.is_open]

    def die(self) -> list[Run]:
        """Lose everything that is under way; gives that back."""
        lost = list(self.runs)
        for run in lost:
            run.fail(Unavailable(f'{self.key} is lost'), 'died')
        return lost


async def settle() -> None:
    """Let everybody do what can be done now."""
    await turns(12)


def request(
    number: int, *, on: str = '/read', client: str = '', **parameters: object
) -> tuple[Batch, Context]:
    """A request that replicas know by its number."""
    return Batch(parameters={'n': number, **parameters}), Context(on, client=client)

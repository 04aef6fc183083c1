"""A graph in; out, its requests in a file, as long as somebody wants that; else it costs nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from hashlib import blake2b
from typing import Any

import msgspec

from headrace._version import __version__
from headrace.errors import HeadraceError
from headrace.pipeline import Batch, Context, Graph, Handler, Node
from headrace.pipeline.describe import FlowInfo
from headrace.pipeline.handler import streamed
from headrace.pipeline.hops import timing_of
from headrace.recording.records import Preface
from headrace.recording.tape import Tape
from headrace.recording.writing import Writer, Written
from headrace.spec.observe import RecordSpec

UNCHOSEN = False
"""The tape of a request that is not recorded."""


class Recorder:
    """Records the requests of a graph between `begin` and `end`.

    `info` is what the Flow offers, `process` who records.
    """

    def __init__(self, graph: Graph, info: FlowInfo, process: str) -> None:
        self._graph = graph
        self._info = info
        self._process = process
        self._tap: Tap | None = None
        self._handlers: dict[Node, Handler] = {}

    def begin(self, spec: RecordSpec) -> None:
        """Record from now on; HeadraceError if that is done already, or the file cannot be written."""
        if self._tap is not None:
            raise HeadraceError('requests are recorded already', help='end that before the next one begins')
        preface = Preface(
            flow=self._info.name,
            version=__version__,
            process=self._process,
            begun=time.time(),
            sample=spec.sample,
            redact=spec.redact,
            info=msgspec.to_builtins(self._info),
        )
        self._tap = self._graph.tap = Tap(Writer(spec, preface), spec.sample)
        for node in self._graph.nodes if spec.stages else ():
            if node.handler is not None and not node.floating:
                self._handlers[node] = node.handler
                node.handler = tapped(node.handler, node.name)

    async def end(self) -> Written:
        """Record nothing more; what became of the requests, when all are in the file."""
        tap, self._tap = self._tap, None
        if tap is None:
            return Written()
        self._graph.tap = None
        for node, handler in self._handlers.items():
            node.handler = handler
        self._handlers.clear()
        return await asyncio.to_thread(tap.writer.close)

    def __repr__(self) -> str:
        return f'<Recorder of {self._graph}, {self._tap or "idle"}>'


class Tap:
    """Stands before a graph while it is recorded: it chooses requests by their ids, and notes answers."""

    def __init__(self, writer: Writer, sample: float) -> None:
        self.writer = writer
        self._sample = sample

    def _chosen(self, context: Context) -> bool:
        is_chosen = not self.writer.is_full and is_chosen_of(context.request_id, self._sample)
        if not is_chosen:
            context.tape = UNCHOSEN
        return is_chosen

    async def __call__(self, handler: Handler, batch: Batch, context: Context) -> Batch:
        """The answer of a graph to one request."""
        if not self._chosen(context):
            return await handler(batch, context)
        context.tape = tape = Tape(self.writer, batch, context)
        try:
            answer = await handler(batch, context)
        except BaseException as error:
            tape.end(error)
            raise
        tape.case.answers = [tape.side(answer)]
        tape.end()
        return answer

    async def stream(self, handler: Handler, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer of a graph in parts."""
        tape = None
        if self._chosen(context):
            context.tape = tape = Tape(self.writer, batch, context, is_stream=True)
        answers = []
        try:
            async with aclosing(streamed(handler)(batch, context)) as parts:
                async for part in parts:
                    if tape is not None:
                        answers.append(tape.side(part))
                    yield part
        except BaseException as error:
            if tape is not None:
                tape.case.answers = answers
                tape.end(error)
            raise
        if tape is not None:
            tape.case.answers = answers
            tape.end()

    def __repr__(self) -> str:
        return f'<Tap into {self.writer}>'


def tapped(handler: Handler, executor: str) -> Any:
    """The handler of a node, noted where a request is; one that cannot answer in parts still cannot."""
    visited = Tapped(handler, executor)
    return visited if hasattr(handler, 'stream') else visited.__call__


class Tapped:
    """A handler as it is, whose batches are noted on the tape of a request."""

    def __init__(self, handler: Handler, executor: str) -> None:
        self._handler = handler
        self._executor = executor

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        tape: Tape | None = context.tape
        if not tape:
            return await self._handler(batch, context)
        visit = tape.visit(self._executor, batch)
        try:
            answer = await self._handler(batch, context)
        except BaseException as error:
            visit.timing = timing_of(error)
            tape.left(visit, error)
            raise
        visit.timing = answer.timing
        visit.answers = [tape.side(answer)]
        tape.left(visit)
        return answer

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer in parts, each of which is noted."""
        tape: Tape | None = context.tape
        visit = tape.visit(self._executor, batch, is_stream=True) if tape else None
        answers = []
        try:
            async with aclosing(streamed(self._handler)(batch, context)) as parts:
                async for part in parts:
                    if tape and visit is not None:
                        answers.append(tape.side(part))
                    yield part
        except BaseException as error:
            if tape and visit is not None:
                visit.answers, visit.timing = answers, timing_of(error)
                tape.left(visit, error)
            raise
        if tape and visit is not None:
            visit.answers, visit.timing = answers, batch.timing
            tape.left(visit)

    def __repr__(self) -> str:
        return f'{self._handler!r}'


def is_chosen_of(request_id: str, sample: float) -> bool:
    """Whether a request is among the part that is recorded; the same everywhere for the same id.

    >>> is_chosen_of('a', 1.0), is_chosen_of('a', 0.0)
    (True, False)
    """
    digest = blake2b(request_id.encode('utf-8', 'surrogatepass'), digest_size=8).digest()
    return int.from_bytes(digest) < sample * 2**64

"""Concurrent requests in, batches for a handler out; what comes back is handed to whom it belongs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from typing import Any

import msgspec

from headrace.errors import Overloaded
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.guard import answered
from headrace.pipeline.handler import Handler
from headrace.pipeline.load import Load, Outcome, is_of_a_document
from headrace.pipeline.pacing import Pacing
from headrace.pipeline.reports import REPORTS
from headrace.pipeline.waiting import Line, Piece, Request, Weigh
from headrace.spec.records import BatchingSpec

SHORTEST_WAIT_S = 1e-5
"""What is no wait at all; timers are not finer."""

Key = Callable[[dict[str, Any]], dict[str, Any]]


class Batching:
    """A handler that calls another one with the documents of several requests at once.

    One batch runs at a time; meanwhile requests gather for the next. A free handler gets what is there,
    unless it pays to wait for more (`Pacing`; `max_wait_ms`). A batch has at most `preferred_batch_size`
    documents (or that much of what `weigh` gives for each), all of one class, endpoint, target and set of
    parameters. A larger request is cut and put together again.

    When a batch fails, it is halved and tried again with the documents as they came, until those that fail
    are found: each gets its own error, in the reply's `parameters['__errors__']`; a request of which no
    document succeeds fails itself. What its caller has left, or whose time is over, is not worked on. Raises
    Overloaded when `max_queue` requests are here.
    """

    def __init__(
        self,
        handler: Handler,
        spec: BatchingSpec,
        *,
        name: str = 'the handler',
        doc_type: type[Any] | None = None,
        weigh: Weigh | None = None,
        seen: Key = dict,
    ) -> None:
        """Batch the calls of `handler`.

        `doc_type` is the class to decode documents into; `seen` gives, of a request's parameters, what the
        handler sees: requests that differ only in others share batches.
        """
        self._handler = handler
        self._settings = spec.settled()
        self._name = name
        self._doc_type = doc_type
        self._weigh = weigh if self._settings.use_custom_metric else None
        self._seen = seen
        self._pacing = Pacing()
        self._lines: dict[Hashable, Line] = {}
        self._open = 0
        self._running: Load | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        """The handler's answer for this request alone."""
        context.check()
        if not len(batch):
            return await self._handler(batch, context)
        if self._open >= self._settings.max_queue:
            raise Overloaded(
                f'{self._name} has {self._open} requests waiting',
                retry_after_s=self._pacing.drained_s(self._open),
                help='send fewer at a time, or raise max_queue of its dynamic_batching',
            )
        request = Request(batch, context, self._doc_type)
        key = self._key(request)
        limit = None if self._settings.flush_all else self._settings.preferred_batch_size
        request.cut(self._weigh, limit)
        self._open += 1
        request.future.add_done_callback(lambda _: self._ended(request, key))
        self._pacing.arrived(_now())
        self._next_piece(request, key)
        if self._running is None and not self._is_due:
            self._is_due = True  # those who come in the same turn of the event loop share a batch
            asyncio.get_running_loop().call_soon(self._pump)
        answer: Batch = await answered(request.future, context)
        return answer

    def _key(self, request: Request) -> Hashable:
        """What requests have in common that may share a batch."""
        own = self._seen(request.batch.parameters)
        plain = {key: value for key, value in own.items() if key not in REPORTS}
        try:
            text = msgspec.msgpack.encode(plain, order='deterministic') if plain else b''
        except (TypeError, ValueError, OverflowError, RecursionError):
            return object()  # nobody can say whether others have the same
        return request.docs.doc_type, request.context.endpoint, request.context.target, text

    def _next_piece(self, request: Request, key: Hashable) -> None:
        """Let the next piece of a request wait; one at a time, so that others get their turn between them."""
        if request.pieces and not request.future.done():
            piece = request.pieces[0]
            piece.since = _now()
            self._lines.setdefault(key, Line()).add(piece)

    def _ended(self, request: Request, key: Hashable) -> None:
        """A request has its answer, or its caller has left."""
        self._open -= 1
        line = self._lines.get(key)
        if line is not None and request.pieces:
            line.drop(request.pieces[0])
            if not line:
                del self._lines[key]
        request.pieces.clear()

    def _is_full(self, line: Line | None) -> bool:
        return line is not None and line.weight >= self._settings.preferred_batch_size

    def _pump(self) -> None:
        """Start the next batch if the handler is free and it is time."""
        self._is_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._running is None and self._lines:
            key, line = min(self._lines.items(), key=lambda each: each[1].since)
            wait_s = self._patience_s(line)
            if wait_s > SHORTEST_WAIT_S:
                self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)
                return
            self._start(key, line)

    def _patience_s(self, line: Line) -> float:
        if len(self._lines) > 1 or self._is_full(line):
            return 0.0  # there is something to do
        now = _now()
        left_s = line.since + self._settings.max_wait_ms / 1000 - now
        return min(left_s, self._pacing.patience_s(now, requests=len(line), weight=line.weight))

    def _start(self, key: Hashable, line: Line) -> None:
        """Make a batch of the oldest pieces of a line, and let it run."""
        limit = None if self._settings.flush_all else self._settings.preferred_batch_size
        pieces: list[Piece] = line.take(limit)
        if not line:
            del self._lines[key]
        for piece in pieces:
            piece.request.pieces.popleft()
            self._next_piece(piece.request, key)
        if pieces:
            self._running = Load(pieces)
            self._task = asyncio.get_running_loop().create_task(self._run(self._running))

    async def _run(self, load: Load) -> None:
        begin = _now()
        try:
            async for group, outcome in _isolated(load, self._handler):
                if len(group) == len(load):  # the usual case: the next batch need not wait for the answers
                    self._release(load, _now() - begin)
                    await asyncio.sleep(0)
                if isinstance(outcome, Exception):
                    load.fail(group, outcome)
                else:
                    load.succeed(group, outcome)
        except Exception as error:
            load.end(error)
        except BaseException as error:  # the event loop ends: nothing new begins
            self._running = load
            load.end(error)
            raise
        load.is_over = True
        self._release(load, _now() - begin)

    def _release(self, load: Load, seconds: float) -> None:
        """The handler is free again."""
        if self._running is not load:
            return
        self._running = None
        self._pacing.ended(
            _now(), requests=len(load.pieces), population=self._open, weight=load.weight, seconds=seconds
        )
        self._pump()

    def __repr__(self) -> str:
        size, waiting = self._settings.preferred_batch_size, sum(map(len, self._lines.values()))
        state = f'{len(self._running)} running' if self._running else 'free'
        return f'<Batching of {self._name}, up to {size}: {state}, {waiting} waiting>'


async def _isolated(load: Load, handler: Handler) -> AsyncIterator[tuple[Sequence[int], Outcome | Exception]]:
    """Run a batch; if that fails, halves of it, and so on: groups of documents and what became of them.

    With one bad document among n, at most 2 * log2(n) more calls find it.
    """
    groups: list[Sequence[int]] = [range(len(load))]
    while groups:
        group = groups.pop()
        is_first = len(group) == len(load)
        if not is_first:
            group = load.wanted(group)
        if not group:
            continue
        outcome: Outcome | Exception
        try:
            outcome = await load.run(handler, group)
        except Exception as error:
            if len(group) > 1 and is_of_a_document(error):
                groups += reversed(load.halves(group))
                continue
            outcome = error
        yield group, outcome


def _now() -> float:
    return asyncio.get_running_loop().time()

"""Concurrent requests in, batches for a handler out; what comes back is handed to whom it belongs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from math import inf
from typing import Any

import msgspec

from headrace.errors import HeadraceError, Overloaded
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.guard import answered
from headrace.pipeline.handler import Handler
from headrace.pipeline.isolating import isolated
from headrace.pipeline.load import Load
from headrace.pipeline.pacing import Pacing
from headrace.pipeline.reports import REPORTS
from headrace.pipeline.waiting import Line, Piece, Request, Weigh
from headrace.spec.batching import BatchingSpec

SHORTEST_WAIT_S = 1e-5
"""What is no wait at all; timers are not finer."""

Key = Callable[[dict[str, Any]], dict[str, Any]]


class Batching:
    """A handler that calls another one with the documents of several requests at once.

    `parallel_batches` run at a time, one unless more are wanted; meanwhile requests gather for the next. A
    free handler gets what is there, unless it pays to wait for more (`Pacing`; `max_wait_ms`). A batch has at
    most `preferred_batch_size` documents (or that much of what `weigh` gives for each), all of one class,
    endpoint, target and set of parameters. A larger request is cut and put together again.

    When a batch fails, it is halved and tried again with the documents as they came, until those that fail
    are found: each gets its own error, in the reply's `parameters['__errors__']`; a request of which no
    document succeeds fails itself. What its caller has left, or whose time is over, is not worked on. Raises
    Overloaded when `max_queue` requests are here, or `max_queue_bytes` of them.
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
        ahead: int = 0,
        repeats: bool = True,
    ) -> None:
        """Batch the calls of `handler`.

        `doc_type` is the class to decode documents into; `seen` gives, of a request's parameters, what the
        handler sees: requests that differ only in others share batches. A handler that does one call after
        the other may be given some `ahead`: full batches that need not wait for the event loop when
        their turn comes. Without `repeats` no document is given to the handler a second time.
        """
        self._handler = handler
        self._settings = spec.settled()
        self._limit = None if self._settings.flush_all else self._settings.preferred_batch_size
        self._ahead = 0 if self._limit is None else ahead
        self._name = name
        self._doc_type = doc_type
        self._weigh = weigh if self._settings.use_custom_metric else None
        self._seen = seen
        self._repeats = repeats
        self._pacing = Pacing()
        self._lines: dict[Hashable, Line] = {}
        self._open = self._bytes = 0
        self._loads: list[Load] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = self._is_over = False

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        """The handler's answer for this request alone."""
        context.check()
        if not len(batch):
            return await self._handler(batch, context)
        request = self._admitted(batch, context)
        try:
            request.cut(self._weigh, self._limit)
            self._pacing.arrived(_now())
            self._next_piece(request)
            if not self._is_due and self._has_room():
                self._is_due = True  # those who come in the same turn of the event loop share a batch
                asyncio.get_running_loop().call_soon(self._pump)
            answer: Batch = await answered(request.future, context)
            return answer
        except HeadraceError as error:
            error.timing = error.timing or request.waited()
            raise
        finally:
            self._ended(request)

    def _admitted(self, batch: Batch, context: Context) -> Request:
        """A request that is counted from now on, or Overloaded."""
        settings = self._settings
        if self._open >= settings.max_queue:
            raise self._overloaded(f'{self._open} requests waiting', 'max_queue')
        request = Request(batch, context)
        if self._open and self._bytes + request.bytes > settings.max_queue_bytes:
            raise self._overloaded(f'{self._bytes} bytes of requests waiting', 'max_queue_bytes')
        request.decode(self._doc_type)
        request.key = self._key(request)
        self._open += 1
        self._bytes += request.bytes
        return request

    def _overloaded(self, what: str, setting: str) -> Overloaded:
        return Overloaded(
            f'{self._name} has {what}',
            retry_after_s=self._pacing.drained_s(self._open),
            help=f'send fewer at a time, or raise {setting} of its dynamic_batching',
        )

    def _key(self, request: Request) -> Hashable:
        """What requests have in common that may share a batch."""
        own = self._seen(request.batch.parameters)
        plain = {key: value for key, value in own.items() if key not in REPORTS}
        try:
            text = msgspec.msgpack.encode(plain, order='deterministic') if plain else b''
        except (TypeError, ValueError, OverflowError, RecursionError):
            return object()  # nobody can say whether others have the same
        return request.docs.doc_type, request.context.endpoint, request.context.target, text

    def _next_piece(self, request: Request) -> None:
        """Let the next piece of a request wait; one at a time, so that others get their turn between them."""
        if request.pieces and not request.future.done():
            piece = request.pieces[0]
            piece.since = _now()
            self._lines.setdefault(request.key, Line()).add(piece)

    def _ended(self, request: Request) -> None:
        """A request has its answer, or its caller has left."""
        self._open -= 1
        self._bytes -= request.bytes
        line = self._lines.get(request.key)
        if line is not None and request.pieces:
            line.drop(request.pieces[0])
            if not line:
                del self._lines[request.key]
        request.future.cancel()
        request.pieces.clear()
        for left in request.leaving:
            left()
        request.leaving.clear()

    def _has_room(self) -> bool:
        return len(self._loads) < self._settings.parallel_batches + self._ahead

    def _is_full(self, line: Line) -> bool:
        return line.weight >= self._settings.preferred_batch_size

    def _pump(self) -> None:
        """Start the next batches if there is room at the handler and it is time."""
        self._is_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._lines and self._has_room() and not self._is_over:
            key, line = min(self._lines.items(), key=lambda each: each[1].since)
            is_first = len(self._loads) < self._settings.parallel_batches
            wait_s = self._patience_s(line) if is_first else self._until_due_s(line)
            if wait_s > SHORTEST_WAIT_S:
                if wait_s < inf:
                    self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)
                return
            self._start(key, line, is_first=is_first)

    def _patience_s(self, line: Line) -> float:
        """How long a free handler waits for more requests."""
        if len(self._lines) > 1 or self._is_full(line):
            return 0.0  # there is something to do
        now = _now()
        left_s = line.since + self._settings.max_wait_ms / 1000 - now
        return min(left_s, self._pacing.patience_s(now, requests=len(line)))

    def _until_due_s(self, line: Line) -> float:
        """How long a batch may still become fuller until it is to be handed to a handler that is busy."""
        if self._is_full(line):
            return 0.0
        running = self._loads[0]
        if running.since is None or not self._pacing.takes_turns:
            return inf
        return running.since + self._pacing.lead_s(running.weight) - _now()

    def _start(self, key: Hashable, line: Line, *, is_first: bool) -> None:
        """Make a batch of the oldest pieces of a line, and hand it to the handler."""
        pieces: list[Piece] = line.take(self._limit)
        if not line:
            del self._lines[key]
        for piece in pieces:
            piece.request.pieces.popleft()
            self._next_piece(piece.request)
        if pieces:
            load = Load(pieces)
            load.since = _now() if is_first else None
            self._loads.append(load)
            load.task = asyncio.get_running_loop().create_task(self._run(load))

    async def _run(self, load: Load) -> None:
        try:
            async for group, outcome in isolated(load, self._handler, repeats=self._repeats):
                if len(group) == len(load):  # the usual case: the next batch need not wait for the answers
                    is_awaited = len(self._loads) == 1
                    self._release(load)
                    if is_awaited:
                        await asyncio.sleep(0)
                if isinstance(outcome, Exception):
                    load.fail(group, outcome)
                else:
                    load.succeed(group, outcome)
        except Exception as error:
            load.end(error)
        except BaseException as error:  # the event loop ends: nothing new begins
            self._is_over = True
            load.end(error)
            raise
        finally:
            load.is_over = True
            self._release(load)

    def _release(self, load: Load) -> None:
        """The handler is free again."""
        if load not in self._loads:
            return
        self._loads.remove(load)
        now = _now()
        self._pacing.ended(
            now,
            requests=len(load.pieces),
            population=self._open,
            weight=load.weight,
            seconds=0.0 if load.since is None else now - load.since,
        )
        if len(self._loads) >= self._settings.parallel_batches:
            self._loads[self._settings.parallel_batches - 1].since = now  # its turn has come
        self._pump()

    def __repr__(self) -> str:
        size, waiting = self._settings.preferred_batch_size, sum(map(len, self._lines.values()))
        running = sum(map(len, self._loads))
        state = f'{running} running' if self._loads else 'free'
        return f'<Batching of {self._name}, up to {size}: {state}, {waiting} waiting>'


def _now() -> float:
    return asyncio.get_running_loop().time()

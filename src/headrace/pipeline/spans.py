"""Handlers whose work is recorded: a Flow's requests, their visits to executors, an executor's answers.

They stand around others only where traces are wanted. Whether a request is recorded says the traceparent in
its context; the others pass through.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from headrace.observe.tracing.traceparent import is_sampled
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.handler import Handler, streamed

if TYPE_CHECKING:
    from headrace.observe.tracing.span import Span
    from headrace.observe.tracing.tracing import Kind, Tracing

FAULT = 500
"""The least status of a request whose error is not its client's own."""

FLUSH_S = 1.0
"""How long a process that ends sends what it has recorded."""

SHORTEST_WAIT_NS = 200_000
"""What waits no longer has no span that says so."""


def waited(context: Context, since_ns: int) -> None:
    """Note that a request has waited for its turn, since then, if that is recorded and was long enough."""
    if context.span is not None and time.time_ns() - since_ns >= SHORTEST_WAIT_NS:
        context.span.past('queue', since_ns)


class Recorded:
    """A handler as it is, but for requests that are recorded: these have a span, and are worked on in it."""

    def __init__(self, handler: Handler, tracing: Tracing) -> None:
        self._handler = handler
        self._tracing = tracing

    @abstractmethod
    def begin(self, batch: Batch, context: Context) -> tuple[Span | None, Context]:
        """The span of a request, and its circumstances within that; None if it is not recorded."""

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        span, context = self.begin(batch, context)
        if span is None:
            return await self._handler(batch, context)
        try:
            answer = await self._handler(batch, context)
            told(span, answer)
            return answer
        except BaseException as error:
            span.fail(error)
            raise
        finally:
            self.end(span, context)

    def end(self, span: Span, context: Context) -> None:
        """The work is done."""
        span.end()

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer in parts; its span lasts until the last, and says when the first came."""
        span, context = self.begin(batch, context)
        count = 0
        try:
            async with aclosing(streamed(self._handler)(batch, context)) as parts:
                async for part in parts:
                    if span is not None and not count:
                        span.event('first item')
                    count += 1
                    yield part
        except BaseException as error:
            if span is not None:
                span.fail(error)
            raise
        finally:
            if span is not None:
                span.tell(items=count)
                self.end(span, context)

    def __repr__(self) -> str:
        return f'<{self._handler!r}, recorded>'


class Requested(Recorded):
    """A whole Flow: here it is decided which requests are recorded.

    The span of one that came through a door lasts from there until the door has written the answer, and says
    what became of it: see `ended`.
    """

    def begin(self, batch: Batch, context: Context) -> tuple[Span | None, Context]:
        """A trace of its own, or the next span in that of who asks."""
        context.trace = trace = self._tracing.decided(context.trace)
        door = context.door
        if trace and not is_sampled(trace):
            if door is not None:
                door.trace = trace
            return None, context
        about = {
            'headrace.endpoint': context.endpoint,
            'headrace.request_id': context.request_id,
            'headrace.documents': len(batch),
        }
        since_ns = None
        if door is not None:
            about['headrace.protocol'] = door.protocol
            since_ns = time.time_ns() - int((time.perf_counter() - door.started) * 1e9)
        span = self._tracing.begin(
            context.endpoint,
            trace,
            context.trace_state,
            kind='server',
            since_ns=since_ns,
            attributes=about,
        )
        context.trace, context.span = span.trace, span
        if door is not None:
            door.trace, door.span = span.trace, span
        return span, context

    def end(self, span: Span, context: Context) -> None:
        """A door tells of the end itself."""
        if context.door is None:
            span.end()


class Visit(Recorded):
    """One executor of a Flow, as its gateway sees it: all that it takes to get an answer from there."""

    def __init__(self, handler: Handler, tracing: Tracing, executor: str, kind: Kind = 'client') -> None:
        super().__init__(handler, tracing)
        self._executor = executor
        self._kind: Kind = kind

    def begin(self, batch: Batch, context: Context) -> tuple[Span | None, Context]:
        """A span within that of the request; several executors may be visited side by side."""
        if not is_sampled(context.trace):
            return None, context
        about = {'headrace.executor': self._executor, 'headrace.documents': len(batch)}
        span = self._tracing.begin(
            self._executor,
            context.span or context.trace,
            context.trace_state,
            kind=self._kind,
            attributes=about,
        )
        return span, context.inside(span)


class Answering(Recorded):
    """An executor in a process of its own: what it does for a request."""

    def __init__(self, handler: Handler, tracing: Tracing, replica: str) -> None:
        super().__init__(handler, tracing)
        self._replica = replica

    def begin(self, batch: Batch, context: Context) -> tuple[Span | None, Context]:
        """A span within the one that came with the request."""
        if not is_sampled(context.trace):
            return None, context
        about = {'headrace.replica': self._replica, 'headrace.request_id': context.request_id}
        span = self._tracing.begin(
            f'{self._replica} {context.endpoint}',
            context.trace,
            context.trace_state,
            kind='server',
            attributes=about,
        )
        context.trace, context.span = span.trace, span
        return span, context


class Ended(Protocol):
    """A request that has ended: the status that it has on HTTP, its error, and its bytes."""

    status: int
    error: str
    received_bytes: int
    sent_bytes: int


def ended(span: Span, request: Ended) -> None:
    """What has become of a request, in its span, which is over then."""
    span.tell(status=request.status, received_bytes=request.received_bytes, sent_bytes=request.sent_bytes)
    if request.status >= FAULT:
        span.blame(request.error)
    span.end()


def told(span: Span, answer: Batch) -> None:
    """Say of a span what its answer says: who gave it, and at which attempt."""
    timing = answer.timing
    if timing is not None and timing.replica:
        span.tell(replica=timing.replica, attempts=timing.attempts)


def requested(handler: Any, tracing: Tracing | None) -> Any:
    """The handler of a whole Flow, recorded if anything is."""
    return handler if tracing is None else Requested(handler, tracing)


def answering(handler: Any, tracing: Tracing | None, replica: str) -> Any:
    """The handler of an executor in a process of its own, recorded if anything is."""
    return handler if tracing is None else Answering(handler, tracing, replica)


def visit(handler: Handler | None, tracing: Tracing | None, executor: str, kind: Kind = 'client') -> Any:
    """The handler of a node, recorded if anything is; one that cannot answer in parts still cannot."""
    if tracing is None or handler is None:
        return handler
    recorded = Visit(handler, tracing, executor, kind)
    return recorded if hasattr(handler, 'stream') else recorded.__call__


def shared(contexts: Sequence[Context], documents: int) -> Span | None:
    """The span of a batch, linked to each of its requests that is recorded; within the first of them.

    Those are linked to it, too. None if nobody's request is recorded.
    """
    spans = [context.span for context in contexts if context.span is not None]
    if not spans:
        return None
    span = spans[0].begin('batch', links=spans, requests=len(contexts), documents=documents)
    for each in spans:
        each.link(span)
    return span

"""User code that is recorded: each call has a span, which is OpenTelemetry's current one while it runs."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.pipeline.spans import SHORTEST_WAIT_NS

if TYPE_CHECKING:
    from headrace.observe.tracing.span import Span

NAME = 'handler'
TRACING_CONTEXT = 'tracing_context'
_END: Any = object()

T = TypeVar('T')


def begun(parent: Span, arguments: dict[str, Any], method: str) -> Span:
    """The span of a call of user code, which may ask for it as `tracing_context`."""
    span = parent.begin(NAME, method=method)
    if TRACING_CONTEXT in arguments:
        arguments[TRACING_CONTEXT] = span.within
    return span


def on_thread(
    work: Callable[[], Any], parent: Span, arguments: dict[str, Any], method: str
) -> Callable[[], Any]:
    """A job for the executor's thread as one that is recorded, with the time that it waited for its turn."""
    asked_ns = time.time_ns()

    def job() -> Any:
        if time.time_ns() - asked_ns >= SHORTEST_WAIT_NS:
            parent.past('queue', asked_ns)
        span = begun(parent, arguments, method)
        token = span.activate()
        try:
            result = work()
        except BaseException as error:
            span.fail(error)
            span.end()
            raise
        finally:
            span.deactivate(token)
        if inspect.isawaitable(result):
            return on_loop(result, span)
        span.end()
        return result

    return job


async def on_loop(work: Awaitable[T], span: Span) -> T:
    """Work of the event loop as one that is recorded."""
    token = span.activate()
    try:
        return await work
    except BaseException as error:
        span.fail(error)
        raise
    finally:
        span.deactivate(token)
        span.end()


def steps(items: Iterator[T], parent: Span, arguments: dict[str, Any], method: str) -> Iterator[T]:
    """What a generator yields, recorded from its first step to its end; each step may be on any thread."""
    with _stream(parent, arguments, method) as stream:
        variables = copy_context()  # of all steps: what one sets, the next one sees
        variables.run(stream.span.activate)
        try:
            while (item := variables.run(next, items, _END)) is not _END:
                stream.came()
                yield item
        finally:
            variables.run(items.close)  # type: ignore[attr-defined]


async def parts(
    items: AsyncGenerator[T, None], parent: Span, arguments: dict[str, Any], method: str
) -> AsyncGenerator[T, None]:
    """What an asynchronous generator yields, recorded to its end; to be read by a task of its own."""
    with _stream(parent, arguments, method) as stream:
        stream.span.activate()
        async with aclosing(items):
            async for item in items:
                stream.came()
                yield item


class _Stream:
    """The span of a generator, which says when its first item came and how many there were."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.count = 0

    def came(self) -> None:
        """There is another item."""
        if not self.count:
            self.span.event('first item')
        self.count += 1


@contextmanager
def _stream(parent: Span, arguments: dict[str, Any], method: str) -> Iterator[_Stream]:
    """A generator that is recorded, from its beginning to its end."""
    stream = _Stream(begun(parent, arguments, method))
    try:
        yield stream
    except BaseException as error:
        stream.span.fail(error)
        raise
    finally:
        stream.span.tell(items=stream.count)
        stream.span.end()

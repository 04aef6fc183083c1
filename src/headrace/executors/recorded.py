"""User code that is recorded: each call has a span, which is OpenTelemetry's current one while it runs."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
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
    span = begun(parent, arguments, method)
    variables = copy_context()  # of all steps: what one sets, the next one sees
    variables.run(span.activate)
    count = 0
    try:
        while (item := variables.run(next, items, _END)) is not _END:
            if not count:
                span.event('first item')
            count += 1
            yield item
    except BaseException as error:
        span.fail(error)
        raise
    finally:
        variables.run(items.close)  # type: ignore[attr-defined]
        span.tell(items=count)
        span.end()


async def parts(
    items: AsyncGenerator[T, None], parent: Span, arguments: dict[str, Any], method: str
) -> AsyncGenerator[T, None]:
    """What an asynchronous generator yields, recorded to its end; to be read by a task of its own."""
    span = begun(parent, arguments, method)
    span.activate()
    count = 0
    try:
        async with aclosing(items):
            async for item in items:
                if not count:
                    span.event('first item')
                count += 1
                yield item
    except BaseException as error:
        span.fail(error)
        raise
    finally:
        span.tell(items=count)
        span.end()

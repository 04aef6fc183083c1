"""The one shape of everything that serves: a batch and its context in, a batch (or several) out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context

Handler = Callable[[Batch, Context], Awaitable[Batch]]
"""An executor's endpoint, a graph of handlers, a connection to a worker, a whole Flow: each is one."""

StreamHandler = Callable[[Batch, Context], AsyncGenerator[Batch, None]]
"""The same where the answer comes in parts, each as soon as it is there; closing it ends the work."""


class Tap(Protocol):
    """What stands before a handler for a while: it is given each request, and has the handler answer it."""

    async def __call__(self, handler: Handler, batch: Batch, context: Context) -> Batch:
        """The answer of the handler."""

    def stream(self, handler: Handler, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer of the handler in parts."""


def streamed(handler: Handler) -> StreamHandler:
    """A handler's work as a stream: what has a `stream` of its own gives parts, others their one answer."""
    own: StreamHandler | None = getattr(handler, 'stream', None)
    if own is not None:
        return own

    async def once(batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        yield await handler(batch, context)

    return once

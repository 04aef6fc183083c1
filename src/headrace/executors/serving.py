"""A whole executor as one Handler, routed by the endpoint of each request."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable

from headrace.executors.batching import in_batches
from headrace.executors.blueprint import info_of
from headrace.executors.calling import bind
from headrace.executors.endpoints import STATE, endpoints_of
from headrace.executors.executor import Executor
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import DEFAULT_ENDPOINT, ExecutorInfo
from headrace.pipeline.handler import Handler


def serve(executor: Executor) -> Handler:
    """The executor as a Handler: each request goes to its endpoint, else to the default one, else through.

    >>> serve(Executor())  # doctest: +ELLIPSIS
    <function serve.<locals>.handle at ...>
    """
    handlers = {
        name: in_batches(bind(executor, endpoint), executor, endpoint)
        for name, endpoint in endpoints_of(executor).items()
    }
    other = handlers.get(DEFAULT_ENDPOINT, _pass_through)

    def handle(batch: Batch, context: Context) -> Awaitable[Batch]:
        return handlers.get(context.endpoint, other)(batch, context)

    def handle_all(batch: Batch, context: Context) -> Awaitable[Batch]:
        batch.no_reduce = True
        return handle(batch, context)

    return handle_all if executor.runtime_args.no_reduce else handle


def describe(executor: Executor) -> ExecutorInfo:
    """The endpoints of an executor as plain data."""
    return info_of(executor.runtime_args.name, type(executor), endpoints_of(executor))


async def close(executor: Executor, *, timeout_s: float = 5.0) -> bool:
    """End an executor: wait for the handler that still runs, then call its `close()` (or await it).

    False if a handler on a thread did not end within `timeout_s` seconds; `close()` is called all the same.
    """
    lane = getattr(executor, STATE).lane
    ended = lane is None or await asyncio.to_thread(lane.stop, timeout_s)
    closing = executor.close()
    if inspect.isawaitable(closing):
        await closing
    return ended


async def _pass_through(batch: Batch, context: Context) -> Batch:
    context.check()
    return batch

"""A whole executor as one Handler, routed by the endpoint of each request."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Mapping
from typing import NamedTuple

from headrace.executors.batching import in_batches
from headrace.executors.blueprint import info_of
from headrace.executors.calling import bind
from headrace.executors.endpoints import STATE, endpoints_of
from headrace.executors.executor import Executor
from headrace.executors.generating import Generating
from headrace.executors.measured import Measured
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import DEFAULT_ENDPOINT, ExecutorInfo
from headrace.pipeline.handler import Handler, streamed


def serve(executor: Executor) -> Served:
    """The executor as a Handler: each request goes to its endpoint, else to the default one, else through.

    >>> serve(Executor())
    <Served Executor>
    """
    args, store = executor.runtime_args, getattr(executor, STATE).store
    handlers: dict[str, Way] = {}
    for name, endpoint in endpoints_of(executor).items():
        handler = bind(executor, endpoint)
        measured = None
        if store is not None:
            measured = Measured(store, args, name, is_batched=endpoint.is_batched)
            handler = measured.calls(handler)
        if isinstance(handler, Generating):
            handler.measured, measured = measured, None  # it knows itself when the last part has come
        handlers[name] = Way(in_batches(handler, executor, endpoint), measured)
    return Served(args.name, handlers, no_reduce=args.no_reduce)


class Way(NamedTuple):
    """The handler of an endpoint, and what is measured of it, if anything is."""

    handler: Handler
    measured: Measured | None = None


class Served:
    """A whole executor as one Handler, whose endpoints answer at once or in parts.

    With `no_reduce` several inputs of a request are not merged.
    """

    __slots__ = ('_name', '_no_reduce', '_other', '_ways')

    def __init__(self, name: str, ways: Mapping[str, Way], *, no_reduce: bool = False) -> None:
        self._name = name
        self._ways = ways
        self._other = ways.get(DEFAULT_ENDPOINT, Way(_pass_through))
        self._no_reduce = no_reduce

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        if self._no_reduce:
            batch.no_reduce = True
        handler, measured = self._ways.get(context.endpoint, self._other)
        if measured is None:
            return await handler(batch, context)
        try:
            answer = await handler(batch, context)
        except BaseException as error:
            measured.failed(error)
            raise
        measured.answered(answer.timing)
        return answer

    def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer in parts; of an endpoint that is no generator it is one part."""
        handler = self._ways.get(context.endpoint, self._other).handler
        if not hasattr(handler, 'stream'):
            return streamed(self.__call__)(batch, context)
        if self._no_reduce:
            batch.no_reduce = True
        return streamed(handler)(batch, context)

    def __repr__(self) -> str:
        return f'<Served {self._name}>'


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

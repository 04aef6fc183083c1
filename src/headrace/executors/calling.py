"""One endpoint of one executor as a Handler: arguments in, method called, result out."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, cast

from headrace.documents import DocList
from headrace.executors import recorded
from headrace.executors.endpoint import Endpoint
from headrace.executors.endpoints import STATE
from headrace.executors.executor import Executor
from headrace.executors.failure import USER_ERRORS, failed
from headrace.executors.gathering import Gather, gatherer
from headrace.executors.generating import Generating
from headrace.executors.records import State
from headrace.executors.results import Returned
from headrace.executors.threads import Lane
from headrace.observe.logcontext import CURRENT, Place
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.guard import answered, until_late
from headrace.pipeline.handler import Handler
from headrace.pipeline.hops import Timing
from headrace.pipeline.load import Gathered


async def call(executor: Executor, endpoint: Endpoint, batch: Batch, context: Context) -> Batch:
    """Call one endpoint once; `bind` makes the function that is fast to call again and again."""
    return await bind(executor, endpoint)(batch, context)


def bind(executor: Executor, endpoint: Endpoint) -> Handler:
    """The endpoint of an executor as a Handler.

    Work that is late or cancelled is not started. An `async def` runs on the event loop and is cancelled
    with its request; a `def` runs on the executor's own thread, and its caller gets an answer in time even if
    it goes on. Raises ExecutorFailure for what user code raises or returns, RequestError and
    DocumentError for a request that does not fit.

    A generator's handler has a `stream`; called, it gives all that the generator yields in one batch.
    """
    args = executor.runtime_args
    returned = Returned(args.name, args.full_name, type(executor), endpoint)
    method = getattr(executor, endpoint.method)
    gather = gatherer(endpoint, args.name)
    place = Place(args.name, args.full_name.removeprefix(f'{args.name}/'), endpoint.name)
    if endpoint.kind == 'stream':
        return Generating(method, gather, returned, None if endpoint.is_async else _lane(executor), place)
    if endpoint.is_async:
        return _asynchronous(method, gather, returned, place)
    return _synchronous(method, gather, returned, _lane(executor), place)


def _asynchronous(method: Callable[..., Any], gather: Gather, returned: Returned, place: Place) -> Handler:
    endpoint = returned.endpoint
    single = endpoint.kind == 'doc'

    async def each(docs: DocList[Any], arguments: dict[str, Any]) -> list[Any]:
        return [await method(doc=doc, **arguments) for doc in docs]

    async def handle(batch: Batch, context: Context) -> Batch:
        context.check()
        docs, arguments = gather(batch, context)
        span = None if context.span is None else recorded.begun(context.span, arguments, endpoint.method)
        work = each(docs, arguments) if single and docs is not None else method(**arguments)
        if span is not None:
            work = recorded.on_loop(work, span)
        begun = perf_counter()
        count = len(docs) if docs is not None else 0
        before = CURRENT.set((place, batch.asked if isinstance(batch, Gathered) else context))
        try:
            result = await until_late(work, context)
            timing = Timing(0.0, 0.0, perf_counter() - begun, count)
            answer = returned.answer(result, batch, docs)
        except USER_ERRORS as error:
            timing = Timing(0.0, 0.0, perf_counter() - begun, count)
            raise failed(error, returned.name, endpoint, timing) from error
        finally:
            CURRENT.reset(before)
        answer.timing = timing
        return answer

    return handle


def _synchronous(
    method: Callable[..., Any], gather: Gather, returned: Returned, lane: Lane, place: Place
) -> Handler:
    endpoint = returned.endpoint
    single = endpoint.kind == 'doc'

    async def handle(batch: Batch, context: Context) -> Batch:
        context.check()
        docs, arguments = gather(batch, context)
        timing = Timing()
        asked = perf_counter()
        begun = 0.0

        def work() -> Any:
            nonlocal docs, arguments, begun
            context.check()  # it may have waited for its turn
            if isinstance(batch, Gathered) and batch.begun():
                docs, arguments = gather(batch, context)
            each = single and docs is not None
            begun = perf_counter()
            timing.queue_s = begun - asked
            timing.documents = len(docs) if docs is not None else 0
            result = [method(doc=doc, **arguments) for doc in docs or ()] if each else method(**arguments)
            timing.handler_s = perf_counter() - begun
            # Sealed here, before the next handler has the thread and perhaps writes into the same arrays.
            return result if inspect.isawaitable(result) else returned.answer(result, batch, docs)

        before = CURRENT.set((place, batch.asked if isinstance(batch, Gathered) else context))
        job = work
        if context.span is not None:
            job = recorded.on_thread(work, context.span, arguments, endpoint.method)
        try:
            answer = await answered(lane.submit(job), context)
            if inspect.isawaitable(answer):  # a plain function around an asynchronous one
                answer = returned.answer(await until_late(_awaited(answer), context), batch, docs)
                timing.handler_s = perf_counter() - asked - timing.queue_s
        except USER_ERRORS as error:
            raise failed(error, returned.name, endpoint, _until_now(timing, asked, begun)) from error
        finally:
            CURRENT.reset(before)
        answer.timing = timing
        return cast(Batch, answer)

    return handle


def _until_now(timing: Timing, asked: float, begun: float) -> Timing:
    """Where the time of a call went that has failed; it may still be at work, or never have begun (0)."""
    now = perf_counter()
    if not begun:
        return Timing(queue_s=now - asked)
    return Timing(begun - asked, 0.0, timing.handler_s or now - begun, timing.documents)


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def _lane(executor: Executor) -> Lane:
    """The executor's own thread, shared by all of its endpoints; several with `allow_concurrent`."""
    state: State = getattr(executor, STATE)
    if state.lane is None:
        args = executor.runtime_args
        threads = min(32, (os.cpu_count() or 1) + 4) if args.allow_concurrent else 1
        state.lane = Lane(f'headrace-{args.name}', threads=threads)
    return state.lane

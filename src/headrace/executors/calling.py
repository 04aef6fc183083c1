"""One endpoint of one executor as a Handler: arguments in, method called, result out."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

from headrace.documents import DocList
from headrace.errors import RequestError
from headrace.executors.endpoint import Endpoint
from headrace.executors.endpoints import STATE
from headrace.executors.executor import Executor
from headrace.executors.failure import failed
from headrace.executors.parameters import reader
from headrace.executors.records import State
from headrace.executors.results import Returned
from headrace.executors.threads import Lane
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.guard import answered, until_late
from headrace.pipeline.handler import Handler
from headrace.pipeline.load import Gathered

Gather: TypeAlias = 'Callable[[Batch, Context], tuple[DocList[Any] | None, dict[str, Any]]]'

USER_ERRORS = (Exception, SystemExit)
"""What a handler may raise without harm to others; `sys.exit()` in one must not end the worker."""


async def call(executor: Executor, endpoint: Endpoint, batch: Batch, context: Context) -> Batch:
    """Call one endpoint once; `bind` makes the function that is fast to call again and again."""
    return await bind(executor, endpoint)(batch, context)


def bind(executor: Executor, endpoint: Endpoint) -> Handler:
    """The endpoint of an executor as a Handler.

    Work that is late or cancelled is not started. An `async def` runs on the event loop and is cancelled
    with its request; a `def` runs on the executor's own thread, and its caller gets an answer in time even if
    it goes on. Raises ExecutorFailure for what user code raises or returns, RequestError and
    DocumentError for a request that does not fit.
    """
    if endpoint.kind == 'stream':
        return _refuse_stream(executor, endpoint)
    args = executor.runtime_args
    returned = Returned(args.name, args.full_name, type(executor), endpoint)
    method = getattr(executor, endpoint.method)
    gather = _gatherer(endpoint, args.name)
    if endpoint.is_async:
        return _asynchronous(method, gather, returned)
    return _synchronous(method, gather, returned, _lane(executor))


def _asynchronous(method: Callable[..., Any], gather: Gather, returned: Returned) -> Handler:
    endpoint = returned.endpoint
    single = endpoint.kind == 'doc'

    async def each(docs: DocList[Any], arguments: dict[str, Any]) -> list[Any]:
        return [await method(doc=doc, **arguments) for doc in docs]

    async def handle(batch: Batch, context: Context) -> Batch:
        context.check()
        docs, arguments = gather(batch, context)
        work = each(docs, arguments) if single and docs is not None else method(**arguments)
        try:
            result = await until_late(work, context)
        except USER_ERRORS as error:
            raise failed(error, returned.name, endpoint) from error
        return returned.answer(result, batch, docs)

    return handle


def _synchronous(method: Callable[..., Any], gather: Gather, returned: Returned, lane: Lane) -> Handler:
    endpoint = returned.endpoint
    single = endpoint.kind == 'doc'

    async def handle(batch: Batch, context: Context) -> Batch:
        context.check()
        docs, arguments = gather(batch, context)

        def work() -> Any:
            nonlocal docs, arguments
            context.check()  # it may have waited for its turn
            if isinstance(batch, Gathered) and batch.begun():
                docs, arguments = gather(batch, context)
            each = single and docs is not None
            result = [method(doc=doc, **arguments) for doc in docs or ()] if each else method(**arguments)
            # Sealed here, before the next handler has the thread and perhaps writes into the same arrays.
            return result if inspect.isawaitable(result) else returned.answer(result, batch, docs)

        try:
            answer = await answered(lane.submit(work), context)
            if inspect.isawaitable(answer):  # a plain function around an asynchronous one
                answer = returned.answer(await until_late(_awaited(answer), context), batch, docs)
        except USER_ERRORS as error:
            raise failed(error, returned.name, endpoint) from error
        return cast(Batch, answer)

    return handle


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def _gatherer(endpoint: Endpoint, name: str) -> Gather:
    """The function that reads a handler's arguments from a request; `doc` is passed one by one, elsewhere."""
    takes, kind = endpoint.takes, endpoint.request_type
    reads_docs, single = not takes.isdisjoint(('docs', 'doc')), 'doc' in takes
    reads_inputs = not takes.isdisjoint(('docs_matrix', 'docs_map'))
    read = None
    if 'parameters' in takes:
        read = reader(endpoint.parameters_type, optional=endpoint.parameters_optional, name=name)
    reads_context, reads_trace = 'context' in takes, 'tracing_context' in takes

    def gather(batch: Batch, context: Context) -> tuple[DocList[Any] | None, dict[str, Any]]:
        arguments = _inputs(batch, endpoint, reads_docs) if reads_inputs else {}
        docs = batch.docs_as(kind) if reads_docs else None
        if reads_docs and not single:
            arguments['docs'] = docs
        if read is not None:
            arguments['parameters'] = read(batch.parameters)
        if reads_context:
            arguments['context'] = context
        if reads_trace:
            arguments['tracing_context'] = context.trace
        return docs, arguments

    return gather


def _inputs(batch: Batch, endpoint: Endpoint, reads_docs: bool) -> dict[str, Any]:
    """`docs_matrix` and `docs_map`: the documents of each predecessor of a join.

    To merge them changes them, so a handler that also takes the merged ones gets copies here.
    """
    copies = reads_docs and len(batch.sources) > 1
    found = {
        name: (payload.shared() if copies else payload).docs(endpoint.request_type)
        for name, payload in batch.sources
    }
    arguments: dict[str, Any] = {}
    if 'docs_matrix' in endpoint.takes:
        arguments['docs_matrix'] = list(found.values())
    if 'docs_map' in endpoint.takes:
        arguments['docs_map'] = found
    return arguments


def _lane(executor: Executor) -> Lane:
    """The executor's own thread, shared by all of its endpoints; several with `allow_concurrent`."""
    state: State = getattr(executor, STATE)
    if state.lane is None:
        args = executor.runtime_args
        threads = min(32, (os.cpu_count() or 1) + 4) if args.allow_concurrent else 1
        state.lane = Lane(f'headrace-{args.name}', threads=threads)
    return state.lane


def _refuse_stream(executor: Executor, endpoint: Endpoint) -> Handler:
    async def handle(batch: Batch, context: Context) -> Batch:
        raise RequestError(
            f'endpoint {endpoint.name!r} of executor {executor.runtime_args.name!r} is a stream '
            '(its handler is a generator), and streams are not served yet',
            help='let the handler return the documents instead of yielding them',
        )

    return handle

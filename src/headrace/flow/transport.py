"""A Flow in this process as a transport of the client: the same `post`, with no socket in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

from headrace.client.messages import Request, Response
from headrace.client.parts import PART_BYTES, Buffer, Part
from headrace.documents import DocList
from headrace.documents.codec import columns
from headrace.errors import BadServer, HeadraceError, Overloaded
from headrace.observe.tracing import usable, usable_state
from headrace.pipeline import Batch, Context, Handler, Payload
from headrace.pipeline.batch import joined
from headrace.pipeline.describe import FlowInfo
from headrace.pipeline.handler import streamed

T = TypeVar('T')


class HandlerTransport:
    """Sends requests to a handler, which runs on `home`, the event loop that its executors belong to.

    Documents are encoded all the same, both ways: so neither an executor nor its caller changes those of the
    other, and what cannot travel fails here as it would in production.
    """

    def __init__(
        self, handler: Handler, home: asyncio.AbstractEventLoop, info: FlowInfo | None = None
    ) -> None:
        self._handler = handler
        self._home = home
        self._info = info

    def encode(self, request: Request, docs: DocList[Any]) -> bytes:
        return bytes(joined(columns.encode(docs)))

    async def send(self, request: Request, body: bytes) -> Response[Any]:
        return await self._at_home(self._send(request, body))

    async def _send(self, request: Request, body: bytes) -> Response[Any]:
        batch, context = _asked(request, body)
        try:
            reply = await self._handler(batch, context)
        except asyncio.CancelledError:
            context.cancel()
            raise
        except HeadraceError as error:
            raise _answer(error, context.request_id) from error
        return Response(request, reply.shared().docs_as, parameters=reply.parameters)

    @asynccontextmanager
    async def lease(self, *, in_order: bool) -> AsyncGenerator[HandlerTransport, None]:
        """There is nothing that requests would have to share."""
        yield self

    async def parts(self, request: Request, body: bytes) -> AsyncGenerator[Part, None]:
        batch, context = _asked(request, body)
        coming = Buffer[Batch | Exception | None](PART_BYTES)
        making = asyncio.run_coroutine_threadsafe(self._make(batch, context, coming), self._home)
        try:
            while (came := await self._at_home(coming.get())) is not None:
                if isinstance(came, HeadraceError):
                    raise _answer(came, context.request_id) from came
                if isinstance(came, Exception):
                    raise came
                size = sum(payload.nbytes for _, payload in came.sources)
                yield Part(Response(request, came.docs_as, parameters=came.parameters), size)
        finally:
            making.cancel()

    async def _make(self, batch: Batch, context: Context, coming: Buffer[Batch | Exception | None]) -> None:
        """Put what the handler makes, and then its end, where it is taken from: one task, as it may want."""
        end: Exception | None = None
        try:
            async with aclosing(streamed(self._handler)(batch, context)) as parts:
                async for part in parts:
                    await coming.put(part.shared(), PART_BYTES)
        except asyncio.CancelledError:
            context.cancel()
            raise
        except Exception as error:
            end = error
        coming.put_last(end)

    async def _at_home(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that runs on the handler's loop."""
        if asyncio.get_running_loop() is self._home:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._home))

    async def is_ready(self, timeout_s: float) -> bool:
        return True

    async def problem(self, timeout_s: float) -> str:
        return ''

    async def describe(self) -> FlowInfo | None:
        return self._info

    async def close(self) -> None:
        """There is no connection to end."""

    def __repr__(self) -> str:
        return f'{self._handler}'


def _asked(request: Request, body: bytes) -> tuple[Batch, Context]:
    """A request as handlers take it."""
    trace = usable(request.metadata.get('traceparent', ''))
    context = Context.within(
        request.endpoint,
        request.left_s(),
        request_id=request.request_id,
        target=request.target,
        trace=trace,
        trace_state=usable_state(request.metadata.get('tracestate', ''), trace),
    )
    payload = Payload(segments=(bytearray(body),))
    return Batch(parameters=dict(request.parameters), sources=(('gateway', payload),)), context


def _answer(error: HeadraceError, request_id: str) -> BadServer:
    """The error as a client of a server would see it."""
    return BadServer(
        error.message,
        status=error.grpc_status,
        error=type(error).__name__,
        request_id=request_id,
        help=error.help,
        retry_after_s=error.retry_after_s if isinstance(error, Overloaded) else 0.0,
    )

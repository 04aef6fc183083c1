"""A Flow in this process as a transport of the client: the same `post`, with no socket in between."""

from __future__ import annotations

import asyncio
from typing import Any

from headrace.client.messages import Request, Response
from headrace.documents import DocList
from headrace.documents.codec import columns
from headrace.errors import BadServer, HeadraceError, Overloaded
from headrace.pipeline import Batch, Context, Handler, Payload
from headrace.pipeline.batch import joined
from headrace.pipeline.describe import FlowInfo


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
        if asyncio.get_running_loop() is self._home:
            return await self._send(request, body)
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._send(request, body), self._home)
        )

    async def _send(self, request: Request, body: bytes) -> Response[Any]:
        context = Context.within(
            request.endpoint, request.left_s(), request_id=request.request_id, target=request.target
        )
        payload = Payload(segments=(bytearray(body),))
        batch = Batch(parameters=dict(request.parameters), sources=(('gateway', payload),))
        try:
            reply = await self._handler(batch, context)
        except asyncio.CancelledError:
            context.cancel()
            raise
        except HeadraceError as error:
            raise _answer(error, context.request_id) from error
        return Response(request, reply.shared().docs_as, parameters=reply.parameters)

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

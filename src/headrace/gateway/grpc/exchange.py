"""One request in, its reply or its parts out: what Call, Generate and Stream have in common."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple, TypeVar

from headrace.gateway.entrance import Entrance
from headrace.gateway.envelopes import Envelopes
from headrace.gateway.finished import Finished
from headrace.gateway.grpc.caller import Caller
from headrace.gateway.identity import Identity
from headrace.gateway.refusals import reply_too_large, request_too_large
from headrace.gateway.requested import check_address, usable_state, usable_timeout_s, usable_trace
from headrace.gateway.strangers import Strangers
from headrace.pipeline.admission import Ticket
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context, too_late
from headrace.proto import headrace_pb2 as pb

T = TypeVar('T')


class Admitted(NamedTuple):
    """One request that was let in: what is asked, by whom, its room, and what is told at its end."""

    request: pb.Request
    columns: memoryview | None
    context: Context
    identity: Identity
    ticket: Ticket
    finished: Finished


class Exchange:
    """Turns requests into replies with the Flow's handler; knows nothing of calls and streams."""

    def __init__(self, entrance: Entrance) -> None:
        self._handler = entrance.handler
        self._stream = partial(entrance.stream, protocol='grpc')
        self._permit = entrance.permit
        self._timeout_s = entrance.spec.timeout_s
        self._max_bytes = entrance.spec.max_body_bytes
        strangers = Strangers(entrance.spec.unknown_fields)
        self._envelopes = Envelopes(entrance, strangers)

    def context(self, request: pb.Request, caller: Caller, identity: Identity) -> Context:
        """The circumstances of a request; its time is the shortest that anybody gave, or else the Flow's."""
        check_address(request.endpoint, request.target)
        now = time.monotonic()
        given = [now + usable_timeout_s(request.timeout_s)] if request.timeout_s else []
        if caller.deadline is not None:
            given.append(caller.deadline)
        if not given and self._timeout_s is not None:
            given.append(now + self._timeout_s)
        trace = usable_trace(request.traceparent or caller.metadata.get('traceparent', ''))
        state = request.tracestate if request.traceparent else caller.metadata.get('tracestate', '')
        return Context(
            request.endpoint or '/',
            request_id=caller.name_of(request),
            deadline=min(given, default=None),
            target=request.target,
            trace=trace,
            trace_state=usable_state(state, trace),
            client=identity.client,
        )

    def check_size(self, size: int) -> None:
        """Raise TooLarge for a request with more bytes than the gateway accepts."""
        if size > self._max_bytes:
            raise request_too_large(self._max_bytes)

    async def reply(self, admitted: Admitted) -> bytes:
        """The serialised reply; raises whatever keeps it from being made.

        The reply takes the place of the request in the room of the gateway. When the time is over, or the
        caller of this is cancelled, everybody who works on the request is told.
        """
        batch = await self._open(admitted)
        given, context = batch.parameters, admitted.context
        try:
            answer = await _in_time(self._handler(batch, context), context)
        except asyncio.CancelledError:
            context.cancel()
            raise
        data = await self._packed(admitted, answer, given)
        admitted.ticket.answered(context.endpoint, len(data))
        admitted.finished.status, admitted.finished.sent_bytes = 200, len(data)
        return data

    async def parts(self, admitted: Admitted, *, more: bool = False) -> AsyncGenerator[bytes, None]:
        """Serialised replies, one for each part of the answer; closing this ends the work on it.

        All of it has the time that the request has. With `more` each says that another reply follows.
        """
        batch = await self._open(admitted)
        given, context = batch.parameters, admitted.context
        try:
            async with aclosing(self._stream(batch, context)) as parts:
                while (part := await _in_time(anext(parts, None), context)) is not None:
                    data = await self._packed(admitted, part, given, more=more)
                    admitted.ticket.hold(len(data))
                    admitted.finished.sent_bytes += len(data)
                    yield data
        except (asyncio.CancelledError, GeneratorExit):
            context.cancel()
            raise
        admitted.ticket.answered(context.endpoint)
        admitted.finished.status = 200

    async def _open(self, admitted: Admitted) -> Batch:
        """What the handler gets."""
        context = admitted.context
        self._permit(admitted.identity, context.endpoint, context.target)
        batch = await self._envelopes.read(admitted.request, admitted.columns, context.endpoint)
        admitted.finished.goes_on(context, len(batch))
        admitted.ticket.begin()
        return batch

    async def _packed(
        self, admitted: Admitted, batch: Batch, given: dict[str, Any], *, more: bool = False
    ) -> bytes:
        reply = pb.Reply(request_id=admitted.context.request_id, more=more)
        data = await self._envelopes.write(reply, admitted.request, admitted.columns, batch, given)
        if len(data) > self._max_bytes:
            raise reply_too_large(self._max_bytes)
        return data


async def _in_time(work: Awaitable[T], context: Context) -> T:
    """What `work` gives before the request's time is over; then everybody who works on it is told."""
    limit = asyncio.timeout(context.left_s())
    try:
        async with limit:
            return await work
    except TimeoutError:
        if not limit.expired():
            raise
        context.cancel()
        raise too_late(context.endpoint) from None

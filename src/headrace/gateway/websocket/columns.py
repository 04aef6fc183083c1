"""The subprotocol `headrace.columns.v1`: binary messages, each a Request or Reply of headrace.proto."""

from __future__ import annotations

from typing import Any

from headrace.gateway.envelopes import Envelopes
from headrace.gateway.faults import to_message
from headrace.gateway.requested import check_address, usable_timeout_s
from headrace.gateway.websocket.language import Ask, Cancel, End, Message
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack

NAME = 'headrace.columns.v1'
EMPTY = b''
"""The message that says that there is no more to come, from either side."""


class Columns:
    """The language of protobuf messages, with documents as columns, JSON or rows; `route` as for JSON."""

    is_binary = True
    in_order = False
    farewell = EMPTY

    def __init__(self, envelopes: Envelopes, route: str = '', development: bool = False) -> None:
        self._envelopes = envelopes
        self._route = route
        self._development = development

    def read(self, message: bytes) -> Message:
        """What a client says."""
        if message == EMPTY:
            return End()
        request, columns = unpack(pb.Request, message)
        if request.cancel:
            return Cancel(request.request_id or None)
        check_address(request.endpoint, request.target)
        return Ask(
            request.request_id or None,
            request.endpoint or self._route or '/',
            request.target,
            request.traceparent,
            request.tracestate,
            usable_timeout_s(request.timeout_s) if request.timeout_s else None,
            request.parts,
            (request, columns),
            len(message),
        )

    async def batch(self, ask: Ask) -> Batch:
        """The documents and parameters of a request."""
        request, columns = ask.body
        return await self._envelopes.read(request, columns, ask.endpoint)

    async def reply(self, ask: Ask, context: Context, answer: Batch, given: dict[str, Any]) -> bytes:
        """The whole answer to a request."""
        return await self._packed(pb.Reply(request_id=context.request_id), ask, answer, given)

    async def part(self, ask: Ask, context: Context, part: Batch, given: dict[str, Any]) -> bytes:
        """One part of an answer."""
        return await self._packed(pb.Reply(request_id=context.request_id, more=True), ask, part, given)

    def end(self, ask: Ask, context: Context) -> bytes:
        """What comes after the last part."""
        return pb.Reply(request_id=context.request_id).SerializeToString()

    def error(self, ask: Ask | None, context: Context, error: Exception) -> bytes:
        """Why a request has no answer."""
        endpoint = '' if ask is None else ask.endpoint
        message = to_message(
            error, request_id=context.request_id, endpoint=endpoint, development=self._development
        )
        return pb.Reply(request_id=context.request_id, error=message).SerializeToString()

    async def _packed(self, reply: pb.Reply, ask: Ask, answer: Batch, given: dict[str, Any]) -> bytes:
        request, columns = ask.body
        return await self._envelopes.write(reply, request, columns, answer, given)

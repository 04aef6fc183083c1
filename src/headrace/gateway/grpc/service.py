"""The service of headrace.proto on grpc.aio."""

from __future__ import annotations

import asyncio
import time

import grpc

from headrace.errors import DeadlineExceeded, RequestError
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc import faults
from headrace.gateway.grpc.caller import Caller, Rpc
from headrace.gateway.grpc.describe import describe
from headrace.gateway.grpc.exchange import Exchange, usable_id
from headrace.gateway.grpc.stream import Stream, Window
from headrace.pipeline.context import new_request_id
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack

NAME: str = pb.DESCRIPTOR.services_by_name['Headrace'].full_name


class Service:
    """Call, Stream and Describe; messages come and go as bytes, as parsing would copy the large ones."""

    def __init__(self, exchange: Exchange, entrance: Entrance) -> None:
        self._exchange = exchange
        self._admission = entrance.admission
        self._info = entrance.info
        self._spec = entrance.spec
        self._description = b''
        self._streams: set[Stream] = set()

    def handlers(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """What a gRPC server registers; the request of a Call is read by us, after there is room for it."""
        return grpc.method_handlers_generic_handler(
            NAME,
            {
                'Call': grpc.stream_unary_rpc_method_handler(self.call),
                'Stream': grpc.stream_stream_rpc_method_handler(self.stream),
                'Describe': grpc.unary_unary_rpc_method_handler(self.describe),
            },
        )

    async def call(self, requests: object, rpc: Rpc) -> bytes:
        """One request, one reply."""
        caller = Caller.of(rpc)
        request_id = usable_id(caller.metadata.get('x-request-id', '')) or new_request_id()
        endpoint = ''
        try:
            ticket = self._admission.enter(caller.host, 0, self._left_s(caller))
            # When the reply is on its way, or never will be; the stubs want a class that does not exist.
            rpc.add_done_callback(lambda _: ticket.leave())  # type: ignore[arg-type]
            data = await self._message(rpc, caller)
            ticket.grow(len(data))
            request, columns = unpack(pb.Request, data)
            context = self._exchange.context(request, caller)
            request_id, endpoint = context.request_id, context.endpoint
            return await self._exchange.reply(request, columns, context, ticket)
        except Exception as error:
            await self._abort(rpc, error, request_id, endpoint)
            raise

    def _left_s(self, caller: Caller) -> float | None:
        return self._spec.timeout_s if caller.deadline is None else caller.deadline - time.monotonic()

    async def _message(self, rpc: Rpc, caller: Caller) -> bytes:
        """The one message of a call; it has to be complete before the call's time, or the Flow's, is over."""
        try:
            async with asyncio.timeout(self._left_s(caller)):
                data = await rpc.read()
        except TimeoutError:
            raise DeadlineExceeded('the request was not complete in time') from None
        if not isinstance(data, bytes):
            raise RequestError('the call has no request', help='send one message, which may be empty')
        return data

    async def stream(self, requests: object, rpc: Rpc) -> None:
        """Many requests, a reply for each."""
        caller = Caller.of(rpc)
        spec = self._spec
        stream = Stream(
            self._exchange,
            self._admission,
            Window(spec.prefetch or spec.max_requests, spec.max_body_bytes),
            in_order=caller.metadata.get('headrace-order') != 'any',
            development=spec.development,
            says_farewell=caller.metadata.get('headrace-farewell') == 'reply',
        )
        self._streams.add(stream)
        try:
            await stream.run(rpc.read, rpc.write, caller)
        except Exception as error:
            await self._abort(rpc, error, new_request_id(), '')
        finally:
            self._streams.discard(stream)

    def drain(self) -> None:
        """Let open streams finish what they have taken, and take nothing more."""
        for stream in self._streams:
            stream.drain()

    async def describe(self, data: bytes, rpc: Rpc) -> bytes:
        """What the Flow serves."""
        if not self._description:
            self._description = describe(self._info).SerializeToString()
        return self._description

    async def _abort(self, rpc: Rpc, error: Exception, request_id: str, endpoint: str) -> None:
        """End the call with the error's status; raises."""
        message = faults.to_message(
            error, request_id=request_id, endpoint=endpoint, development=self._spec.development
        )
        await rpc.abort(faults.code(message), faults.details(message), faults.metadata(message))

"""The service of headrace.proto on grpc.aio."""

from __future__ import annotations

import grpc

from headrace.gateway.grpc import faults
from headrace.gateway.grpc.caller import Caller, Rpc
from headrace.gateway.grpc.describe import describe
from headrace.gateway.grpc.exchange import Exchange, usable_id
from headrace.gateway.grpc.stream import Stream, Window
from headrace.pipeline.context import new_request_id
from headrace.pipeline.describe import FlowInfo
from headrace.pipeline.handler import Handler
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack
from headrace.spec import GatewaySpec

NAME: str = pb.DESCRIPTOR.services_by_name['Headrace'].full_name


class Service:
    """Call, Stream and Describe; messages come and go as bytes, as parsing would copy the large ones."""

    def __init__(self, handler: Handler, info: FlowInfo, spec: GatewaySpec) -> None:
        self._exchange = Exchange(handler, info, spec)
        self._info = info
        self._spec = spec
        self._description = b''
        self._streams: set[Stream] = set()

    def handlers(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """What a gRPC server registers."""
        return grpc.method_handlers_generic_handler(
            NAME,
            {
                'Call': grpc.unary_unary_rpc_method_handler(self.call),
                'Stream': grpc.stream_stream_rpc_method_handler(self.stream),
                'Describe': grpc.unary_unary_rpc_method_handler(self.describe),
            },
        )

    async def call(self, data: bytes, rpc: Rpc) -> bytes:
        """One request, one reply."""
        caller = Caller.of(rpc)
        request_id = usable_id(caller.metadata.get('x-request-id', '')) or new_request_id()
        endpoint = ''
        try:
            request, columns = unpack(pb.Request, data)
            context = self._exchange.context(request, caller)
            request_id, endpoint = context.request_id, context.endpoint
            return await self._exchange.reply(request, columns, context)
        except Exception as error:
            await self._abort(rpc, error, request_id, endpoint)
            raise

    async def stream(self, requests: object, rpc: Rpc) -> None:
        """Many requests, a reply for each."""
        caller = Caller.of(rpc)
        window = Window(self._spec.prefetch, self._spec.max_body_bytes)
        in_order = caller.metadata.get('headrace-order') != 'any'
        stream = Stream(self._exchange, window, in_order=in_order, development=self._spec.development)
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

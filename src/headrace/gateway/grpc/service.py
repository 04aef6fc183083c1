"""The service of headrace.proto on grpc.aio."""

from __future__ import annotations

from contextlib import aclosing

import grpc

from headrace.gateway.entrance import Entrance
from headrace.gateway.finished import Finished
from headrace.gateway.grpc.caller import Rpc
from headrace.gateway.grpc.describe import describe
from headrace.gateway.grpc.exchange import Admitted, Exchange
from headrace.gateway.grpc.receiving import one_message
from headrace.gateway.grpc.reception import Reception, Visit
from headrace.gateway.grpc.stream import Stream
from headrace.gateway.grpc.unread import deliver
from headrace.gateway.window import Window
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack

NAME: str = pb.DESCRIPTOR.services_by_name['Headrace'].full_name


class Service:
    """The methods of headrace.proto; messages come and go as bytes, as parsing would copy the large ones."""

    def __init__(self, entrance: Entrance, reception: Reception) -> None:
        self._exchange = Exchange(entrance)
        self._reception = reception
        self._info = entrance.info
        self._spec = entrance.spec
        self._description = b''
        self._streams: set[Stream] = set()

    def handlers(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """What a gRPC server registers; the one request of a call is read by us, once there is room."""
        return grpc.method_handlers_generic_handler(
            NAME,
            {
                'Call': grpc.stream_unary_rpc_method_handler(self.call),
                'Generate': grpc.stream_stream_rpc_method_handler(self.generate),
                'Stream': grpc.stream_stream_rpc_method_handler(self.stream),
                'Describe': grpc.stream_unary_rpc_method_handler(self.describe),
            },
        )

    async def call(self, requests: object, rpc: Rpc) -> bytes:
        """One request, one reply."""
        visit, finished = self._visit(rpc), self._reception.begin()
        try:
            return await self._exchange.reply(await self._admitted(rpc, visit, finished))
        except Exception as error:
            finished.failed(error)
            await self._reception.abort(rpc, error, visit)
            raise
        finally:
            self._reception.ended(finished)

    async def generate(self, requests: object, rpc: Rpc) -> None:
        """One request, a reply for each part of its answer."""
        visit, finished = self._visit(rpc), self._reception.begin()
        try:
            admitted = await self._admitted(rpc, visit, finished)
            replies = self._exchange.parts(admitted)
            with self._reception.stream(admitted.identity):
                async with aclosing(replies):
                    async for data in replies:
                        await deliver(rpc.write, data)
        except Exception as error:
            finished.failed(error)
            await self._reception.abort(rpc, error, visit)
        finally:
            self._reception.ended(finished)

    async def stream(self, requests: object, rpc: Rpc) -> None:
        """Many requests, a reply for each, or several."""
        visit = self._visit(rpc)
        metadata = visit.caller.metadata
        stream = Stream(
            self._exchange,
            self._reception,
            Window(self._spec.prefetch or self._spec.max_requests, self._spec.max_body_bytes),
            in_order=metadata.get('headrace-order') != 'any',
            says_farewell=metadata.get('headrace-farewell') == 'reply',
        )
        self._streams.add(stream)
        try:
            with self._reception.stream(self._reception.identify(visit)):
                await rpc.send_initial_metadata(())  # who waits for it never writes into a refusal
                await stream.run(rpc.read, rpc.write, visit)
        except Exception as error:
            await self._reception.abort(rpc, error, visit)
        finally:
            self._streams.discard(stream)

    def drain(self) -> None:
        """Let open streams finish what they have taken, and take nothing more."""
        for stream in self._streams:
            stream.drain()

    async def describe(self, requests: object, rpc: Rpc) -> bytes:
        """What the Flow serves, to everybody who is known."""
        visit = self._reception.visit(rpc)
        try:
            self._reception.show_page(visit)
            await one_message(rpc, visit.caller.left_s(self._spec.timeout_s), self._spec.max_body_bytes)
        except Exception as error:
            await self._reception.abort(rpc, error, visit)
            raise
        if not self._description:
            self._description = describe(self._info).SerializeToString()
        return self._description

    def _visit(self, rpc: Rpc) -> Visit:
        """Who is there; who wants compressed replies gets them from now on."""
        visit = self._reception.visit(rpc)
        if visit.caller.metadata.get('headrace-compression') == 'gzip':
            rpc.set_compression(grpc.Compression.Gzip)
        return visit

    async def _admitted(self, rpc: Rpc, visit: Visit, finished: Finished) -> Admitted:
        """The one request of a call: who sends it is asked before it is read, and so is room for it."""
        identity, ticket = self._reception.admit(rpc, visit)
        data = await one_message(rpc, visit.caller.left_s(self._spec.timeout_s), self._spec.max_body_bytes)
        ticket.grow(len(data))
        self._exchange.check_size(len(data))
        request, columns = unpack(pb.Request, data)
        context = self._exchange.context(request, visit.caller, identity)
        visit.request_id, visit.endpoint = context.request_id, context.endpoint
        finished.begins(context, len(data))
        return Admitted(request, columns, context, identity, ticket, finished)

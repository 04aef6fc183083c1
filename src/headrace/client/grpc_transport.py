"""Requests over gRPC: documents as columns, on one long-lived stream or a call each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import msgspec
from google.protobuf.message import DecodeError

from headrace.client import grpc_faults
from headrace.client.address import Address, Tls
from headrace.client.described import PATIENCE_S
from headrace.client.grpc_stream import Stream, Untaken
from headrace.client.messages import Request, Response
from headrace.documents import BaseDoc, DocList
from headrace.documents.codec import columns as codec
from headrace.errors import SpecError
from headrace.pipeline.describe import FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.proto import parameters, struct
from headrace.proto.envelope import pack, unpack

CALL = '/headrace.v1.Headrace/Call'
STREAM = '/headrace.v1.Headrace/Stream'
DESCRIBE = '/headrace.v1.Headrace/Describe'
HEALTH = '/grpc.health.v1.Health/Check'
GATEWAYS = 3
"""How many gateways, one after the other, may leave before they take a request."""

STREAMED_BYTES = 1 << 20
"""Longer requests go alone: a stream gains them nothing, and one that is refused would end it for all."""

PROBLEM = 'headrace-problem-bin'
"""Where a gateway says with its health which executors cannot work, and why."""

SERVING = b'\x08\x01'
"""A HealthCheckResponse with status SERVING; the empty request asks for the whole server."""


class GrpcTransport:
    """A channel to one gateway."""

    def __init__(self, address: Address, *, max_reply_bytes: int) -> None:
        self._address = address
        self._options = [
            ('grpc.max_receive_message_length', max_reply_bytes),
            ('grpc.max_send_message_length', -1),  # the server says what it accepts
            ('grpc.keepalive_time_ms', 30_000),
            ('grpc.initial_reconnect_backoff_ms', 100),
            ('grpc.max_reconnect_backoff_ms', 2_000),
            ('grpc.use_local_subchannel_pool', 1),
        ]
        self._channel: grpc.aio.Channel | None = None
        self._call: Any = None
        self._stream: Stream | None = None
        self._info: FlowInfo | None = None

    def encode(self, request: Request, docs: DocList[Any]) -> bytes:
        message = pb.Request(
            endpoint=request.endpoint,
            target=request.target,
            request_id=request.request_id,
            timeout_s=request.left_s() or 0.0,
        )
        if request.parameters:
            message.parameters_json = parameters.to_json(dict(request.parameters))
        return pack(message, codec.encode(docs))

    async def send(self, request: Request, body: bytes) -> Response[Any]:
        channel = self._connect()
        if request.stream and not request.metadata and len(body) <= STREAMED_BYTES:
            return _response(request, *await self._send_streamed(channel, request, body))
        try:
            data = await self._call(
                body, timeout=request.left_s(), metadata=tuple(request.metadata.items()) or None
            )
        except grpc.aio.AioRpcError as error:
            raise grpc_faults.failure(error, self._address, request.request_id) from None
        return _response(request, *unpack(pb.Reply, data))

    async def _send_streamed(
        self, channel: grpc.aio.Channel, request: Request, body: bytes
    ) -> tuple[pb.Reply, memoryview | None]:
        """The reply on the stream; if its gateway leaves, on one to the next that has the port."""
        attempts = GATEWAYS
        while True:
            attempts -= 1
            if self._stream is None or self._stream.is_over:
                self._stream = Stream(channel.stream_stream(STREAM, None, None), self._address)
            try:
                return await self._stream.send(request, body)
            except Untaken as left:
                if not attempts:
                    raise left.error from None

    async def is_ready(self, timeout_s: float) -> bool:
        ask = self._connect().unary_unary(HEALTH, None, None)
        try:
            return bool(await ask(b'', timeout=timeout_s) == SERVING)
        except grpc.aio.AioRpcError:
            return False

    async def problem(self, timeout_s: float) -> str:
        call = self._connect().unary_unary(HEALTH, None, None)(b'', timeout=timeout_s)
        try:
            said = dict(await call.trailing_metadata()).get(PROBLEM, b'')
        except grpc.aio.AioRpcError:
            return ''
        return said.decode(errors='replace') if isinstance(said, bytes) else ''

    async def describe(self) -> FlowInfo | None:
        if self._info is None:
            ask = self._connect().unary_unary(DESCRIBE, None, None)
            try:
                said = pb.Description.FromString(await ask(b'', timeout=PATIENCE_S))
                self._info = msgspec.json.decode(said.flow, type=FlowInfo)
            except (grpc.aio.AioRpcError, DecodeError, msgspec.DecodeError):
                return None  # also from a server that is older than `flow`
        return self._info

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        channel, self._channel = self._channel, None
        if stream is not None:
            await stream.close()
        if channel is not None:
            await channel.close(None)

    def _connect(self) -> grpc.aio.Channel:
        if self._channel is None:
            target, tls = self._address.authority, self._address.tls
            if tls is None:
                self._channel = grpc.aio.insecure_channel(target, options=self._options)
            else:
                self._channel = grpc.aio.secure_channel(target, _credentials(tls), options=self._options)
            self._call = self._channel.unary_unary(CALL, None, None)
        return self._channel


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(_read(tls.authority), _read(tls.key), _read(tls.certificate))


def _read(path: str | Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SpecError(
            f'{path} cannot be read: {error.strerror}', help='give the path of a PEM file'
        ) from None


def _response(request: Request, reply: pb.Reply, columns: memoryview | None) -> Response[Any]:
    """A reply as a response; documents are decoded from memory of their own, which may be written to."""

    def decode(doc_type: type[BaseDoc] | None) -> DocList[Any]:
        if columns is None:
            return DocList()
        return codec.decode(bytearray(columns), doc_type)

    return Response(request, decode, parameters=struct.read(reply))

"""Requests over gRPC: documents as columns, on one long-lived stream or a call each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import msgspec
from google.protobuf.message import DecodeError

from headrace.client import envelope, grpc_errors
from headrace.client.address import Address, Tls
from headrace.client.credentials import Credentials
from headrace.client.described import PATIENCE_S
from headrace.client.grpc_wire import GrpcWire
from headrace.client.messages import Request, Response
from headrace.client.multiplexed import MultiplexedStream
from headrace.client.reconnecting import ReconnectingStream
from headrace.client.stream_pool import INSIDE, SHARED_BYTES, Order, StreamLease, StreamPool
from headrace.documents import DocList
from headrace.errors import SpecError
from headrace.pipeline.describe import FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack

CALL = '/headrace.v1.Headrace/Call'
STREAM = '/headrace.v1.Headrace/Stream'
DESCRIBE = '/headrace.v1.Headrace/Describe'
HEALTH = '/grpc.health.v1.Health/Check'

FAREWELL = ('headrace-farewell', 'reply')
"""Asks for word of a gateway that is about to go, before it goes."""

GREETING_S = 2.0
"""How long a gateway may take to say that it takes a stream; then it is written to all the same."""

PROBLEM = 'headrace-problem-bin'
"""Where a gateway says with its health which executors cannot work, and why."""

SERVING = b'\x08\x01'
"""A HealthCheckResponse with status SERVING; the empty request asks for the whole server."""


class GrpcTransport:
    """A channel to one gateway."""

    def __init__(self, address: Address, credentials: Credentials, *, max_reply_bytes: int) -> None:
        self._address = address
        self._credentials = credentials
        self._options: list[tuple[str, Any]] = [
            ('grpc.max_receive_message_length', max_reply_bytes),
            ('grpc.max_send_message_length', -1),  # the server says what it accepts
            ('grpc.keepalive_time_ms', 30_000),
            ('grpc.initial_reconnect_backoff_ms', 100),
            ('grpc.max_reconnect_backoff_ms', 2_000),
            ('grpc.use_local_subchannel_pool', 1),
        ]
        if address.tls is not None and address.tls.server_name:
            self._options.append(('grpc.ssl_target_name_override', address.tls.server_name))
        self._channel: grpc.aio.Channel | None = None
        self._call: Any = None
        self._shared = ReconnectingStream(partial(self._open, 'any'), address)
        self._pool = StreamPool(self._open, address, self._shown)
        self._info: FlowInfo | None = None

    def encode(self, request: Request, docs: DocList[Any]) -> bytes:
        return envelope.encode(request, docs)

    async def send(self, request: Request, body: bytes) -> Response[Any]:
        self._connect()
        shown = await self._credentials.headers()
        is_plain = request.metadata.keys() <= INSIDE
        if request.stream and is_plain and len(body) <= SHARED_BYTES:
            reply, columns, _ = await self._shared.send(request, body, shown)
            return envelope.response(request, reply, columns)
        try:
            data = await self._call(
                body, timeout=request.left_s(), metadata=_metadata(shown, request.metadata)
            )
        except grpc.aio.AioRpcError as error:
            raise grpc_errors.failure(error, self._address, request.request_id) from None
        return envelope.response(request, *unpack(pb.Reply, data))

    def lease(self, *, in_order: bool) -> AbstractAsyncContextManager[StreamLease]:
        return self._pool.lease(in_order=in_order)

    async def _shown(self, request: Request) -> dict[str, str]:
        """The metadata of a stream that is opened for this request."""
        own = {key: value for key, value in request.metadata.items() if key not in INSIDE}
        return {**await self._credentials.headers(), **own}

    async def _open(self, order: Order, shown: Mapping[str, str]) -> MultiplexedStream:
        method: Any = self._connect().stream_stream(STREAM, None, None)
        call = method(metadata=(('headrace-order', order), FAREWELL, *shown.items()))
        # What is written while a gateway refuses hides the reason: gRPC reports an error of its own instead.
        await asyncio.wait((asyncio.ensure_future(call.initial_metadata()),), timeout=GREETING_S)
        wire = GrpcWire(call, self._address)
        if wire.is_done:
            await wire.read()  # raises why it was refused
        return MultiplexedStream(wire, self._address)

    async def is_ready(self, timeout_s: float) -> bool:
        try:
            return bool(await self._ask(HEALTH, timeout_s) == SERVING)
        except grpc.aio.AioRpcError:
            return False

    async def problem(self, timeout_s: float) -> str:
        shown = await self._credentials.headers()
        ask = self._connect().unary_unary(HEALTH, None, None)
        try:
            call = ask(b'', timeout=timeout_s, metadata=_metadata(shown))
            said = dict(await call.trailing_metadata()).get(PROBLEM, b'')
            code, details = await call.code(), await call.details()
        except grpc.aio.AioRpcError:
            return ''
        told = said.decode(errors='replace') if isinstance(said, bytes) else ''
        return told or grpc_errors.unencrypted(code.name, details or '', self._address)

    async def describe(self) -> FlowInfo | None:
        if self._info is None:
            try:
                said = pb.Description.FromString(await self._ask(DESCRIBE, PATIENCE_S))
                self._info = msgspec.json.decode(said.flow, type=FlowInfo)
            except (grpc.aio.AioRpcError, DecodeError, msgspec.DecodeError):
                return None  # also from a server that is older than `flow`
        return self._info

    async def close(self) -> None:
        channel, self._channel = self._channel, None
        await self._shared.close()
        await self._pool.close()
        if channel is not None:
            await channel.close(None)

    async def _ask(self, method: str, timeout_s: float) -> bytes:
        """The answer to a request that says nothing."""
        shown = await self._credentials.headers()
        call = self._connect().unary_unary(method, None, None)
        data: bytes = await call(b'', timeout=timeout_s, metadata=_metadata(shown))
        return data

    def _connect(self) -> grpc.aio.Channel:
        if self._channel is None:
            target, tls = self._address.authority, self._address.tls
            if tls is None:
                self._channel = grpc.aio.insecure_channel(target, options=self._options)
            else:
                self._channel = grpc.aio.secure_channel(target, _credentials(tls), options=self._options)
            self._call = self._channel.unary_unary(CALL, None, None)
        return self._channel


def _metadata(*given: Mapping[str, str]) -> tuple[tuple[str, str], ...] | None:
    """Several kinds of metadata as one; of what is said twice, the last counts."""
    together = {key: value for each in given for key, value in each.items()}
    return tuple(together.items()) or None


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

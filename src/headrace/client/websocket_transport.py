"""Requests over WebSocket: documents as columns, many requests at a time on one connection."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from headrace.client import envelope, websocket_errors
from headrace.client.address import Address
from headrace.client.credentials import Credentials
from headrace.client.http_session import HttpSession
from headrace.client.messages import Request, Response
from headrace.client.multiplexed import MultiplexedStream
from headrace.client.reconnecting import ReconnectingStream
from headrace.client.refusals import late
from headrace.client.stream_pool import INSIDE, SHARED_BYTES, Order, StreamLease, StreamPool
from headrace.client.tls import ssl_context
from headrace.client.websocket_wire import WebSocketWire
from headrace.documents import DocList
from headrace.pipeline.describe import FlowInfo

SPOKEN = Subprotocol('headrace.columns.v1')
OPEN_S = 10.0
CLOSE_S = 1.0
"""How long the gateway may take to answer a close; nothing depends on it."""


class WebSocketTransport:
    """Connections to one gateway: one for whole answers, one for each caller who reads parts.

    A caller who reads slowly holds up its own connection, and nobody else's.
    """

    def __init__(self, address: Address, credentials: Credentials, *, max_reply_bytes: int) -> None:
        self._address = address
        self._credentials = credentials
        self._max_reply_bytes = max_reply_bytes
        self._session = HttpSession(address, credentials)
        self._shared = ReconnectingStream(partial(self._open, 'any'), address)
        self._pool = StreamPool(self._open, address, self._headers)
        # The library's own log has the headers of handshakes, with keys and tokens.
        self._silence = logging.Logger('headrace.client.websocket', logging.CRITICAL + 1)

    def encode(self, request: Request, docs: DocList[Any]) -> bytes:
        return envelope.encode(request, docs)

    async def send(self, request: Request, body: bytes) -> Response[Any]:
        if request.metadata.keys() <= INSIDE and len(body) <= SHARED_BYTES:
            return await self._send(self._shared, request, body)
        async with self._pool.lease(in_order=False) as lease:
            return await self._send(lease.stream, request, body)

    async def _send(self, stream: ReconnectingStream, request: Request, body: bytes) -> Response[Any]:
        reply, columns, _ = await stream.send(request, body, await self._headers(request))
        return envelope.response(request, reply, columns)

    def lease(self, *, in_order: bool) -> AbstractAsyncContextManager[StreamLease]:
        return self._pool.lease(in_order=in_order)

    async def _headers(self, request: Request) -> dict[str, str]:
        """What a handshake shows for the sake of this request."""
        own = {key: value for key, value in request.metadata.items() if key not in INSIDE}
        return {**await self._credentials.headers(), **own}

    async def is_ready(self, timeout_s: float) -> bool:
        return await self._session.is_ready(timeout_s)

    async def problem(self, timeout_s: float) -> str:
        return await self._session.problem(timeout_s)

    async def describe(self) -> FlowInfo | None:
        return await self._session.describe()

    async def close(self) -> None:
        await self._shared.close()
        await self._pool.close()
        await self._session.close()

    async def _open(self, order: Order, shown: Mapping[str, str]) -> MultiplexedStream:
        try:
            socket = await self._connected(order, shown)
        except InvalidStatus as error:
            raise websocket_errors.from_handshake(error, self._address) from None
        except WebSocketException:
            raise websocket_errors.no_gateway(self._address) from None
        except TimeoutError:
            raise late(self._address, '') from None
        except OSError as error:
            raise websocket_errors.unreachable(error, self._address) from None
        return MultiplexedStream(WebSocketWire(socket, self._address), self._address)

    async def _connected(self, order: Order, shown: Mapping[str, str]) -> ClientConnection:
        address, tls = self._address, self._address.tls
        encryption: dict[str, Any] = (
            {} if tls is None else {'ssl': ssl_context(tls), 'server_hostname': tls.server_name}
        )
        socket = await connect(
            f'{address}/?order={order}',
            subprotocols=[SPOKEN],
            additional_headers=shown,
            compression=None,
            max_size=self._max_reply_bytes,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            logger=self._silence,
            proxy=None,
            host=address.host,  # with these, nobody can send us and our headers elsewhere
            port=address.port,
            **encryption,
        )
        if socket.subprotocol != SPOKEN:
            await socket.close()
            raise websocket_errors.no_gateway(address)
        return socket

"""A WebSocket as a wire: messages out, messages in."""

from __future__ import annotations

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from headrace.client.address import Address
from headrace.client.websocket_errors import ended, no_gateway


class WebSocketWire:
    """One open connection."""

    def __init__(self, socket: ClientConnection, address: Address) -> None:
        self._socket = socket
        self._address = address
        self._is_closed = False

    @property
    def errors(self) -> tuple[type[BaseException], ...]:
        return (ConnectionClosed,)

    @property
    def is_done(self) -> bool:
        return self._socket.close_code is not None

    async def write(self, data: bytes) -> None:
        await self._socket.send(data)

    async def read(self) -> bytes | None:
        try:
            data = await self._socket.recv()
        except ConnectionClosedOK:
            return None
        except ConnectionClosed as closed:
            raise ended(closed, self._address) from None
        if isinstance(data, bytes):
            return data
        raise no_gateway(self._address)

    async def say_last(self) -> None:
        await self._socket.send(b'')

    async def has_left(self) -> bool:
        return not self._is_closed  # `read` raises for every other end

    async def close(self) -> None:
        self._is_closed = True
        await self._socket.close()

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self._address}>'

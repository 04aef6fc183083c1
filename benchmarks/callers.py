"""Bare clients for the load: one connection each, bytes out, bytes in, with no comfort that costs time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from socket import AF_INET
from typing import Self, cast

import grpc

from benchmarks.echo import GRPC_OPTIONS
from benchmarks.load import Call

Check = Callable[[bytes], None]


class HttpConnection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection on which one request at a time goes out."""

    def __init__(self) -> None:
        self._waiter: asyncio.Future[bytes] | None = None
        self._received = b''
        self._transport: asyncio.Transport

    @classmethod
    async def open(cls, port: int, tls: ssl.SSLContext | None = None) -> Self:
        """Connect to a server on this machine."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, 'localhost', port, ssl=tls, family=AF_INET)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not one of asyncio's

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b'\r\n\r\n')
        if not end or self._waiter is None:
            return
        length = head.lower().partition(b'content-length:')[2].partition(b'\r\n')[0]
        if len(body) >= int(length):
            self._received = b''
            status = head.split(b' ', 2)[1]
            waiter, self._waiter = self._waiter, None
            if status == b'200':
                waiter.set_result(body)
            else:
                waiter.set_exception(RuntimeError(f'HTTP {status.decode()}: {body[:500]!r}'))

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiter:
            self._waiter.set_exception(error or ConnectionError('the server closed the connection'))

    async def exchange(self, request: bytes) -> bytes:
        """Send a whole request; give the body of its response."""
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter

    def close(self) -> None:
        """End the connection."""
        self._transport.close()


def http_request(path: str, body: bytes, bearer: str = '') -> bytes:
    """Write a POST request with a JSON body, and what shows who calls."""
    head = f'POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
    head += f'Authorization: Bearer {bearer}\r\n' if bearer else ''
    return f'{head}Content-Length: {len(body)}\r\n\r\n'.encode() + body


class HttpCallers:
    """Callers of one URL of a server on this machine, each with its own connection."""

    def __init__(
        self,
        port: int,
        path: str,
        body: bytes,
        check: Check,
        *,
        bearer: str = '',
        authority: str = '',
        pair: tuple[str, str] | None = None,
    ) -> None:
        self._port, self._request, self._check = port, http_request(path, body, bearer), check
        self._tls = ssl.create_default_context(cafile=authority) if authority else None
        if self._tls is not None and pair is not None:
            self._tls.load_cert_chain(*pair)
        self._open: list[HttpConnection] = []

    async def calls(self, count: int) -> list[Call]:
        """Connect `count` callers; each call sends the request and checks the answer."""
        return [await self._caller() for _ in range(count)]

    async def _caller(self) -> Call:
        connection = await HttpConnection.open(self._port, self._tls)
        self._open.append(connection)

        async def call() -> None:
            self._check(await connection.exchange(self._request))

        return call

    async def close(self) -> None:
        """End every connection."""
        for connection in self._open:
            connection.close()


class GrpcCallers:
    """Callers of one gRPC method of a server on this machine, on one channel."""

    def __init__(
        self,
        port: int,
        method: str,
        body: bytes,
        check: Check,
        *,
        bearer: str = '',
        authority: str = '',
        pair: tuple[str, str] | None = None,
    ) -> None:
        if authority:
            certificate, key = (Path(file).read_bytes() for file in pair) if pair else (None, None)
            trusted = grpc.ssl_channel_credentials(Path(authority).read_bytes(), key, certificate)
            self._channel = grpc.aio.secure_channel(f'localhost:{port}', trusted, options=GRPC_OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(f'127.0.0.1:{port}', options=GRPC_OPTIONS)
        self._shown = [('authorization', f'Bearer {bearer}')] if bearer else None
        self._method, self._body, self._check = self._channel.unary_unary(method), body, check

    async def calls(self, count: int) -> list[Call]:
        """Make `count` callers; each call sends the message and checks the answer."""

        async def call() -> None:
            self._check(await self._method(self._body, metadata=self._shown))

        return [call] * count

    async def close(self) -> None:
        """End the channel."""
        await self._channel.close()

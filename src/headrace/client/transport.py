"""What the client asks of a protocol: one request out, its response in, at once or in parts."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any, Protocol

from headrace.client.address import Address
from headrace.client.credentials import Credentials
from headrace.client.messages import Request, Response
from headrace.client.parts import Parts
from headrace.documents import DocList
from headrace.errors import RequestError
from headrace.pipeline.describe import FlowInfo


class Lease(Protocol):
    """What one caller sends requests on whose answers come in parts."""

    def parts(self, request: Request, body: bytes) -> Parts:
        """The parts of the answer to an encoded request, as they come.

        It is not read further than it is asked for. Every failure is a BadServer, after the parts that came
        before it. Closing it tells the server that nobody waits any more.
        """
        ...


class Transport(Protocol):
    """A connection to one gateway, made when it is first used.

    `encode` may be called in any thread; everything else belongs to the event loop of the first `send`.
    """

    def encode(self, request: Request, docs: DocList[Any]) -> bytes:
        """The request and its documents as they travel; RequestError or DocumentError if it cannot."""
        ...

    async def send(self, request: Request, body: bytes) -> Response[Any]:
        """The answer to a request.

        Every failure, of the server or on the way to it, is a BadServer with status and request id. A
        cancelled `send` tells the server that nobody waits any more.
        """
        ...

    def lease(self, *, in_order: bool) -> AbstractAsyncContextManager[Lease]:
        """A way for requests whose answers come in parts, read by one caller.

        `in_order` says that the parts of a request are wanted only after those of the requests before it.
        """
        ...

    async def is_ready(self, timeout_s: float) -> bool:
        """Whether the gateway answers and can serve; never raises."""
        ...

    async def problem(self, timeout_s: float) -> str:
        """What a gateway that cannot serve says of that; '' if it says nothing. Never raises."""
        ...

    async def describe(self) -> FlowInfo | None:
        """What the gateway says of its Flow, asked for once; None while it does not say."""
        ...

    async def close(self) -> None:
        """End the connection and every request on it."""
        ...


TRANSPORTS = {
    'grpc': ('headrace.client.grpc_transport', 'GrpcTransport'),
    'http': ('headrace.client.http_transport', 'HttpTransport'),
    'websocket': ('headrace.client.websocket_transport', 'WebSocketTransport'),
}
"""Module and class of each protocol; only the one that is used is imported, as each takes a while."""


def reach(address: Address, max_reply_bytes: int, credentials: Credentials | None = None) -> Transport:
    """The transport that reaches an address, and shows `credentials` there (None: of the environment)."""
    module, name = TRANSPORTS[address.protocol]
    make = getattr(import_module(module), name)
    made: Transport = make(address, credentials or Credentials(), max_reply_bytes=max_reply_bytes)
    return made


def check_open(is_closed: bool) -> None:
    """Refuse to work for a client that has ended."""
    if is_closed:
        raise RequestError(
            'this client is closed', help='make another Client, or enter this one again: with client: ...'
        )

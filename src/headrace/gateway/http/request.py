"""An ASGI scope in, what the routes need to know of a request out."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from headrace.errors import Cancelled
from headrace.gateway.finished import Finished
from headrace.gateway.http.asgi import Receive, Scope
from headrace.gateway.identity import Identity
from headrace.gateway.refusals import request_too_large
from headrace.gateway.requested import usable_id, usable_state, usable_timeout_s, usable_trace
from headrace.pipeline.admission import Ticket
from headrace.pipeline.context import new_request_id
from headrace.wire.hosts import client_of

TIMEOUT_HEADER = b'x-headrace-timeout-s'


class Flowing(Protocol):
    """What is written to a connection and not yet read at its other end."""

    write_paused: bool

    async def drain(self) -> None:
        """Wait until most of it is read, or the connection is lost."""


class Peer:
    """The other end of a connection: `on_left` is called if it leaves in the middle of a request.

    It is also called when this server waits no longer: `stopping` is true then, or `too_slow`. `gone` says
    that the connection is lost; `flow` whether the peer takes what it is sent. `certificate` is the one that
    it has shown, in DER form. Its requests are looked at more closely if it `is_suspect`, and refused for
    `refusal` if there is one.
    """

    __slots__ = ('certificate', 'flow', 'gone', 'is_suspect', 'on_left', 'refusal', 'stopping', 'too_slow')

    def __init__(self) -> None:
        self.on_left: Callable[[], None] | None = None
        self.stopping = False
        self.too_slow = False
        self.gone = False
        self.flow: Flowing | None = None
        self.certificate = b''
        self.is_suspect = False
        self.refusal: Exception | None = None

    def leave(self, *, stopping: bool = False, too_slow: bool = False) -> None:
        """Nobody waits for the request that is under way any more."""
        self.stopping |= stopping
        self.too_slow |= too_slow
        if self.on_left is not None:
            self.on_left()


class Request:
    """One HTTP request; the body is read when a route asks for it.

    `size` is what the headers say of the body, `ticket` the room of the request in the gateway. `host` is
    where it comes from, `identity` who sent it, as soon as somebody has asked; `client` is whom queues and
    limits count it for. `finished` is what is told of it at its end.
    """

    __slots__ = (
        *('client', 'endpoint', 'finished', 'headers', 'host', 'id', 'identity'),
        *('method', 'path', 'peer', 'query', 'receive', 'scope', 'size', 'ticket'),
    )

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope['method']
        self.path: str = scope['path']
        self.query: bytes = scope['query_string']
        self.headers: dict[bytes, bytes] = dict(scope['headers'])
        address = scope.get('client')  # a Unix socket has none
        self.host: str = address[0] if address else ''
        self.client = client_of(self.host) if ':' in self.host else self.host
        self.peer: Peer = scope.get('state', {}).get('peer') or Peer()
        given = self.headers.get(b'x-request-id')
        self.id = (given and usable_id(given.decode('latin1'))) or new_request_id()
        self.size = int(self.headers.get(b'content-length', 0))
        self.endpoint = ''
        self.ticket: Ticket | None = None
        self.identity: Identity | None = None
        self.finished = Finished('http', perf_counter())
        self.scope = scope
        self.receive = receive

    def trace(self) -> tuple[str, str]:
        """The W3C traceparent that came with the request and its tracestate; '' is none of them."""
        trace = usable_trace(self.headers.get(b'traceparent', b'').decode('latin1'))
        if b'tracestate' not in self.headers:
            return trace, ''
        states = [value for name, value in self.scope['headers'] if name == b'tracestate']
        return trace, usable_state(b','.join(states).decode('latin1'), trace)

    def timeout_s(self) -> float:
        """Seconds that the client says it waits; RequestError for what is no such time."""
        return usable_timeout_s(self.headers[TIMEOUT_HEADER].decode('latin1'))

    async def body(self, limit: int) -> bytes:
        """The whole body; TooLarge as soon as it is known to be of more than `limit` bytes."""
        if self.size > limit:
            raise request_too_large(limit)
        message = await self.receive()
        chunks: list[bytes] = []
        size = 0
        while True:
            if message['type'] != 'http.request':
                raise Cancelled('the client left before its request was complete')
            size += len(message['body'])
            if size > limit:
                raise request_too_large(limit)
            if size > self.size and self.ticket is not None:
                self.ticket.grow(len(message['body']))
            chunks.append(message['body'])
            if not message.get('more_body'):
                return b''.join(chunks) if len(chunks) > 1 else chunks[0]
            message = await self.receive()

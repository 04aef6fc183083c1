"""The messages of graphql-transport-ws: text of a client in, records out; records in, text for it out."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from headrace.gateway.http import body as bodies

NAME = 'graphql-transport-ws'
"""The subprotocol, as the handshake names it."""

BAD_MESSAGE, UNAUTHENTICATED, TOO_LATE, TAKEN, TOO_MANY_INITS = 4400, 4401, 4408, 4409, 4429
"""The codes with which the subprotocol ends a connection."""

Kind = Literal['connection_init', 'ping', 'pong', 'subscribe', 'complete']


class Message(Struct):
    """What a client says; `payload` is read when it is known what it is for."""

    type: Kind
    id: str = ''
    payload: msgspec.Raw = msgspec.Raw(b'null')


class Extensions(Struct):
    """What an operation may say beside its query: how long its sender waits, its trace."""

    timeout_s: float | None = None
    traceparent: str = ''
    tracestate: str = ''


class Payload(Struct):
    """The operation in a `subscribe`."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = field(name='operationName', default=None)
    extensions: Extensions | None = None


_messages = msgspec.json.Decoder(Message)
_payloads = msgspec.json.Decoder(Payload)
_params = msgspec.json.Decoder(dict[str, Any] | None)


class BadMessage(Exception):
    """A message that is none of the subprotocol: the connection ends."""


def read(text: bytes) -> Message:
    """A message; BadMessage for what is none."""
    try:
        message = _messages.decode(text)
    except bodies.UNREADABLE as error:
        raise BadMessage(f'this is no message: {error}') from None
    if message.type in ('subscribe', 'complete') and not message.id:
        raise BadMessage(f'a {message.type} needs an id')
    return message


def payload_of(message: Message) -> Payload:
    """The operation in a `subscribe`; BadMessage if there is none."""
    try:
        return _payloads.decode(message.payload)
    except bodies.UNREADABLE as error:
        raise BadMessage(f'the payload is no operation: {error}') from None


def shown_in(message: Message) -> dict[str, Any]:
    """What a `connection_init` says of its sender, by names in lower case; BadMessage if it is no object."""
    try:
        params = _params.decode(message.payload) or {}
    except bodies.UNREADABLE as error:
        raise BadMessage(f'the payload is no object: {error}') from None
    return {name.lower(): value for name, value in params.items() if isinstance(value, str)}


def ack() -> bytes:
    """The connection may be used."""
    return b'{"type":"connection_ack"}'


def pong() -> bytes:
    """The gateway listens."""
    return b'{"type":"pong"}'


def result(id: str, body: dict[str, Any]) -> bytes:
    """One result; an operation that was not executed has an error instead, and is over.

    Raises ExecutorError if it cannot be written as JSON.
    """
    has_data = 'data' in body
    message = {
        'id': id,
        'type': 'next' if has_data else 'error',
        'payload': body if has_data else body['errors'],
    }
    try:
        return bodies.replies.encode(message)
    except bodies.UNWRITABLE as error:
        raise bodies.unwritable(error) from None


def complete(id: str) -> bytes:
    """There are no more results."""
    return msgspec.json.encode({'id': id, 'type': 'complete'})

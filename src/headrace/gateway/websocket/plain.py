"""The subprotocol `headrace.json.v1`: text messages, each a JSON object with a `type`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from headrace.errors import DocumentError
from headrace.gateway.http import body as bodies
from headrace.gateway.http import large
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.front import Front
from headrace.gateway.http.problem import Problem, told
from headrace.gateway.limits import Limits
from headrace.gateway.requested import LONGEST_ID, check_address, usable_timeout_s
from headrace.gateway.steps import FEW, write_json
from headrace.gateway.turns import SMALL
from headrace.gateway.websocket.language import Ask, Cancel, End, Message, Ping
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context

NAME = 'headrace.json.v1'

Id = Annotated[str, Meta(max_length=LONGEST_ID)] | Annotated[int, Meta(ge=-(2**53), le=2**53)]


class Said(Struct, forbid_unknown_fields=True, kw_only=True):
    """A message of a client; without a `type` it is a request."""

    type: Literal['request', 'cancel', 'end', 'ping'] = 'request'
    id: Id | None = None
    endpoint: str = ''
    data: Raw = bodies.NOTHING
    parameters: dict[str, Any] | None = None
    target: str = ''
    stream: bool = False
    timeout_s: float | None = None
    traceparent: str = ''
    tracestate: str = ''


class Told(Struct, omit_defaults=True):
    """A message to a client."""

    type: str
    id: Id | None = None
    data: Raw | None = None
    parameters: dict[str, Any] | None = None
    error: Problem | None = None


_said = msgspec.json.Decoder(Said)


class Setting(NamedTuple):
    """What the languages of JSON need to know of a connection and the Flow behind it.

    `route` is the endpoint of the URL ('' is none), `arrays` how numbers are written ('list' or 'base64').
    """

    front: Front
    limits: Limits
    route: str = ''
    arrays: str = 'list'
    development: bool = False

    async def batch(self, ask: Ask) -> Batch:
        """The documents and parameters of a request."""
        data, size, limits = ask.body.data, ask.size, self.limits
        expected = self._expected(ask)
        if size > SMALL:
            docs = await large.read_docs(data, expected, limits, self.front.turns, body_bytes=size)
        else:
            if size > limits.small_json:
                limits.check_data(bytes(data), size)
            docs = bodies.read_docs(data, expected)
            limits.check_docs(docs, size)
        return Batch(docs, ask.body.parameters)

    async def documents(self, ask: Ask, answer: Batch) -> Raw:
        """The documents of an answer as a JSON list."""
        try:
            docs = answer.docs_as(self._expected(ask).gives)
        except DocumentError as error:
            raise bodies.unpromised(error) from error
        if len(docs) <= FEW:
            return Raw(docs.to_json(arrays=self.arrays))  # type: ignore[arg-type]
        front = self.front
        return Raw(await write_json(docs, front.turns, arrays=self.arrays, most_bytes=front.max_body_bytes))

    def _expected(self, ask: Ask) -> Expected:
        return self.front.types.get(ask.endpoint) or self.front.learn(ask.endpoint)

    def told(self, error: Exception, ask: Ask | None, context: Context) -> Problem:
        """What a client is told of an error."""
        endpoint = '' if ask is None else ask.endpoint
        return told(error, request_id=context.request_id, endpoint=endpoint, development=self.development)


class Json:
    """The language of JSON objects."""

    is_binary = False
    in_order = False
    farewell = b'{"type":"farewell"}'

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def read(self, message: bytes) -> Message:
        """What a client says."""
        self._setting.limits.check_json(message)
        try:
            said = _said.decode(message)
        except bodies.UNREADABLE as error:
            raise bodies.unreadable(error, message, Said) from None
        if said.type == 'request':
            check_address(said.endpoint, said.target)
            endpoint = said.endpoint or self._setting.route or '/'
            timeout_s = None if said.timeout_s is None else usable_timeout_s(said.timeout_s)
            trace = said.traceparent, said.tracestate
            return Ask(said.id, endpoint, said.target, *trace, timeout_s, said.stream, said, len(message))
        if said.type == 'cancel':
            return Cancel(said.id)
        return End() if said.type == 'end' else Ping(msgspec.json.encode(Told('pong', said.id)))

    async def batch(self, ask: Ask) -> Batch:
        """The documents and parameters of a request."""
        return await self._setting.batch(ask)

    async def reply(self, ask: Ask, context: Context, answer: Batch, given: dict[str, Any]) -> bytes:
        """The whole answer to a request."""
        data = await self._setting.documents(ask, answer)
        return encode(Told('reply', named(ask, context), data, answer.parameters))

    async def part(self, ask: Ask, context: Context, part: Batch, given: dict[str, Any]) -> bytes:
        """One part of an answer."""
        parameters = None if part.parameters is given else part.parameters
        return encode(Told('item', named(ask, context), await self._setting.documents(ask, part), parameters))

    def end(self, ask: Ask, context: Context) -> bytes:
        """What comes after the last part."""
        return msgspec.json.encode(Told('end', named(ask, context)))

    def error(self, ask: Ask | None, context: Context, error: Exception) -> bytes:
        """Why a request has no answer."""
        id = '' if ask is None else named(ask, context)
        return msgspec.json.encode(Told('error', id, error=self._setting.told(error, ask, context)))


def named(ask: Ask, context: Context) -> str | int:
    """What a client calls its request, or what the gateway does."""
    return context.request_id if ask.id is None else ask.id


def encode(message: Struct) -> bytes:
    """A message with the parameters that executors gave back."""
    try:
        return bodies.replies.encode(message)
    except bodies.UNWRITABLE as error:
        raise bodies.unwritable(error) from None

"""The shapes of Jina 3: what clients without a subprotocol, or with `json`, say and read."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from headrace.gateway.http import body as bodies
from headrace.gateway.http.problem import HttpError
from headrace.gateway.requested import check_address
from headrace.gateway.websocket import plain
from headrace.gateway.websocket.language import Ask, End, Message
from headrace.gateway.websocket.plain import Setting, encode, named
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context

NAME = 'json'
LAST = b'{}'
FAILED = 1
OTHER = (
    'without a subprotocol, or with `json`, messages have the shape of Jina; for '
    f'{{"id": 1, "endpoint": "/search", "data": [...]}} offer the subprotocol {plain.NAME}'
)
"""What to do for who speaks another language than the one that was agreed on."""


class Failure(Struct):
    """What was raised, and by whom."""

    name: str
    executor: str
    args: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()


class Status(Struct):
    """How a request ended."""

    code: int
    description: str
    exception: Failure | None = None


class Header(Struct):
    """Which request a reply belongs to; without a `status` it went well."""

    request_id: str | int
    exec_endpoint: str
    target_executor: str
    status: Status | None = None


class Reply(Struct):
    """The documents and parameters that a Flow gave back."""

    header: Header
    parameters: dict[str, Any]
    routes: tuple[()] = ()
    data: Raw = Raw(b'[]')


class Jina:
    """The language of Jina's JSON."""

    is_binary = False
    in_order = True
    farewell = None

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def read(self, message: bytes) -> Message:
        """What a client says."""
        if message.strip() == LAST:
            return End()
        self._setting.limits.check_json(message)
        try:
            asked = bodies.read(message)
        except HttpError as error:
            error.help = f'{error.help}; {OTHER}' if error.help else OTHER
            raise
        id = asked.header.request_id if asked.header is not None else None
        endpoint, target = asked.address('')
        check_address(endpoint, target)
        if endpoint == '/':
            endpoint = self._setting.route or '/'
        return Ask(id, endpoint, target, '', '', None, False, asked, len(message))

    async def batch(self, ask: Ask) -> Batch:
        """The documents and parameters of a request."""
        return await self._setting.batch(ask)

    async def reply(self, ask: Ask, context: Context, answer: Batch, given: dict[str, Any]) -> bytes:
        """The whole answer to a request."""
        header = Header(named(ask, context), ask.endpoint, ask.target)
        return encode(Reply(header, answer.parameters, data=await self._setting.documents(ask, answer)))

    part = reply

    def end(self, ask: Ask, context: Context) -> bytes:
        """Nobody asks for parts in these shapes."""
        raise NotImplementedError

    def error(self, ask: Ask | None, context: Context, error: Exception) -> bytes:
        """Why a request has no answer."""
        told = self._setting.told(error, ask, context)
        stacks = (told.traceback,) if told.traceback else ()
        failure = Failure(told.error or told.title, told.executor, (told.detail,), stacks)
        help = f' ({told.help})' if told.help else ''
        status = Status(FAILED, f'{told.status} {told.title}: {told.detail}{help}', failure)
        header = Header(context.request_id, '', '', status)
        if ask is not None:
            header = Header(named(ask, context), ask.endpoint, ask.target, status)
        return msgspec.json.encode(Reply(header, {}))

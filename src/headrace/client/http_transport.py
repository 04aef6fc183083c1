"""Requests over HTTP: JSON that keeps every bit of an array, to the gateway's /post."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
from msgspec import Raw, Struct, field

from headrace.client import described, http_errors
from headrace.client.address import Address
from headrace.client.credentials import Credentials
from headrace.client.http_parts import HttpParts
from headrace.client.http_session import HttpSession
from headrace.client.messages import Request, Response
from headrace.client.parts import Part
from headrace.client.refusals import late
from headrace.documents import BaseDoc, DocList, Document
from headrace.documents.codec import json
from headrace.errors import BadServer, DeadlineExceeded, ProtocolError, TooLarge
from headrace.pipeline.describe import FlowInfo
from headrace.proto import parameters

POST = '/post?arrays=base64'
TIMEOUT = 'x-headrace-timeout-s'
JSON = 'application/json'
EVENTS = 'text/event-stream'

AT_ONCE_BYTES = 1 << 20
"""Longer bodies are written piece by piece, as aiohttp wants it."""


class Body(Struct, omit_defaults=True):
    """A request as the gateway reads it."""

    data: Raw
    parameters: Raw = Raw(b'{}')
    target: str = field(name='targetExecutor', default='')
    endpoint: str = field(name='execEndpoint', default='/')


class Reply(Struct):
    """A reply, as far as the client reads it."""

    data: Raw = Raw(b'[]')
    parameters: dict[str, Any] | None = None


_replies = msgspec.json.Decoder(Reply)


class HttpTransport:
    """A pool of connections to one gateway."""

    def __init__(self, address: Address, credentials: Credentials, *, max_reply_bytes: int) -> None:
        self._address = address
        self._session = HttpSession(address, credentials)
        self._max_reply_bytes = max_reply_bytes

    def encode(self, request: Request, docs: DocList[Any]) -> bytes:
        return msgspec.json.encode(
            Body(
                data=Raw(json.to_json(docs, arrays='base64')),
                parameters=Raw(parameters.to_json(dict(request.parameters))),
                target=request.target,
                endpoint=request.endpoint,
            )
        )

    async def send(self, request: Request, body: bytes) -> Response[Any]:
        async with self._answer(request, body, JSON) as answer:
            text = await self._read(answer, request)
            request = await self._with_type(request)
        return _response(request, text, self._address)

    @asynccontextmanager
    async def lease(self, *, in_order: bool) -> AsyncGenerator[HttpTransport, None]:
        """Every request has a connection of its own, so none is in the way of another."""
        yield self

    async def parts(self, request: Request, body: bytes) -> AsyncGenerator[Part, None]:
        async with self._answer(request, body, EVENTS) as answer:
            request = await self._with_type(request)
            if answer.content_type != EVENTS:  # a gateway that knows of no streams
                text = await self._read(answer, request)
                yield Part(_response(request, text, self._address), len(text))
                return
            events = HttpParts(request, self._address, self._max_reply_bytes)
            async for piece in answer.content.iter_any():
                for part in events.read(piece):
                    yield part
            events.check_ended()

    @asynccontextmanager
    async def _answer(
        self, request: Request, body: bytes, accept: str
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """The answer whose body can now be read; every failure, also while it is read, is a BadServer."""
        left_s = request.left_s()
        own = {'content-type': JSON, 'accept': accept, 'x-request-id': request.request_id, **request.metadata}
        if left_s is not None:
            own[TIMEOUT] = f'{left_s:.3f}'
        try:
            async with self._session.connected.post(
                POST,
                data=body if len(body) <= AT_ONCE_BYTES else BytesIO(body),
                headers=await self._session.headers(own),
                timeout=aiohttp.ClientTimeout(total=left_s),
                server_hostname=self._session.server_name,
            ) as answer:
                if answer.status != 200:
                    raise http_errors.from_response(
                        answer, await self._read(answer, request), request.request_id
                    )
                yield answer
        except TimeoutError:
            raise late(self._address, request.request_id, DeadlineExceeded.http_status) from None
        except aiohttp.ClientError as error:
            raise http_errors.unreachable(error, self._address, request.request_id) from None

    async def _with_type(self, request: Request) -> Request:
        """The request with the class of the documents that come back, which JSON does not say."""
        if request.doc_type is not None:
            return request
        gives = described.given(await self._session.described(), request.endpoint, request.target)
        return replace(request, doc_type=gives)

    async def is_ready(self, timeout_s: float) -> bool:
        return await self._session.is_ready(timeout_s)

    async def problem(self, timeout_s: float) -> str:
        return await self._session.problem(timeout_s)

    async def describe(self) -> FlowInfo | None:
        return await self._session.describe()

    async def close(self) -> None:
        await self._session.close()

    async def _read(self, answer: aiohttp.ClientResponse, request: Request) -> bytes:
        """The whole body, unless it is larger than the client accepts."""
        parts: list[bytes] = []
        size = 0
        async for part in answer.content.iter_any():
            size += len(part)
            if size > self._max_reply_bytes:
                raise BadServer(
                    f'the reply from {self._address} has more than {self._max_reply_bytes} bytes',
                    status=answer.status,
                    error=TooLarge.__name__,
                    request_id=request.request_id,
                    help='use a smaller request_size, or raise max_reply_bytes of the client',
                )
            parts.append(part)
        return b''.join(parts)


def _response(request: Request, text: bytes, address: Address) -> Response[Any]:
    try:
        reply = _replies.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadServer(
            f'the reply from {address} is not understood: {error}',
            error=ProtocolError.__name__,
            request_id=request.request_id,
            help='is this a gateway of Headrace?',
        ) from None

    def decode(doc_type: type[BaseDoc] | None) -> DocList[Any]:
        return json.from_json(bytes(reply.data), doc_type or Document)

    return Response(request, decode, parameters=reply.parameters)

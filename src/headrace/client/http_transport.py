"""Requests over HTTP: JSON that keeps every bit of an array, to the gateway's /post."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec
from msgspec import Raw, Struct, field

from headrace.client import described
from headrace.client.address import Address, Tls
from headrace.client.messages import Request, Response
from headrace.documents import BaseDoc, DocList, Document
from headrace.documents.codec import json
from headrace.errors import BadServer, DeadlineExceeded, ProtocolError, SpecError, TooLarge, Unavailable
from headrace.pipeline.describe import FlowInfo
from headrace.proto import parameters

POST = '/post?arrays=base64'
READY = '/ready'
DESCRIBE = '/describe'
TIMEOUT = 'x-headrace-timeout-s'
JSON = {'content-type': 'application/json'}


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


class Unready(Struct):
    """What a gateway says when it cannot work."""

    problems: dict[str, str] = {}


class Problem(Struct):
    """The error of a gateway (or of a proxy that speaks RFC 9457)."""

    detail: str = ''
    title: str = ''
    error: str = ''
    help: str = ''
    request_id: str = ''
    traceback: str = ''
    retry_after_s: float = 0.0


_replies = msgspec.json.Decoder(Reply)
_problems = msgspec.json.Decoder(Problem)
_infos = msgspec.json.Decoder(FlowInfo)
NOTHING = FlowInfo(name='', executors=(), endpoints=())


class HttpTransport:
    """A pool of connections to one gateway."""

    def __init__(self, address: Address, *, max_reply_bytes: int) -> None:
        self._address = address
        self._max_reply_bytes = max_reply_bytes
        self._session: aiohttp.ClientSession | None = None
        self._info: FlowInfo | None = None

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
        left_s = request.left_s()
        headers = {**JSON, 'x-request-id': request.request_id, **request.metadata}
        if left_s is not None:
            headers[TIMEOUT] = f'{left_s:.3f}'
        limit = aiohttp.ClientTimeout(total=left_s)
        try:
            async with self._connect().post(POST, data=body, headers=headers, timeout=limit) as answer:
                text = await self._read(answer, request)
                if answer.status != 200:
                    raise _refused(answer, text, request)
            if request.doc_type is None:
                gives = described.given(await self._described(), request.endpoint, request.target)
                request = replace(request, doc_type=gives)
            return _response(request, text, self._address)
        except TimeoutError:
            raise BadServer(
                f'no answer from {self._address} in time',
                status=DeadlineExceeded.http_status,
                error=DeadlineExceeded.__name__,
                request_id=request.request_id,
                help='give the request a longer timeout_s',
            ) from None
        except aiohttp.ClientError as error:
            raise _unreachable(error, self._address, request) from None

    async def is_ready(self, timeout_s: float) -> bool:
        limit = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._connect().get(READY, timeout=limit) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def problem(self, timeout_s: float) -> str:
        limit = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._connect().get(READY, timeout=limit) as answer:
                said = msgspec.json.decode(await answer.read(), type=Unready)
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            return ''
        return '; '.join([f'executor {name!r} cannot work ({why})' for name, why in said.problems.items()])

    async def describe(self) -> FlowInfo | None:
        try:
            return await self._described()
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _described(self) -> FlowInfo:
        """What the gateway says of its Flow; nothing, if it answers with something else."""
        if self._info is None:
            limit = aiohttp.ClientTimeout(total=described.PATIENCE_S)
            async with self._connect().get(DESCRIBE, timeout=limit) as answer:
                try:
                    self._info = _infos.decode(await answer.read()) if answer.status == 200 else NOTHING
                except msgspec.DecodeError:
                    self._info = NOTHING
        return self._info

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _connect(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls = self._address.tls
            connector = aiohttp.TCPConnector(limit=0, ssl=True if tls is None else _context(tls))
            self._session = aiohttp.ClientSession(str(self._address), connector=connector)
        return self._session

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


def _context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.authority)
        if tls.certificate is not None:
            context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise SpecError(f'the certificates cannot be used: {error}', help='give paths of PEM files') from None
    return context


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


def _refused(answer: aiohttp.ClientResponse, text: bytes, request: Request) -> BadServer:
    """An answer that is no success as the error that it describes."""
    try:
        problem = _problems.decode(text)
    except (msgspec.DecodeError, RecursionError):
        problem = Problem()
    message = problem.detail or problem.title or f'{answer.url} answered {answer.status} {answer.reason}'
    return BadServer(
        f'{message}\n{problem.traceback}' if problem.traceback else message,
        status=answer.status,
        error=problem.error,
        request_id=problem.request_id or request.request_id,
        retry_after_s=problem.retry_after_s or _seconds(answer.headers.get('retry-after', '')),
        help=problem.help,
    )


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0


def _unreachable(error: aiohttp.ClientError, address: Address, request: Request) -> BadServer:
    reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return BadServer(
        f'no gateway answers at {address} ({reason})',
        status=Unavailable.http_status,
        error=Unavailable.__name__,
        request_id=request.request_id,
        help='is the Flow running, and is this its port?',
    )

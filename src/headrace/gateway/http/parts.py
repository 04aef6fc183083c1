"""An answer in parts: documents in as they come, server-sent events or lines of JSON out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, aclosing
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from headrace.errors import DocumentError
from headrace.gateway.http import body as bodies
from headrace.gateway.http import problem
from headrace.gateway.http.asgi import Send
from headrace.gateway.http.call import Call
from headrace.gateway.http.request import Peer
from headrace.gateway.http.response import Response
from headrace.gateway.refusals import reply_too_large
from headrace.gateway.steps import write_each
from headrace.pipeline.batch import Batch

EVENTS, LINES = b'text/event-stream', b'application/x-ndjson'
QUIET_S = 10.0
"""After so long without anything else, a comment shows that the connection lives."""


class End(Struct):
    """What is known when all documents are there."""

    header: bodies.ReplyHeader
    parameters: dict[str, Any]
    items: int


class Form(NamedTuple):
    """How parts are written: their media type, and what is sent when there is none for a while."""

    name: str
    media_type: bytes
    idle: bytes

    def part(self, kind: str, number: int, data: bytes) -> bytes:
        """One part: an `item`, the `end`, or an `error`."""
        if self.media_type == LINES:
            return b'{"%s":%s}\n' % (kind.encode(), data)
        numbered = b'' if kind == 'error' else b'id: %d\n' % number
        return b'%bevent: %b\ndata: %b\n\n' % (numbered, kind.encode(), data)


FORMS = {EVENTS: Form('sse', EVENTS, b':\n\n'), LINES: Form('http', LINES, b'')}


class Parts:
    """The body of an answer in parts; when it is written, the call behind it is over."""

    def __init__(self, call: Call, form: Form, arrays: str, development: bool) -> None:
        self._call = call
        self._form = form
        self._arrays = arrays
        self._development = development
        self._source: AsyncGenerator[Batch, None] | None = None
        self._first: asyncio.Future[Batch] | None = None
        self._room: AbstractContextManager[None] | None = None
        self._items = 0
        self._parameters: dict[str, Any] = {}

    async def begin(self, route: str) -> Response:
        """Have the Flow begin; what goes wrong before the first part is raised, unless that takes long."""
        call = self._call
        call.request.finished.protocol = self._form.name
        try:
            batch = await call.open(route)
            room = call.front.limits.stream(call.request.client)
            room.__enter__()
            self._room = room
            self._parameters = batch.parameters
            self._source = call.front.stream(batch, call.context, protocol=self._form.name)
            self._first = asyncio.ensure_future(anext(self._source))
            await asyncio.wait((self._first,), timeout=QUIET_S)
            if self._first.done() and not isinstance(self._first.exception(), StopAsyncIteration):
                self._first.result()
        except BaseException as error:
            await self._end()
            raise call.cause(error) from None
        headers = ((b'x-accel-buffering', b'no'),)  # or proxies keep parts to themselves
        return Response(200, self, self._form.media_type, headers)

    async def write(self, send: Send) -> None:
        """Send the parts as they come, each when there is room for it, and what they end with."""
        pulse = Pulse(send, self._form.idle, self._call.request.peer)
        try:
            await self._write(pulse)
        except BaseException as error:
            cause, request = self._call.cause(error), self._call.request
            request.finished.failed(cause)
            if not isinstance(cause, Exception):
                raise
            self._call.front.refused(
                cause,
                request.identity,
                protocol='http',
                endpoint=request.endpoint,
                request_id=request.id,
                host=request.host,
            )
            if not request.peer.gone:
                await pulse.send(self._form.part('error', 0, self._problem(cause)), more=False)
        finally:
            pulse.stop()
            await self._end()

    async def _write(self, pulse: Pulse) -> None:
        context = self._call.context
        async with aclosing(self._batches()) as batches:
            async for batch in batches:
                self._parameters = batch.parameters
                async for written in self._written(batch):
                    for data in written:
                        if len(data) > self._call.front.max_body_bytes:
                            raise reply_too_large(self._call.front.max_body_bytes)
                        self._items += 1
                        await pulse.send(self._form.part('item', self._items, data))
        header = bodies.ReplyHeader(context.request_id, context.endpoint, context.target)
        try:
            end = bodies.replies.encode(End(header, self._parameters, self._items))
        except bodies.UNWRITABLE as error:
            raise bodies.unwritable(error) from None
        await pulse.send(self._form.part('end', self._items + 1, end), more=False)

    async def _batches(self) -> AsyncGenerator[Batch, None]:
        """All parts, beginning with the one that was waited for."""
        assert self._source is not None
        assert self._first is not None
        first, self._first = self._first, None
        try:
            yield await first
        except StopAsyncIteration:
            return
        finally:
            first.cancel()
        async for batch in self._source:
            yield batch

    def _written(self, batch: Batch) -> AsyncGenerator[Sequence[bytes], None]:
        """The documents of a part, some at a time."""
        try:
            docs = batch.docs_as(self._call.output)
        except DocumentError as error:
            raise bodies.unpromised(error) from error
        return write_each(docs, self._call.front.turns, arrays=self._arrays)

    def _problem(self, error: Exception) -> bytes:
        request = self._call.request
        told = problem.told(
            error, request_id=request.id, endpoint=request.endpoint, development=self._development
        )
        return msgspec.json.encode(told)

    async def _end(self) -> None:
        """Nobody wants more: the executors hear of it."""
        self._call.close()
        if self._first is not None:
            self._first.cancel()
            await asyncio.wait((self._first,))
        if self._source is not None:
            await self._source.aclose()
        if self._room is not None:
            self._room.__exit__(None, None, None)


class Pulse:
    """Chunks in, messages out; when there are none for `QUIET_S` seconds, `idle` goes out."""

    def __init__(self, send: Send, idle: bytes, peer: Peer) -> None:
        self._send = send
        self._idle = idle
        self._peer = peer
        self._loop = asyncio.get_running_loop()
        self._sent = self._loop.time()
        self._beat: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(QUIET_S, self._look) if idle else None

    async def send(self, chunk: bytes, *, more: bool = True) -> None:
        """Send a chunk, as soon as the client has taken most of those before; the last one has no `more`."""
        if not more:
            self.stop()
        self._sent = self._loop.time()
        await self._send({'type': 'http.response.body', 'body': chunk, 'more_body': more})

    def stop(self) -> None:
        """No more idle chunks."""
        for each in (self._timer, self._beat):
            if each is not None:
                each.cancel()
        self._timer = None

    def _look(self) -> None:
        quiet_s = self._loop.time() - self._sent
        if quiet_s >= QUIET_S and not (self._peer.flow is not None and self._peer.flow.write_paused):
            self._beat = self._loop.create_task(self.send(self._idle))
            quiet_s = 0.0
        self._timer = self._loop.call_later(max(QUIET_S - quiet_s, 0.1), self._look)

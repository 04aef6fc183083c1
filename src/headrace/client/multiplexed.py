"""Requests that share one stream: each is sent at once, and gets its reply, or its parts, as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, NamedTuple, Protocol, TypeVar

from headrace.client import message_errors
from headrace.client.address import Address
from headrace.client.messages import Request
from headrace.client.parts import PART_BYTES, Buffer
from headrace.client.refusals import late
from headrace.errors import BadServer, CodecError, Overloaded, Unavailable
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack

T = TypeVar('T')

UNREAD_BYTES = 4 * 1024 * 1024
"""Parts of one answer that are kept for a caller who reads slowly; then the stream is not read, either."""


class Answer(NamedTuple):
    """A reply, and its documents as a view of what came (None: none)."""

    reply: pb.Reply
    columns: memoryview | None
    size: int


class Wire(Protocol):
    """Both directions of an open connection that carries messages."""

    @property
    def errors(self) -> tuple[type[BaseException], ...]:
        """What `write` raises when the connection breaks; `read` then says why."""
        ...

    @property
    def is_done(self) -> bool:
        """Whether the connection has ended."""
        ...

    async def write(self, data: bytes) -> None:
        """Send a message, as soon as there is room."""
        ...

    async def read(self) -> bytes | None:
        """The next message; None if there are no more, BadServer if the connection broke."""
        ...

    async def say_last(self) -> None:
        """Tell that no more messages will be sent."""
        ...

    async def has_left(self) -> bool:
        """Whether the server ended in good order: it has answered what it took."""
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


class Untaken(Exception):
    """The gateway left before it took the request: nothing was done for it, and it may be sent again.

    `error` is what to tell if it is not.
    """

    def __init__(self, error: BadServer) -> None:
        super().__init__(error.message)
        self.error = error


class MultiplexedStream:
    """One open stream to a gateway. When it breaks, every request on it fails.

    `is_over` is true when it takes no more: it broke, its gateway said farewell, or `retire`. Then what was
    sent is still answered.
    """

    def __init__(self, wire: Wire, address: Address) -> None:
        self._address = address
        self._wire = wire
        self._writing = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[Answer] | Buffer[Answer | Exception]] = {}
        self._reader = asyncio.create_task(self._read())
        self._writes: set[asyncio.Task[object]] = set()  # those for which nobody waits
        self._has_withdrawn = False
        self.is_over = False

    @property
    def is_clean(self) -> bool:
        """Whether every request on it was answered to its end, and nothing was withdrawn."""
        return not (self._waiting or self._has_withdrawn)

    async def send(self, request: Request, body: bytes) -> Answer:
        """The reply to an encoded request. BadServer for an error, of the server or of the stream."""
        request_id, body = self._named(request, body)
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = waiting
        try:
            async with asyncio.timeout(request.left_s()):
                if not await self._write(body) and not waiting.done():
                    raise self._ended(None, request.request_id, is_left=True)
                answer = await waiting
        except TimeoutError:
            self._withdraw(request_id)
            raise late(self._address, request.request_id) from None
        except asyncio.CancelledError:
            self._withdraw(request_id)
            raise
        finally:
            self._waiting.pop(request_id, None)
        if answer.reply.HasField('error'):
            raise message_errors.from_message(answer.reply.error)
        return answer

    async def parts(self, request: Request, body: bytes) -> AsyncGenerator[Answer, None]:
        """The replies to an encoded request that asks for parts; errors as of `send`, after the parts."""
        request_id, body = self._named(request, body)
        waiting = self._waiting[request_id] = Buffer[Answer | Exception](UNREAD_BYTES)
        has_more = True
        try:
            if not await self._within(request, self._write(body)):
                raise self._ended(None, request.request_id, is_left=True)
            while has_more:
                came = await self._within(request, waiting.get())
                if isinstance(came, Exception):
                    has_more = False
                    raise came
                has_more = came.reply.more
                if came.reply.HasField('error'):
                    raise message_errors.from_message(came.reply.error)
                if has_more:
                    yield came
        finally:
            if has_more:
                self._withdraw(request_id)
            del self._waiting[request_id]
            waiting.let_all_pass()

    @property
    def has_ended(self) -> bool:
        """Whether nothing comes any more."""
        return self._reader.done()

    async def close(self) -> None:
        """End the stream; what still waits fails."""
        for waiting in self._waiting.values():
            if isinstance(waiting, Buffer):
                waiting.let_all_pass()
        await self._wire.close()
        await asyncio.gather(self._reader, return_exceptions=True)
        for write in self._writes:
            write.cancel()  # one on a call that never began would wait for ever
        await asyncio.gather(*self._writes, return_exceptions=True)

    def retire(self) -> None:
        """Take no more requests, and end when those that were taken are answered."""
        self.is_over = True
        self._begin(self._say_last())

    def _named(self, request: Request, body: bytes) -> tuple[str, bytes]:
        """The id of a request on this stream: its own, unless its caller gave that to several."""
        request_id = request.request_id
        number = 1
        while request_id in self._waiting:
            number += 1
            request_id = f'{request.request_id}-{number}'
        if number > 1:  # of a field that comes twice, the last counts
            body += pb.Request(request_id=request_id).SerializeToString()
        return request_id, body

    async def _within(self, request: Request, work: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(request.left_s()):
                return await work
        except TimeoutError:
            raise late(self._address, request.request_id) from None

    async def _write(self, body: bytes) -> bool:
        """Send a message; False if the stream takes no more."""
        async with self._writing:
            if self.is_over:
                return False
            try:
                await self._wire.write(body)
            except self._wire.errors:
                if not self.is_over and not self._wire.is_done:
                    raise
                # the reader sees the same end, and knows its reason
        return True

    def _withdraw(self, request_id: str) -> None:
        """Tell the server that nobody waits for this reply any more."""
        self._has_withdrawn = True
        if not self._wire.is_done:
            message = pb.Request(request_id=request_id, cancel=True).SerializeToString()
            self._begin(self._write(message))

    def _begin(self, writing: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(writing)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # the reader sees it too

    async def _say_last(self) -> None:
        """Tell the server that nothing more comes, after what is just being written."""
        async with self._writing:
            await self._wire.say_last()

    async def _read(self) -> None:
        """Give each reply to who waits for it, until the stream ends; then fail those that still wait."""
        reason: BadServer | None = None
        is_left = False
        try:
            while (data := await self._wire.read()) is not None:
                if not data:
                    self.retire()
                    continue
                await self._deliver(Answer(*unpack(pb.Reply, data), len(data)))
            # A gateway that leaves in good order answers first what it has taken.
            is_left = await self._wire.has_left()
        except BadServer as error:
            reason = error
        except CodecError as error:
            reason = BadServer(error.message, status='INTERNAL', error='ProtocolError', help=error.help)
        except asyncio.CancelledError:
            reason = None
        finally:
            self.is_over = True
            if reason is not None and len(self._waiting) > 1:
                reason = _of_several(reason)
            for request_id, waiting in self._waiting.items():
                ended = self._ended(reason, request_id, is_left)
                if isinstance(waiting, Buffer):
                    waiting.put_last(ended)
                elif not waiting.done():
                    waiting.set_exception(ended)
            await self._wire.close()

    async def _deliver(self, answer: Answer) -> None:
        waiting = self._waiting.get(answer.reply.request_id)
        if isinstance(waiting, Buffer):
            await waiting.put(answer, answer.size + PART_BYTES)
        elif waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _ended(self, reason: BadServer | None, request_id: str, is_left: bool) -> BadServer | Untaken:
        if reason is None:
            error = BadServer(
                f'the gateway at {self._address} ended the stream',
                status='UNAVAILABLE',
                request_id=request_id,
                help='it may be stopping; send the request again',
            )
            return Untaken(error) if is_left else error
        return BadServer(
            reason.message,
            status=reason.status,
            error=reason.error,
            request_id=reason.request_id or request_id,
            retry_after_s=reason.retry_after_s,
            help=reason.help,
        )


def _of_several(reason: BadServer) -> BadServer:
    """Why a stream of several requests ended: one of them had no room, and others may have begun."""
    if reason.error != Overloaded.__name__:
        return reason
    return BadServer(
        reason.message, status=Unavailable.grpc_status, error=Unavailable.__name__, help=reason.help
    )

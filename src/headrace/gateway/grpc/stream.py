"""Many requests on one stream: worked on side by side, within limits, with one reply each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import grpc

from headrace.errors import Cancelled, DeadlineExceeded, HeadraceError
from headrace.gateway.grpc import faults
from headrace.gateway.grpc.caller import Caller
from headrace.gateway.grpc.exchange import Exchange
from headrace.gateway.server import UNREAD_TIMEOUT_S
from headrace.pipeline.admission import Admission, Ticket
from headrace.pipeline.context import Context
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack

Read = Callable[[], Awaitable[Any]]
Write = Callable[[bytes], Awaitable[None]]
EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs do not know it
Work = asyncio.Future[bytes | None]

FAREWELL = pb.Reply().SerializeToString()
"""The reply to no request, by which a gateway says that it takes no more on this stream."""

FAREWELL_S = 1.0
"""How long a client may take to send what is on its way, and to say that this was the last."""


class Window:
    """Room for requests in work: so many, and so many bytes (a larger one may pass when all is free)."""

    def __init__(self, count: int, size: int) -> None:
        self._count = count or sys.maxsize
        self._size = size
        self._taken = self._bytes = 0
        self._freed = asyncio.Event()

    async def enter(self, size: int) -> None:
        """Wait until there is room for a request of `size` bytes, and take it."""
        while self._taken and (self._taken >= self._count or self._bytes + size > self._size):
            self._freed.clear()
            await self._freed.wait()
        self._taken += 1
        self._bytes += size

    def leave(self, size: int) -> None:
        """Give the room of a request back."""
        self._taken -= 1
        self._bytes -= size
        self._freed.set()


class Job(NamedTuple):
    """One request of a stream, until its reply is written; `ticket` is None if there was no room for it."""

    work: Work
    context: Context
    size: int
    ticket: Ticket | None = None


class Stream:
    """One open stream: reads requests, starts work on each, and writes replies as they are due.

    A request keeps its room in the window until its reply is written, so a client that does not read its
    replies is not read from either, and after a while is no longer served.
    """

    def __init__(
        self,
        exchange: Exchange,
        admission: Admission,
        window: Window,
        *,
        in_order: bool,
        development: bool,
        says_farewell: bool = False,
    ) -> None:
        self._exchange = exchange
        self._admission = admission
        self._window = window
        self._in_order = in_order
        self._says_farewell = says_farewell
        self._development = development
        self._due: asyncio.Queue[Job | bytes | None] = asyncio.Queue()
        self._working: dict[Work, Job] = {}
        self._unwritten: set[Job] = set()
        self._reader: asyncio.Task[None] | None = None

    async def run(self, read: Read, write: Write, caller: Caller) -> None:
        """Serve until the client has said everything (or `drain`) and has all its replies.

        A cancellation here (the client left) cancels whatever is in work. CodecError for a message that is no
        Request, DeadlineExceeded for a client that does not take its replies.
        """
        reader = self._reader = asyncio.create_task(self._read(read, caller))
        writer = asyncio.create_task(self._write(write))
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and not writer.done():
                if not reader.cancelled():
                    reader.result()
                if self._working:
                    await asyncio.wait(self._working)
                self._due.put_nowait(None)
            await writer
        finally:
            reader.cancel()
            writer.cancel()
            for job in list(self._unwritten):
                job.context.cancel()
                job.work.cancel()
                self._close(job)

    def drain(self) -> None:
        """Take no more requests; `run` ends when those that were taken are answered.

        A client that wants a farewell gets it, and may say itself which request was its last: one that is
        written while a stream ends is lost without a trace.
        """
        if self._reader is not None:
            if self._says_farewell:
                self._due.put_nowait(FAREWELL)
                asyncio.get_running_loop().call_later(FAREWELL_S, self._reader.cancel)
            else:
                self._reader.cancel()

    async def _read(self, read: Read, caller: Caller) -> None:
        while (data := await read()) is not EOF:
            request, columns = unpack(pb.Request, data)
            if request.cancel:
                self._withdraw(request.request_id)
                continue
            await self._window.enter(len(data))
            context = self._exchange.context(request, caller)
            try:
                ticket = self._admission.enter(caller.host, len(data), context.left_s())
            except HeadraceError as error:
                self._refuse(error, context, len(data))
            else:
                work = asyncio.create_task(self._answer(request, columns, context, ticket))
                self._start(Job(work, context, len(data), ticket))

    def _start(self, job: Job) -> None:
        self._working[job.work] = job
        self._unwritten.add(job)

        def finished(work: Work) -> None:
            del self._working[work]
            if not self._in_order:
                self._due.put_nowait(job)

        job.work.add_done_callback(finished)
        if self._in_order:
            self._due.put_nowait(job)

    def _refuse(self, error: HeadraceError, context: Context, size: int) -> None:
        work: Work = asyncio.get_running_loop().create_future()
        work.set_result(self._failure(error, context))
        job = Job(work, context, size)
        self._unwritten.add(job)
        self._due.put_nowait(job)

    def _withdraw(self, request_id: str) -> None:
        for job in list(self._working.values()):
            if job.context.request_id == request_id:
                job.context.cancel()
                job.work.cancel()

    async def _answer(
        self, request: pb.Request, columns: memoryview | None, context: Context, ticket: Ticket
    ) -> bytes | None:
        """The serialised reply, which may be an error; None if the request was withdrawn."""
        try:
            return await self._exchange.reply(request, columns, context, ticket)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                return None
            return self._failure(Cancelled('the request was cancelled in the server'), context)
        except Exception as error:
            return self._failure(error, context)

    def _failure(self, error: Exception, context: Context) -> bytes:
        message = faults.to_message(
            error, request_id=context.request_id, endpoint=context.endpoint, development=self._development
        )
        return pb.Reply(request_id=context.request_id, error=message).SerializeToString()

    async def _write(self, write: Write) -> None:
        while (job := await self._due.get()) is not None:
            if isinstance(job, bytes):
                await self._deliver(write, job)
                continue
            if not job.work.done():
                await asyncio.wait((job.work,))
            reply = None if job.work.cancelled() else job.work.result()
            if reply is not None:
                await self._deliver(write, reply)
            self._close(job)

    async def _deliver(self, write: Write, reply: bytes) -> None:
        limit = asyncio.timeout(UNREAD_TIMEOUT_S)
        try:
            async with limit:
                await write(reply)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded(
                f'the client has not read its replies for {UNREAD_TIMEOUT_S} seconds',
                help='read replies while requests are sent',
            ) from None

    def _close(self, job: Job) -> None:
        """Give back the room of a request that is answered, or that nobody waits for."""
        self._unwritten.discard(job)
        self._window.leave(job.size)
        if job.ticket is not None:
            job.ticket.leave()

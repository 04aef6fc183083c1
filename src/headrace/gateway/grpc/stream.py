"""Many requests on one stream: worked on side by side, within limits, with one reply or several each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import grpc

from headrace.errors import Cancelled, HeadraceError
from headrace.gateway.finished import Finished
from headrace.gateway.grpc.exchange import Admitted, Exchange
from headrace.gateway.grpc.job import Job, Part, Parts, Reply
from headrace.gateway.grpc.reception import Reception, Visit
from headrace.gateway.grpc.unread import Write, deliver
from headrace.gateway.grpc.withheld import is_withheld
from headrace.gateway.underway import Underway
from headrace.gateway.window import Window
from headrace.pipeline.context import Context
from headrace.pipeline.describe import LONGEST_NAME
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack

Read = Callable[[], Awaitable[Any]]
EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs do not know it

FAREWELL = pb.Reply().SerializeToString()
"""The reply to no request, by which a gateway says that it takes no more on this stream."""

FAREWELL_S = 1.0
"""How long a client may take to send what is on its way, and to say that this was the last."""


class Stream:
    """One open stream: reads requests, starts work on each, and writes replies as they are due.

    A request keeps its room in the window until its last reply is written, so a client that does not read its
    replies is not read from either, holds up what makes parts for it, and after a while is no longer served.
    """

    def __init__(
        self,
        exchange: Exchange,
        reception: Reception,
        window: Window,
        *,
        in_order: bool,
        says_farewell: bool = False,
    ) -> None:
        self._exchange = exchange
        self._reception = reception
        self._window = window
        self._in_order = in_order
        self._says_farewell = says_farewell
        self._due: asyncio.Queue[Job | Part | bytes | None] = asyncio.Queue()
        self._underway: Underway[Job] = Underway(lambda: self._due.put_nowait(None))
        self._unwritten: set[Job] = set()
        self._reader: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    async def run(self, read: Read, write: Write, visit: Visit) -> None:
        """Serve until the client has said everything (or `drain`) and has all its replies.

        A cancellation here (the client left) cancels whatever is in work. CodecError for a message that is no
        Request, Unread for a client that does not take its replies.
        """
        reader = self._reader = asyncio.create_task(self._read(read, visit))
        writer = asyncio.create_task(self._write(write))
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and not writer.done():
                if not reader.cancelled() and reader.exception():
                    async with self._writing:  # gRPC cannot send a status in the middle of a reply
                        writer.cancel()
                    reader.result()
                self._underway.last()
            await writer
        finally:
            reader.cancel()
            writer.cancel()
            for job in list(self._unwritten):
                job.end(None)
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

    async def _read(self, read: Read, visit: Visit) -> None:
        while (data := await read()) is not EOF:
            request, columns = unpack(pb.Request, data)
            if request.cancel:
                self._withdraw(request.request_id)
                continue
            await self._window.enter(len(data))
            self._take(request, columns, len(data), visit)
        if is_withheld():
            self._reception.withheld(visit)
            raise asyncio.CancelledError  # gRPC ends the call

    def _take(self, request: pb.Request, columns: memoryview | None, size: int, visit: Visit) -> None:
        """Let a request in and begin to work on it, or refuse it."""
        context = Context(request.endpoint[:LONGEST_NAME] or '/', request_id=visit.caller.name_of(request))
        finished = self._reception.begin()
        try:
            identity = self._reception.identify_again(visit)
            self._exchange.check_size(size)
            context = self._exchange.context(request, visit.caller, identity)
            ticket = self._reception.enter(identity, size, context.left_s())
        except HeadraceError as error:
            finished.begins(context, size)
            finished.failed(error)
            self._reception.ended(finished)
            self._refuse(error, context, size, visit)
            return
        finished.begins(context, size)
        admitted = Admitted(request, columns, context, identity, ticket, finished)
        line: asyncio.Queue[Part | None] | None = None
        if not request.parts:
            work = asyncio.create_task(self._answer(admitted, visit))
        else:
            line = asyncio.Queue() if self._in_order else None
            parts = Parts(self._due.put_nowait if line is None else line.put_nowait)
            work = asyncio.create_task(self._generate(admitted, visit, parts))
        self._start(Job(work, context, size, ticket, line), finished)

    def _start(self, job: Job, finished: Finished) -> None:
        self._underway.begin(job)
        self._unwritten.add(job)

        def over(_: Reply) -> None:
            self._underway.ended(job)
            self._reception.ended(finished)
            if job.parts is not None:
                job.parts.put_nowait(None)
            if not self._in_order:
                self._due.put_nowait(job)
            self._underway.settle()

        job.reply.add_done_callback(over)
        if self._in_order:
            self._due.put_nowait(job)

    def _refuse(self, error: HeadraceError, context: Context, size: int, visit: Visit) -> None:
        reply: Reply = asyncio.get_running_loop().create_future()
        reply.set_result(self._failure(error, context, visit))
        job = Job(reply, context, size)
        self._unwritten.add(job)
        self._due.put_nowait(job)

    def _withdraw(self, request_id: str) -> None:
        for job in self._underway:
            if job.context.request_id == request_id:
                job.end(None)

    async def _generate(self, admitted: Admitted, visit: Visit, parts: Parts) -> bytes | None:
        """The last reply of an answer in parts; those before it go to `parts`."""

        async def replies() -> bytes:
            async with aclosing(self._exchange.parts(admitted, more=True)) as made:
                async for data in made:
                    await parts.put(data)
            return pb.Reply(request_id=admitted.context.request_id).SerializeToString()

        return await self._outcome(replies(), admitted, visit)

    async def _answer(self, admitted: Admitted, visit: Visit) -> bytes | None:
        """The one reply to a request."""
        return await self._outcome(self._exchange.reply(admitted), admitted, visit)

    async def _outcome(self, made: Awaitable[bytes], admitted: Admitted, visit: Visit) -> bytes | None:
        """The last reply, serialised, which may be an error; None if the request was withdrawn."""
        try:
            return await made
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                return None
            error: Exception = Cancelled('the request was cancelled in the server')
        except Exception as raised:
            error = raised
        admitted.finished.failed(error)
        return self._failure(error, admitted.context, visit)

    def _failure(self, error: Exception, context: Context, visit: Visit) -> bytes:
        message = self._reception.told(error, visit, endpoint=context.endpoint, request_id=context.request_id)
        return pb.Reply(request_id=context.request_id, error=message).SerializeToString()

    async def _write(self, write: Write) -> None:
        while (due := await self._due.get()) is not None:
            if isinstance(due, bytes):
                await self._deliver(write, due)
            elif isinstance(due, Part):
                await self._write_part(write, due)
            else:
                await self._write_job(write, due)

    async def _write_part(self, write: Write, part: Part) -> None:
        await self._deliver(write, part.data)
        part.window.leave(len(part.data))

    async def _write_job(self, write: Write, job: Job) -> None:
        """The replies of a request that are still to be written, up to its last."""
        if job.parts is not None:
            while (part := await job.parts.get()) is not None:
                await self._write_part(write, part)
        if not job.reply.done():
            await asyncio.wait((job.reply,))
        reply = None if job.reply.cancelled() else job.reply.result()
        if reply is not None:
            await self._deliver(write, reply)
        self._close(job)

    async def _deliver(self, write: Write, reply: bytes) -> None:
        async with self._writing:
            await deliver(write, reply)

    def _close(self, job: Job) -> None:
        """Give back the room of a request that is answered, or that nobody waits for."""
        self._unwritten.discard(job)
        self._window.leave(job.size)
        if job.ticket is not None:
            job.ticket.leave()

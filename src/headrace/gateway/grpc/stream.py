"""Many requests on one stream: worked on side by side, within limits, with one reply each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import grpc

from headrace.errors import Cancelled
from headrace.gateway.grpc import faults
from headrace.gateway.grpc.caller import Caller
from headrace.gateway.grpc.exchange import Exchange
from headrace.pipeline.context import Context
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack

Read = Callable[[], Awaitable[Any]]
Write = Callable[[bytes], Awaitable[None]]
EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs do not know it
Work = asyncio.Task[bytes | None]


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


class Stream:
    """One open stream: reads requests, starts work on each, and writes replies as they are due.

    A request keeps its room in the window until its reply is written, so a client that does not read its
    replies is not read from either.
    """

    def __init__(self, exchange: Exchange, window: Window, *, in_order: bool, development: bool) -> None:
        self._exchange = exchange
        self._window = window
        self._in_order = in_order
        self._development = development
        self._due: asyncio.Queue[tuple[Work, int] | None] = asyncio.Queue()
        self._work: dict[Work, Context] = {}
        self._reader: asyncio.Task[None] | None = None

    async def run(self, read: Read, write: Write, caller: Caller) -> None:
        """Serve until the client has said everything (or `drain`) and has all its replies.

        A cancellation here (the client left) cancels whatever is in work. CodecError for a message that is no
        Request.
        """
        reader = self._reader = asyncio.create_task(self._read(read, caller))
        writer = asyncio.create_task(self._write(write))
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            if reader.done():
                if not reader.cancelled():
                    reader.result()
                if self._work:
                    await asyncio.wait(self._work)
                self._due.put_nowait(None)
            await writer
        finally:
            reader.cancel()
            writer.cancel()
            for task, context in list(self._work.items()):
                context.cancel()
                task.cancel()

    def drain(self) -> None:
        """Take no more requests; `run` ends when those that were taken are answered."""
        if self._reader is not None:
            self._reader.cancel()

    async def _read(self, read: Read, caller: Caller) -> None:
        while (data := await read()) is not EOF:
            request, columns = unpack(pb.Request, data)
            if request.cancel:
                self._withdraw(request.request_id)
                continue
            await self._window.enter(len(data))
            context = self._exchange.context(request, caller)
            self._start(self._answer(request, columns, context), context, len(data))

    def _start(self, work: Coroutine[Any, Any, bytes | None], context: Context, size: int) -> None:
        task = asyncio.create_task(work)
        self._work[task] = context

        def finished(task: Work) -> None:
            del self._work[task]
            if not self._in_order:
                self._due.put_nowait((task, size))

        task.add_done_callback(finished)
        if self._in_order:
            self._due.put_nowait((task, size))

    def _withdraw(self, request_id: str) -> None:
        for task, context in list(self._work.items()):
            if context.request_id == request_id:
                context.cancel()
                task.cancel()

    async def _answer(
        self, request: pb.Request, columns: memoryview | None, context: Context
    ) -> bytes | None:
        """The serialised reply, which may be an error; None if the request was withdrawn."""
        try:
            return await self._exchange.reply(request, columns, context)
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
        while (due := await self._due.get()) is not None:
            task, size = due
            if not task.done():
                await asyncio.wait((task,))
            reply = None if task.cancelled() else task.result()
            if reply is not None:
                await write(reply)
            self._window.leave(size)

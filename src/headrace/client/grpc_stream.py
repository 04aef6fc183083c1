"""Requests that share one stream: each is sent at once, and gets its reply whenever that comes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import grpc

from headrace.client import grpc_faults
from headrace.client.address import Address
from headrace.client.messages import Request
from headrace.errors import BadServer, CodecError
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import unpack

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs do not know it
ASKED = (('headrace-order', 'any'), ('headrace-farewell', 'reply'))
"""Replies as they are there; and word of a gateway that is about to go, before it goes."""

Answer = tuple[pb.Reply, memoryview | None]


class Untaken(Exception):
    """The gateway left before it took the request: nothing was done for it, and it may be sent again.

    `error` is what to tell if it is not.
    """

    def __init__(self, error: BadServer) -> None:
        super().__init__(error.message)
        self.error = error


class Stream:
    """One open stream to a gateway. When it breaks, every request on it fails.

    `is_over` is true when it takes no more: it broke, or its gateway said farewell. Then what was sent is
    still answered.
    """

    def __init__(self, method: Any, address: Address) -> None:
        self._address = address
        self._call = method(metadata=ASKED)
        self._writing = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._reader = asyncio.create_task(self._read())
        self._writes: set[asyncio.Task[object]] = set()  # those for which nobody waits
        self.is_over = False

    async def send(self, request: Request, body: bytes) -> Answer:
        """The reply to an encoded request. BadServer for an error, of the server or of the stream."""
        left_s = request.left_s()
        waiting = self._waiting[request.request_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(left_s):
                if not await self._write(body) and not waiting.done():
                    raise self._ended(None, request.request_id, is_left=True)
                reply, columns = await waiting
        except TimeoutError:
            self._withdraw(request.request_id)
            raise grpc_faults.late(self._address, request.request_id) from None
        except asyncio.CancelledError:
            self._withdraw(request.request_id)
            raise
        finally:
            self._waiting.pop(request.request_id, None)
        if reply.HasField('error'):
            raise grpc_faults.from_message(reply.error)
        return reply, columns

    async def close(self) -> None:
        """End the stream; what still waits fails."""
        self._call.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        for write in self._writes:
            write.cancel()  # one on a call that never began would wait for ever
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _write(self, body: bytes) -> bool:
        """Send a message; False if the stream takes no more."""
        async with self._writing:
            if self.is_over:
                return False
            try:
                await self._call.write(body)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError, asyncio.CancelledError):
                if not self.is_over and not self._call.done():
                    raise
                # the reader sees the same end, and knows its reason
        return True

    def _withdraw(self, request_id: str) -> None:
        """Tell the server that nobody waits for this reply any more."""
        if not self._call.done():
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
            await self._call.done_writing()

    async def _read(self) -> None:
        """Give each reply to who waits for it, until the stream ends; then fail those that still wait."""
        reason: BadServer | None = None
        is_left = False
        try:
            while (data := await self._call.read()) is not EOF:
                reply, columns = unpack(pb.Reply, data)
                if not data:
                    self.is_over = True
                    self._begin(self._say_last())
                waiting = self._waiting.get(reply.request_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result((reply, columns))
            # A gateway that leaves in good order answers first what it has taken.
            is_left = await self._call.code() == grpc.StatusCode.OK
        except grpc.aio.AioRpcError as error:
            reason = grpc_faults.failure(error, self._address, '')
        except CodecError as error:
            reason = BadServer(error.message, status='INTERNAL', error='ProtocolError', help=error.help)
        except asyncio.CancelledError:
            reason = None
        finally:
            self.is_over = True
            self._call.cancel()
            for request_id, waiting in self._waiting.items():
                if not waiting.done():
                    waiting.set_exception(self._ended(reason, request_id, is_left))

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

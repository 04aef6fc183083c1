"""The stream that requests are sent on: opened when it is needed, and anew when it takes no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing

from headrace.client.address import Address
from headrace.client.messages import Request
from headrace.client.multiplexed import Answer, MultiplexedStream, Untaken
from headrace.client.refusals import late
from headrace.errors import BadServer, RequestError

GATEWAYS = 3
"""How many gateways, one after the other, may leave before they take a request."""

Open = Callable[[Mapping[str, str]], Awaitable[MultiplexedStream]]


class ReconnectingStream:
    """One stream at a time for all requests that show the same headers.

    A stream is opened with the headers that say who calls; when these change, the next requests go on another
    one, and the old one ends when it has answered.
    """

    def __init__(self, open: Open, address: Address) -> None:
        self._open = open
        self._address = address
        self._opening = asyncio.Lock()
        self._stream: MultiplexedStream | None = None
        self._shown: Mapping[str, str] = {}
        self._streams: list[MultiplexedStream] = []
        self._uses = 0  # from one `close` to the next

    async def send(self, request: Request, body: bytes, shown: Mapping[str, str]) -> Answer:
        """The reply to an encoded request; if its gateway leaves, from the next one that has the port."""
        attempts = GATEWAYS
        while True:
            attempts -= 1
            stream = await self._current(request, shown)
            try:
                return await stream.send(request, body)
            except Untaken as left:
                if not attempts:
                    raise left.error from None

    async def parts(
        self, request: Request, body: bytes, shown: Mapping[str, str]
    ) -> AsyncGenerator[Answer, None]:
        """The replies to an encoded request that asks for parts; in the same way as `send`."""
        attempts = GATEWAYS
        while True:
            attempts -= 1
            stream = await self._current(request, shown)
            try:
                async with aclosing(stream.parts(request, body)) as answers:
                    async for answer in answers:
                        attempts = 0  # what has begun is not sent again
                        yield answer
                return
            except Untaken as left:
                if not attempts:
                    raise left.error from None

    @property
    def is_clean(self) -> bool:
        """Whether everything that was asked for has been answered to its end."""
        return all(stream.is_clean for stream in self._streams)

    async def close(self) -> None:
        """End all streams; what still waits fails."""
        self._uses += 1
        streams, self._streams, self._stream = self._streams, [], None
        for stream in streams:
            await stream.close()

    async def _current(self, request: Request, shown: Mapping[str, str]) -> MultiplexedStream:
        stream = self._stream
        if stream is not None and not stream.is_over and shown == self._shown:
            return stream
        try:
            async with asyncio.timeout(request.left_s()):
                return await self._renewed(shown)
        except TimeoutError:
            raise late(self._address, request.request_id) from None
        except BadServer as error:
            error.request_id = error.request_id or request.request_id
            raise

    async def _renewed(self, shown: Mapping[str, str]) -> MultiplexedStream:
        async with self._opening:
            if self._stream is not None and not self._stream.is_over:
                if shown == self._shown:
                    return self._stream  # another request has opened it
                self._stream.retire()
            self._streams = [stream for stream in self._streams if not stream.has_ended]
            use = self._uses
            stream = await self._open(shown)
            if use != self._uses:  # closed in the meantime: nobody would ever end it
                await stream.close()
                raise RequestError('this client is closed', help='make another Client')
            self._stream, self._shown = stream, shown
            self._streams.append(stream)
            return stream

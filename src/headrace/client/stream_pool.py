"""A pool of streams for answers in parts: each is leased to one caller; a slow one holds up nobody."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Literal

from headrace.client import envelope
from headrace.client.address import Address
from headrace.client.messages import Request
from headrace.client.multiplexed import MultiplexedStream
from headrace.client.parts import Part
from headrace.client.reconnecting import ReconnectingStream

IDLE = 4
"""How many are kept for who needs one next, of each order."""

INSIDE = frozenset({'x-request-id', 'traceparent', 'tracestate'})
"""Metadata that goes into each message; all other goes with the opening of a stream."""

SHARED_BYTES = 1 << 20
"""Longer requests go alone: a stream gains them nothing, and one that is refused would end it for all."""

Order = Literal['requests', 'any']
Open = Callable[[Order, Mapping[str, str]], Awaitable[MultiplexedStream]]
Headers = Callable[[Request], Awaitable[dict[str, str]]]


class StreamLease:
    """A stream of the pool while one caller has it; `headers` are what it is opened with for a request."""

    def __init__(self, stream: ReconnectingStream, headers: Headers) -> None:
        self.stream = stream
        self._headers = headers

    async def parts(self, request: Request, body: bytes) -> AsyncGenerator[Part, None]:
        """The parts of the answer to an encoded request, as they come."""
        shown = await self._headers(request)
        async with aclosing(self.stream.parts(request, body, shown)) as answers:
            async for reply, columns, size in answers:
                yield Part(envelope.response(request, reply, columns), size)


class StreamPool:
    """The streams that are leased, and a few that are kept for who needs one next.

    On one stream the gateway keeps the order that was asked for, so nothing piles up here in the meantime.
    """

    def __init__(self, open: Open, address: Address, headers: Headers) -> None:
        self._open = open
        self._address = address
        self._headers = headers
        self._all: set[StreamLease] = set()
        self._idle: dict[Order, list[StreamLease]] = {'requests': [], 'any': []}

    @asynccontextmanager
    async def lease(self, *, in_order: bool) -> AsyncGenerator[StreamLease, None]:
        """A stream of one's own; afterwards it is kept, unless something was left unread."""
        order: Order = 'requests' if in_order else 'any'
        idle = self._idle[order]
        lease = idle.pop() if idle else self._new(order)
        self._all.add(lease)
        try:
            yield lease
        finally:
            if lease in self._all and lease.stream.is_clean and len(self._idle[order]) < IDLE:
                self._idle[order].append(lease)
            else:
                self._all.discard(lease)
                await lease.stream.close()

    def _new(self, order: Order) -> StreamLease:
        return StreamLease(ReconnectingStream(partial(self._open, order), self._address), self._headers)

    async def close(self) -> None:
        """End all of them; what still waits fails."""
        leases, self._all = self._all, set()
        self._idle = {'requests': [], 'any': []}
        for lease in leases:
            await lease.stream.close()

"""Streams for answers in parts: each belongs to one caller at a time; a slow one holds up nobody else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Literal

from headrace.client import envelope
from headrace.client.address import Address
from headrace.client.line import Line
from headrace.client.messages import Request
from headrace.client.parts import Part
from headrace.client.stream import Stream

IDLE = 4
"""How many are kept for who needs one next, of each order."""

INSIDE = frozenset({'x-request-id', 'traceparent', 'tracestate'})
"""Metadata that goes into each message; all other goes with the opening of a stream."""

SHARED_BYTES = 1 << 20
"""Longer requests go alone: a stream gains them nothing, and one that is refused would end it for all."""

Order = Literal['requests', 'any']
Open = Callable[[Order, Mapping[str, str]], Awaitable[Stream]]
Headers = Callable[[Request], Awaitable[dict[str, str]]]


class Lane:
    """A stream for the requests of one caller; `headers` are what it is opened with for a request."""

    def __init__(self, line: Line, headers: Headers) -> None:
        self.line = line
        self._headers = headers

    async def parts(self, request: Request, body: bytes) -> AsyncGenerator[Part, None]:
        """The parts of the answer to an encoded request, as they come."""
        shown = await self._headers(request)
        async with aclosing(self.line.parts(request, body, shown)) as answers:
            async for reply, columns, size in answers:
                yield Part(envelope.response(request, reply, columns), size)


class Lanes:
    """Those that are in use, and a few that wait for the next use.

    On one stream the gateway keeps the order that was asked for, so nothing piles up here in the meantime.
    """

    def __init__(self, open: Open, address: Address, headers: Headers) -> None:
        self._open = open
        self._address = address
        self._headers = headers
        self._all: set[Lane] = set()
        self._idle: dict[Order, list[Lane]] = {'requests': [], 'any': []}

    @asynccontextmanager
    async def lane(self, *, in_order: bool) -> AsyncGenerator[Lane, None]:
        """A stream of one's own; afterwards it is kept, unless something was left unread."""
        order: Order = 'requests' if in_order else 'any'
        idle = self._idle[order]
        lane = idle.pop() if idle else Lane(Line(partial(self._open, order), self._address), self._headers)
        self._all.add(lane)
        try:
            yield lane
        finally:
            if lane in self._all and lane.line.is_clean and len(self._idle[order]) < IDLE:
                self._idle[order].append(lane)
            else:
                self._all.discard(lane)
                await lane.line.close()

    async def close(self) -> None:
        """End all of them; what still waits fails."""
        lanes, self._all = self._all, set()
        self._idle = {'requests': [], 'any': []}
        for lane in lanes:
            await lane.line.close()

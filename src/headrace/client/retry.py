"""Sending again what did not reach a server, with growing, random pauses."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

from headrace.client.described import is_idempotent
from headrace.client.messages import Request, Response
from headrace.client.options import Options
from headrace.client.parts import Part
from headrace.client.transport import Lease, Transport
from headrace.errors import BadServer, Overloaded, RateLimited, StartError, Unavailable
from headrace.pipeline.describe import FlowInfo

ADVICE = 'max_attempts=10 lets the client come again by itself, when the server says so'

_FULL = frozenset({Overloaded.__name__, RateLimited.__name__})
_ERRORS = frozenset({Unavailable.__name__, StartError.__name__}) | _FULL
_STATUSES = frozenset({'UNAVAILABLE', 503, 502, 429})


def is_retried(error: BadServer) -> bool:
    """Whether another attempt may succeed: nobody answered, or the server has too much to do."""
    return error.error in _ERRORS or (error.status in _STATUSES and not error.error)


def never_began(error: BadServer) -> bool:
    """Whether nothing was done for the request: it was refused for lack of room."""
    return error.error in _FULL or error.status == Overloaded.http_status


def pause_s(options: Options, attempt: int, *, at_least_s: float = 0.0) -> float:
    """Seconds to wait before `attempt` (2 is the first that is repeated): random, so that clients spread."""
    longest = min(options.initial_backoff * options.backoff_multiplier ** (attempt - 2), options.max_backoff)
    return at_least_s + random.uniform(0, longest)


async def send(transport: Transport, request: Request, body: bytes, options: Options) -> Response[Any]:
    """The answer to a request, after as many attempts as the options allow; a failure is in `error`."""
    attempts = Attempts(request, options)
    with _recorded(request) as ended:
        await attempts.prepare(transport)
        while True:
            try:
                return await transport.send(request, body)
            except BadServer as error:
                wait_s = attempts.pause_s(error)
                if wait_s is None:
                    ended(error)
                    return Response(request, error=_advised(error, options))
            await asyncio.sleep(wait_s)


async def parts(
    transport: Transport, lease: Lease, request: Request, body: bytes, options: Options
) -> AsyncGenerator[Part, None]:
    """The answer to a request in parts; a failure is in `error` of the last.

    It is sent again only as long as nothing has come.
    """
    attempts = Attempts(request, options)
    with _recorded(request) as ended:
        await attempts.prepare(transport)
        has_come = False
        while True:
            try:
                async with aclosing(lease.parts(request, body)) as coming:
                    async for part in coming:
                        has_come = True
                        yield part
                return
            except BadServer as error:
                wait_s = None if has_come else attempts.pause_s(error)
                if wait_s is None:
                    ended(error)
                    yield Part(Response(request, error=_advised(error, options)), 0)
                    return
            await asyncio.sleep(wait_s)


@contextmanager
def _recorded(request: Request) -> Iterator[Callable[[BaseException], None]]:
    """The span of a request, if it has one, until its answer is there; what it gives tells of an error."""
    failed: list[BaseException] = []
    try:
        yield failed.append
    finally:
        if request.span is not None:
            request.span.end(failed[0] if failed else None)


class Attempts:
    """Decides whether a request that failed is sent again.

    What may have begun is repeated only at endpoints that are idempotent, or of which nobody says.
    """

    def __init__(self, request: Request, options: Options) -> None:
        self._request = request
        self._options = options
        self._info: FlowInfo | None = None
        self._number = 1

    async def prepare(self, transport: Transport) -> None:
        """Ask what the gateway serves, which one that has just died does not say; transports remember it."""
        if self._options.max_attempts > 1:
            self._info = await _described(transport, self._request)

    def pause_s(self, error: BadServer) -> float | None:
        """Seconds to wait before the next attempt; None if there is none."""
        request, options = self._request, self._options
        if self._number >= options.max_attempts or not is_retried(error):
            return None
        if not never_began(error) and not is_idempotent(self._info, request.endpoint, request.target):
            return None
        self._number += 1
        if request.span is not None:
            request.span.tried(error)
        wait_s = pause_s(options, self._number, at_least_s=error.retry_after_s)
        if request.deadline is not None and time.monotonic() + wait_s >= request.deadline:
            return None
        return wait_s


def _advised(error: BadServer, options: Options) -> BadServer:
    """An error of a server that has too much to do says how a client comes again by itself."""
    if never_began(error) and options.max_attempts == 1:
        error.help = f'{error.help}; {ADVICE}' if error.help else ADVICE
    return error


async def _described(transport: Transport, request: Request) -> FlowInfo | None:
    try:
        async with asyncio.timeout(request.left_s()):
            return await transport.describe()
    except TimeoutError:
        return None

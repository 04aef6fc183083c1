"""Sending again what did not reach a server, with growing, random pauses."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from headrace.client.described import is_idempotent
from headrace.client.messages import Request, Response
from headrace.client.options import Options
from headrace.client.transport import Transport
from headrace.errors import BadServer, Overloaded, StartError, Unavailable
from headrace.pipeline.describe import FlowInfo

ADVICE = 'max_attempts=10 lets the client come again by itself, when the server says so'

_ERRORS = frozenset({Unavailable.__name__, Overloaded.__name__, StartError.__name__})
_STATUSES = frozenset({'UNAVAILABLE', 503, 502, 429})


def is_retried(error: BadServer) -> bool:
    """Whether another attempt may succeed: nobody answered, or the server has too much to do."""
    return error.error in _ERRORS or (error.status in _STATUSES and not error.error)


def never_began(error: BadServer) -> bool:
    """Whether nothing was done for the request: it was refused for lack of room."""
    return error.error == Overloaded.__name__ or error.status == Overloaded.http_status


def pause_s(options: Options, attempt: int, *, at_least_s: float = 0.0) -> float:
    """Seconds to wait before `attempt` (2 is the first that is repeated): random, so that clients spread."""
    longest = min(options.initial_backoff * options.backoff_multiplier ** (attempt - 2), options.max_backoff)
    return at_least_s + random.uniform(0, longest)


async def send(transport: Transport, request: Request, body: bytes, options: Options) -> Response[Any]:
    """The answer to a request, after as many attempts as the options allow; a failure is in `error`.

    What may have begun is repeated only at endpoints that are idempotent, or of which nobody says.
    """
    # Asked before, as a gateway that has just died says nothing; the transport remembers the answer.
    info = await _described(transport, request) if options.max_attempts > 1 else None
    attempt = 1
    while True:
        try:
            return await transport.send(request, body)
        except BadServer as error:
            if attempt >= options.max_attempts or not is_retried(error):
                return Response(request, error=_advised(error, options))
            if not never_began(error) and not is_idempotent(info, request.endpoint, request.target):
                return Response(request, error=error)
            attempt += 1
            wait_s = pause_s(options, attempt, at_least_s=error.retry_after_s)
            if request.deadline is not None and time.monotonic() + wait_s >= request.deadline:
                return Response(request, error=error)
        await asyncio.sleep(wait_s)


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

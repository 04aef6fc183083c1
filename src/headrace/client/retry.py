"""Sending again what did not reach a server, with growing, random pauses."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from headrace.client.messages import Request, Response
from headrace.client.options import Options
from headrace.client.transport import Transport
from headrace.errors import BadServer, Overloaded, StartError, Unavailable

_ERRORS = frozenset({Unavailable.__name__, Overloaded.__name__, StartError.__name__})
_STATUSES = frozenset({'UNAVAILABLE', 503, 502, 429})


def is_retried(error: BadServer) -> bool:
    """Whether another attempt may succeed: nobody answered, or the server has too much to do."""
    return error.error in _ERRORS or (error.status in _STATUSES and not error.error)


def pause_s(options: Options, attempt: int, *, at_least_s: float = 0.0) -> float:
    """Seconds to wait before `attempt` (2 is the first that is repeated): random, so that clients spread."""
    longest = min(options.initial_backoff * options.backoff_multiplier ** (attempt - 2), options.max_backoff)
    return at_least_s + random.uniform(0, longest)


async def send(transport: Transport, request: Request, body: bytes, options: Options) -> Response[Any]:
    """The answer to a request, after as many attempts as the options allow; a failure is in `error`."""
    attempt = 1
    while True:
        try:
            return await transport.send(request, body)
        except BadServer as error:
            if attempt >= options.max_attempts or not is_retried(error):
                return Response(request, error=error)
            attempt += 1
            wait_s = pause_s(options, attempt, at_least_s=getattr(error, 'retry_after_s', 0.0))
            if request.deadline is not None and time.monotonic() + wait_s >= request.deadline:
                return Response(request, error=error)
        await asyncio.sleep(wait_s)

"""A call in, its one message out: methods read it themselves, once they want it.

What grpc.aio reads for a method is read before anybody can refuse it, and a call without a message is never
answered.
"""

from __future__ import annotations

import asyncio

from headrace.errors import DeadlineExceeded, RequestError
from headrace.gateway.grpc.caller import Rpc
from headrace.gateway.grpc.withheld import is_withheld
from headrace.gateway.refusals import INCOMPLETE, request_too_large

REFUSED_WITHIN_S = 1.0
"""How long what was read is waited for once gRPC has ended a call; it knows by then what became of it."""


async def one_message(rpc: Rpc, left_s: float | None, most_bytes: int) -> bytes:
    """The message of a call, complete within so many seconds; RequestError if the client sends none.

    TooLarge for one that is larger than gRPC lets in, which is more than `most_bytes`.
    """
    # A task of its own: gRPC, when it refuses a message, may cancel the method before the reading tells why.
    reading = asyncio.ensure_future(_read(rpc))
    try:
        async with asyncio.timeout(left_s):
            data, is_refused = await asyncio.shield(reading)
    except TimeoutError:
        raise DeadlineExceeded(INCOMPLETE) from None
    except asyncio.CancelledError:
        await asyncio.wait({reading}, timeout=REFUSED_WITHIN_S)
        if reading.done() and not reading.cancelled() and not reading.exception() and reading.result()[1]:
            raise request_too_large(most_bytes) from None
        raise
    finally:
        reading.cancel()
    if not isinstance(data, bytes):
        if is_refused:
            raise request_too_large(most_bytes)
        raise RequestError('the call has no request', help='send one message, which may be empty')
    return data


async def _read(rpc: Rpc) -> tuple[object, bool]:
    """What was read, and whether gRPC has kept a message back."""
    data = await rpc.read()
    return data, is_withheld()

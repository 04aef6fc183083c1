"""A call in, its one message out: methods read it themselves, once they want it.

What grpc.aio reads for a method is read before anybody can refuse it, and a call without a message is never
answered.
"""

from __future__ import annotations

import asyncio

from headrace.errors import DeadlineExceeded, RequestError
from headrace.gateway.grpc.caller import Rpc


async def one_message(rpc: Rpc, left_s: float | None) -> bytes:
    """The message of a call, complete within so many seconds; RequestError if the client sends none."""
    try:
        async with asyncio.timeout(left_s):
            data = await rpc.read()
    except TimeoutError:
        raise DeadlineExceeded('the request was not complete in time') from None
    if not isinstance(data, bytes):
        raise RequestError('the call has no request', help='send one message, which may be empty')
    return data

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


async def one_message(rpc: Rpc, left_s: float | None, most_bytes: int) -> bytes:
    """The message of a call, complete within so many seconds; RequestError if the client sends none.

    TooLarge for one that is larger than gRPC lets in, which is more than `most_bytes`.
    """
    try:
        async with asyncio.timeout(left_s):
            data = await rpc.read()
    except TimeoutError:
        raise DeadlineExceeded(INCOMPLETE) from None
    if not isinstance(data, bytes):
        if is_withheld():
            raise request_too_large(most_bytes)
        raise RequestError('the call has no request', help='send one message, which may be empty')
    return data

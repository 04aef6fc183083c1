"""What a gateway hears from the workers that it finds, before it opens its doors."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

from waiting import until

from headrace.gateway.discovery import described
from headrace.gateway.discovery.described import Described
from headrace.gateway.discovery.following import Following
from headrace.gateway.discovery.listed import Fixed
from headrace.gateway.orders import Target
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.wire.server import Server


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


async def test_those_that_are_silent_hold_up_nobody() -> None:
    """Addresses of machines that are gone accept nothing, and refuse nothing."""
    server = Server(echo, ExecutorInfo(name='a', endpoints=()), target='a')
    await server.listen('tcp:127.0.0.1:0')
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(('127.0.0.1', 0))) for _ in range(40)]
        addresses = [f'tcp:127.0.0.1:{each.getsockname()[1]}' for each in silent]
        following = Following({Target('a'): Fixed((*addresses, server.address))})
        try:
            await until(lambda: bool(following.found))
            flow = FlowSpec(executors=(ExecutorSpec(name='a'),))
            async with asyncio.timeout(2 * described.ANSWER_S):  # one after the other would take 40 of them
                info = await Described(flow, following, None, lambda reason: None).flow()
            assert [each.name for each in info.executors] == ['a']
        finally:
            await following.close()
            await server.close()

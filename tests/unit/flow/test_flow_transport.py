"""A Flow in this process as a transport: what its callers leave ends, at whichever moment they leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing

from waiting import turns, until, wait_until

from headrace import DocList, Document
from headrace.client.loop import LoopThread
from headrace.client.messages import Request
from headrace.flow.transport import HandlerTransport
from headrace.pipeline import Batch, Context


class Waiting:
    """A handler whose answer in parts never gets to its first."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        return batch

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        self.begun.set()
        try:
            await asyncio.Event().wait()
            yield batch
        finally:
            self.ended.set()


async def test_who_leaves_before_it_hears_that_the_work_has_begun_ends_it() -> None:
    waiting, home = Waiting(), LoopThread('handlers of a test')
    try:
        transport = HandlerTransport(waiting, home.run(_here()))
        request = Request(endpoint='/', size=1, in_parts=True)
        body = transport.encode(request, DocList[Document]([Document('a')]))
        async with aclosing(transport.parts(request, body)) as parts:
            first = asyncio.ensure_future(anext(parts))
            await turns(1)
            wait_until(waiting.begun.is_set)  # this loop hears of nothing meanwhile
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        await until(waiting.ended.is_set)
    finally:
        home.close()


async def _here() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()

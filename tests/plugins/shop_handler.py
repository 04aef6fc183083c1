"""A shop as the handler behind a gateway: it gives back what it gets, waits, and fails in several ways."""

from __future__ import annotations

import asyncio
from typing import Any

from headrace.documents import BaseDoc, schema_of
from headrace.errors import ExecutorFailure, Overloaded, Unavailable
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo


class Shop:
    """A method per endpoint; `seen` is what was asked, and `most_at_once` how much of it at a time."""

    def __init__(self) -> None:
        self.seen: list[Context] = []
        self.batches: list[Batch] = []
        self.started = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.at_once = self.most_at_once = 0

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self.seen.append(context)
        self.batches.append(batch)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        name = context.endpoint.strip('/').replace('-', '_') or 'echo'
        try:
            answer: Batch = await getattr(self, name, self.echo)(batch, context)
            return answer
        finally:
            self.at_once -= 1

    async def echo(self, batch: Batch, context: Context) -> Batch:
        return batch

    async def wait(self, batch: Batch, context: Context) -> Batch:
        context.on_cancel(self.cancelled.set)
        self.started.set()
        await self.release.wait()
        return batch

    async def fail(self, batch: Batch, context: Context) -> Batch:
        raise ExecutorFailure(
            "executor 'shop' failed: no '/srv/models/net.onnx'",
            executor='shop',
            endpoint='/fail',
            traceback='File "/srv/app/shop.py", line 3, in fail',
        )

    async def crash(self, batch: Batch, context: Context) -> Batch:
        raise KeyError('/srv/secret')

    async def full(self, batch: Batch, context: Context) -> Batch:
        raise Overloaded('the queue of shop is full', retry_after_s=7)

    async def away(self, batch: Batch, context: Context) -> Batch:
        raise Unavailable("executor 'shop' does not answer")


def endpoint(
    name: str, takes: type[BaseDoc], gives: type[BaseDoc] | None = None, *, kind: str = 'docs', **more: Any
) -> EndpointInfo:
    """What an endpoint of a shop says of itself."""
    return EndpointInfo(name, kind, schema_of(takes), schema_of(gives or takes), **more)

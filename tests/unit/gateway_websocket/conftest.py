"""A real gateway on a free port with a small shop behind it, and sockets of the library `websockets`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest
import shop_handler
import uvloop
from shop_handler import endpoint
from websockets.asyncio.client import ClientConnection, connect

from headrace.documents import BaseDoc, DocList, Document
from headrace.errors import ExecutorFailure
from headrace.gateway import serve
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.spec import GatewaySpec


class Item(BaseDoc):
    """Something that a shop sells."""

    title: str
    price: float = 0.0


class Shop(shop_handler.Shop):
    """A shop with streams; `made` counts parts, `left` says that a generator ended."""

    def __init__(self) -> None:
        super().__init__()
        self.left = asyncio.Event()
        self.made = 0

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        self.seen.append(context)
        if context.endpoint not in ('/words', '/endless', '/breaks'):
            yield await self(batch, context)
            return
        try:
            async for title in getattr(self, context.endpoint[1:])(batch):
                self.made += 1
                yield Batch(DocList[Item]([Item(id=str(self.made), title=title)]), batch.parameters)
        finally:
            self.left.set()

    async def words(self, batch: Batch) -> AsyncIterator[str]:
        for word in batch.docs_as(Item)[0].title.split():
            yield word

    async def endless(self, batch: Batch) -> AsyncIterator[str]:
        while True:
            self.started.set()
            yield 'x' * int(batch.parameters.get('size', 1))
            await asyncio.sleep(0)

    async def breaks(self, batch: Batch) -> AsyncIterator[str]:
        yield 'one'
        raise ExecutorFailure("executor 'shop' failed: oh", executor='shop', endpoint='/breaks')

    async def index(self, batch: Batch, context: Context) -> Batch:
        docs = batch.docs_as(Item)
        for doc in docs:
            doc.title = doc.title.title()
        return batch


ENDPOINTS = (
    *(endpoint(f'/{name}', Item) for name in ('index', 'words', 'endless', 'breaks')),
    *(endpoint(f'/{name}', Document) for name in ('wait', 'crash', 'full', 'echo')),
)

Open = Callable[..., Awaitable[SimpleNamespace]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that gateways run on."""
    return {'uvloop': uvloop.new_event_loop}


class Socket:
    """A connection of the library `websockets`, with JSON in and out."""

    def __init__(self, raw: ClientConnection) -> None:
        self.raw = raw

    async def say(self, **message: Any) -> None:
        await self.raw.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self.raw.recv(), 30))

    async def ask(self, **message: Any) -> dict[str, Any]:
        await self.say(**message)
        return await self.hear()

    async def closed(self) -> tuple[int | None, str | None]:
        """The code and the reason with which the gateway has ended the connection."""
        await asyncio.wait_for(self.raw.wait_closed(), 30)
        return self.raw.close_code, self.raw.close_reason


@pytest.fixture
async def open_gateway() -> AsyncIterator[Open]:
    """Open a gateway; gives `dial` (opens a Socket), `port`, `shop` (what is behind it), `server`."""
    async with AsyncExitStack() as stack:

        async def opened(
            ready: Any = None, protocols: Any = ('http', 'websocket'), **spec: Any
        ) -> SimpleNamespace:
            behind = Shop()
            info = FlowInfo('bazaar', (ExecutorInfo('shop', ENDPOINTS),), ENDPOINTS)
            server = await serve(behind, info, GatewaySpec(protocols=protocols, **spec), ready=ready)
            stack.push_async_callback(server.stop, 0)
            port = next(iter(server.ports.values()))

            async def dial(path: str = '/', language: str = 'headrace.json.v1', **options: Any) -> Socket:
                names = [language] if language else None
                url = f'ws://127.0.0.1:{port}{path}'
                options = {
                    'subprotocols': names,
                    'proxy': None,
                    'open_timeout': 30,
                    'close_timeout': 1,
                } | options
                raw = await stack.enter_async_context(connect(url, **options))
                return Socket(raw)

            return SimpleNamespace(dial=dial, port=port, shop=behind, server=server)

        yield opened


@pytest.fixture
async def gateway(open_gateway: Open) -> SimpleNamespace:
    """A gateway with everything at its default."""
    return await open_gateway()

"""A real gateway on a free port, in front of a real graph of small handlers in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import shop_handler
import uvloop
from shop_handler import endpoint

from headrace.documents import BaseDoc, Document, NdArray
from headrace.executors import serve as serve_executor
from headrace.gateway import serve
from headrace.pipeline import Batch, Context, Graph, Node
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.pipeline.offer import offer
from headrace.spec import ExecutorSpec, GatewaySpec
from headrace.worker.loading import blueprint_of


class Item(BaseDoc):
    """Something that a shop sells."""

    title: str
    price: float = 0.0
    vector: NdArray[3] | None = None


class Match(BaseDoc):
    """Something that was found."""

    title: str
    score: float


class Shop(shop_handler.Shop):
    """A shop that takes items."""

    async def index(self, batch: Batch, context: Context) -> Batch:
        docs = batch.docs_as(Item)
        for doc in docs:
            doc.title = doc.title.upper()
        batch.parameters['__results__'] = {'shop': {'indexed': len(docs)}}
        return batch


ENDPOINTS = (
    endpoint('/index', Item, doc='Put items into the index.\n\nThose with a known id are replaced.'),
    endpoint('/search', Item, parameters={'type': 'object', 'properties': {'limit': {'type': 'integer'}}}),
    endpoint('/update', Document),
    endpoint('/delete', Document),
    *(endpoint(f'/{name}', Document) for name in ('wait', 'fail', 'crash', 'full', 'away', 'echo')),
)

Open = Callable[..., Awaitable[SimpleNamespace]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that gateways run on."""
    return {'uvloop': uvloop.new_event_loop}


@pytest.fixture
async def open_gateway() -> AsyncIterator[Open]:
    """Open a gateway; gives `client`, `port`, `shop` (what is behind it), `server`."""
    async with AsyncExitStack() as stack:

        async def opened(endpoints=ENDPOINTS, ready=None, **spec: Any) -> SimpleNamespace:
            behind = Shop()
            executor = ExecutorInfo('shop', tuple(endpoints))
            info = FlowInfo('bazaar', (executor,), tuple(endpoints))
            graph = Graph([Node('shop', behind, info=executor)])
            server = await serve(graph, info, GatewaySpec(protocols=('http',), **spec), ready=ready)
            stack.push_async_callback(server.stop, 0)
            port = server.ports['http']
            client = httpx.AsyncClient(base_url=f'http://127.0.0.1:{port}', timeout=60, trust_env=False)
            await stack.enter_async_context(client)
            return SimpleNamespace(client=client, port=port, shop=behind, server=server)

        yield opened


@pytest.fixture
async def open_flow() -> AsyncIterator[Open]:
    """Open a gateway in front of real executors in this process; gives `client`, `port`, `executor`."""
    async with AsyncExitStack() as stack:

        async def opened(*uses: type, **spec: Any) -> SimpleNamespace:
            nodes, before, executors = [], 'gateway', []
            for cls in uses:
                name = cls.__name__.lower()
                blueprint = blueprint_of(ExecutorSpec(name=name, uses=cls), workspace='', base='')
                executors.append(blueprint.build())
                nodes.append(Node(name, serve_executor(executors[-1]), (before,), blueprint.describe()))
                before = name
            spec = {'protocols': ('http',), **spec}
            server = await serve(Graph(nodes), offer('flow', nodes), GatewaySpec(**spec))
            stack.push_async_callback(server.stop, 0)
            port = server.ports['http']
            client = httpx.AsyncClient(base_url=f'http://127.0.0.1:{port}', timeout=60, trust_env=False)
            await stack.enter_async_context(client)
            return SimpleNamespace(client=client, port=port, executor=executors[0], server=server)

        yield opened


@pytest.fixture
async def gateway(open_gateway: Open) -> SimpleNamespace:
    """A gateway with everything at its default."""
    return await open_gateway()

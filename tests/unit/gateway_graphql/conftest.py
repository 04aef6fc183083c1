"""A real gateway on a free port with GraphQL, in front of a handler in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvloop
from graphql_shop import ENDPOINTS, Shop, flow_info

from headrace.gateway import serve
from headrace.spec import GatewaySpec
from headrace.spec.graphql import GraphqlSpec
from headrace.spec.limits import LimitsSpec

Open = Callable[..., Awaitable[SimpleNamespace]]


class Client:
    """Somebody who sends GraphQL over HTTP."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, query: str, *, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        body = {'query': query, 'variables': variables}
        return await self.http.post('/graphql', json=body, headers=headers or {})

    async def data(self, query: str, **variables: Any) -> Any:
        """What a request that has to succeed gives."""
        response = await self.post(query, **variables)
        told = response.json()
        assert response.status_code == 200, told
        assert 'errors' not in told, told
        return told['data']

    async def error(self, query: str, **variables: Any) -> Any:
        """The extensions of the one error of a request that has to fail."""
        (error,) = (await self.post(query, **variables)).json()['errors']
        assert error['message'] == error['extensions']['detail']
        return error['extensions']


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that gateways run on."""
    return {'uvloop': uvloop.new_event_loop}


@pytest.fixture
async def open_gateway() -> AsyncIterator[Open]:
    """Open a gateway; gives `client`, `port`, `shop` (what is behind it), `server`."""
    async with AsyncExitStack() as stack:

        async def opened(
            endpoints: Any = ENDPOINTS, handler: Any = None, graphql: Any = None, **spec: Any
        ) -> SimpleNamespace:
            shop = handler or Shop()
            if 'limits' in spec:
                spec['limits'] = LimitsSpec(**spec['limits'])
            wanted = GatewaySpec(
                protocols=('http', 'graphql'), graphql=GraphqlSpec(**(graphql or {})), **spec
            )
            server = await serve(shop, flow_info(endpoints), wanted)
            stack.push_async_callback(server.stop, 0)
            port = server.ports['graphql']
            http = httpx.AsyncClient(base_url=f'http://127.0.0.1:{port}', timeout=60, trust_env=False)
            await stack.enter_async_context(http)
            return SimpleNamespace(client=Client(http), http=http, port=port, shop=shop, server=server)

        yield opened


@pytest.fixture
async def gateway(open_gateway: Open) -> SimpleNamespace:
    """A gateway with everything at its default."""
    return await open_gateway()

"""WebSockets over TLS: the certificate of a client says who it is, and a withdrawn one is not let in."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from waiting import until
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from headrace.gateway import serve
from headrace.gateway.security.authority import Authority
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec
from headrace.spec.security import SecuritySpec, TlsSpec


class Shop:
    """Notes who calls."""

    def __init__(self) -> None:
        self.clients: list[str] = []

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self.clients.append(context.client)
        return batch


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / 'ca')
    made.issue('server', 'server', hosts=['localhost'])
    for name in ('alice', 'bob'):
        made.issue(name, 'client')
    return made


@pytest.fixture
async def shop(authority: Authority) -> AsyncIterator[Any]:
    """A gateway that wants client certificates; gives its port and what is behind it."""
    tls = TlsSpec(
        certificate=str(authority.certificate_file('server')),
        key=str(authority.key_file('server')),
        authority=str(authority.certificate_file('ca')),
        client='required',
        revoked=str(authority.revoked_file),
    )
    spec = GatewaySpec(protocols=('http', 'websocket'), security=SecuritySpec(tls=tls))
    behind = Shop()
    server = await serve(behind, FlowInfo('shop', (), ()), spec)
    yield server.ports['websocket'], behind
    await server.stop(1)


def dial(port: int, authority: Authority, name: str = '') -> Any:
    context = ssl.create_default_context(cafile=str(authority.certificate_file('ca')))
    if name:
        context.load_cert_chain(authority.certificate_file(name), authority.key_file(name))
    url = f'wss://localhost:{port}/'
    return connect(url, ssl=context, subprotocols=['headrace.json.v1'], proxy=None, open_timeout=30)


async def test_a_certificate_says_who_calls(shop: Any, authority: Authority) -> None:
    port, behind = shop
    async with dial(port, authority, 'alice') as socket:
        await socket.send(json.dumps({'id': 'a', 'endpoint': '/', 'data': [{'text': 'x' * 300_000}]}))
        reply = json.loads(await asyncio.wait_for(socket.recv(), 30))
    assert len(reply['data'][0]['text']) == 300_000
    assert 'alice' in behind.clients[0]


async def test_no_certificate_or_a_withdrawn_one(shop: Any, authority: Authority) -> None:
    port, _ = shop
    authority.revoke('bob')
    for name in ('', 'bob'):
        with pytest.raises(InvalidStatus) as caught:
            async with dial(port, authority, name):
                pass
        assert caught.value.response.status_code == 401


async def test_a_certificate_that_is_withdrawn_meanwhile(shop: Any, authority: Authority) -> None:
    port, _ = shop
    async with dial(port, authority, 'bob') as socket:
        await socket.send('{"id": 1, "endpoint": "/"}')
        assert json.loads(await asyncio.wait_for(socket.recv(), 30))['type'] == 'reply'
        authority.revoke('bob')

        async def refused() -> Any:
            await socket.send('{"id": 2, "endpoint": "/"}')
            told = json.loads(await asyncio.wait_for(socket.recv(), 30))
            return told['type'] == 'error' and told

        told = await until(refused)  # the list is read again once in a while
        assert told['error']['status'] == 401
        await asyncio.wait_for(socket.wait_closed(), 30)
        assert socket.close_code == 4401

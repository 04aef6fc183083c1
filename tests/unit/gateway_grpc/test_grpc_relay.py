"""What a gRPC server has said reaches the client, however the connections behind the relay end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from headrace.documents import Document, schema_of
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc.peers import Peers
from headrace.gateway.grpc.relay import Relay
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo, FlowInfo
from headrace.spec import GatewaySpec

ENDPOINT = EndpointInfo('/', 'docs', schema_of(Document), schema_of(Document))
INFO = FlowInfo('relay', (ExecutorInfo('all', (ENDPOINT,)),), (ENDPOINT,))
LAST = b'the last words'


async def echo(batch: Batch, ctx: Context) -> Batch:
    return batch


class Behind:
    """A client's socket, and the server's end of its connection."""

    def __init__(self, relay: Relay, client: socket.socket, server: socket.socket) -> None:
        self.relay = relay
        self.client = client
        self.server = server

    async def received(self) -> bytes:
        """Everything that the client gets until the end; ConnectionResetError if that was no good end."""
        loop = asyncio.get_running_loop()
        got = b''
        async with asyncio.timeout(30):
            while data := await loop.sock_recv(self.client, 1 << 16):
                got += data
        return got


@pytest.fixture
async def behind() -> AsyncIterator[Behind]:
    loop = asyncio.get_running_loop()
    peers = Peers()
    relay = Relay(Entrance.into(echo, INFO, GatewaySpec()), peers)
    with closing(socket.socket(socket.AF_UNIX)) as listening, closing(socket.socket()) as client:
        listening.bind(relay.address.removeprefix('unix:'))
        listening.listen()
        for each in (listening, client):
            each.setblocking(False)
        await relay.listen(0, shared=False)
        await loop.sock_connect(client, ('127.0.0.1', relay.port))
        server, _ = await loop.sock_accept(listening)
        with closing(server):
            server.setblocking(False)
            await loop.sock_sendall(client, b'hello')
            assert await loop.sock_recv(server, 5) == b'hello'
            yield Behind(relay, client, server)
        client.close()
        await relay.close()


async def test_what_a_server_says_before_it_closes_arrives_although_the_client_speaks(behind: Behind) -> None:
    """The relay cannot hand on what the client says: which it may notice before it has read all."""
    behind.client.send(b'ping')  # both without a turn of the loop between
    behind.server.send(LAST)
    behind.server.close()
    assert await behind.received() == LAST


async def test_what_a_client_says_after_the_end_is_no_reason_to_reset_it(behind: Behind) -> None:
    behind.server.send(LAST)
    behind.server.close()
    assert await behind.received() == LAST
    behind.client.send(b'ping')  # a socket that had been closed would answer with a reset, at once
    behind.client.send(b'pong')

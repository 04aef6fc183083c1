"""Between clients and the gRPC server: all bytes, as fast as they are taken; with TLS and without."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc import relay as relay_module
from headrace.gateway.grpc.peers import NOBODY, REMEMBERED, Peer, Peers
from headrace.gateway.grpc.relay import Relay
from headrace.gateway.grpc.server import start
from headrace.gateway.measuring import Measuring
from headrace.gateway.security.authority import Authority
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.store import Store
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.spec import GatewaySpec
from headrace.spec.limits import LimitsSpec
from headrace.spec.security import SecuritySpec, TlsSpec

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNK = bytes(range(256)) * 256
STUCK_S = 0.5
"""What has not gone on for so long waits."""
MOST_AHEAD = 12 * 1024 * 1024
"""What may be on its way at the most: buffers of ours, of TLS, and of the system on both sides."""


@pytest.fixture(scope='module')
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp('ca'))
    made.issue('server', 'server', hosts=['localhost'])
    made.issue('alice', 'client')
    return made


@pytest.fixture(params=['plain', 'none', 'optional'])
def asked(request: pytest.FixtureRequest) -> str:
    """What of TLS there is: what clients are asked for, or 'plain'."""
    return str(request.param)


@pytest.fixture
def entrance(authority: Authority, tmp_path: Path, asked: str) -> Callable[..., Entrance]:
    """The entrance of a gateway with limits."""

    def made(**limits: Any) -> Entrance:
        tls = TlsSpec(
            certificate=str(authority.certificate_file('server')),
            key=str(authority.key_file('server')),
            authority=str(authority.certificate_file('ca')) if asked == 'optional' else '',
            client=asked if asked == 'optional' else 'none',
        )
        if asked == 'plain':
            tls = None
        security = SecuritySpec(tls=tls, audit=str(tmp_path / 'audit.log'), anonymous=('*',))
        spec = GatewaySpec(protocols=('grpc',), security=security, limits=LimitsSpec(**limits))
        folder = tmp_path / 'f'
        folder.mkdir()
        return Entrance.into(echo, FlowInfo('shop', (), ()), spec, directory=str(folder))

    return made


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


@pytest.fixture
async def relayed(entrance: Any) -> AsyncIterator[Any]:
    """A relay in front of a server that does with a connection what a test wants."""
    async with asyncio.timeout(60):
        opened: list[Any] = []

        async def opening(serve: Serve, **limits: Any) -> SimpleNamespace:
            peers, way_in = Peers(), entrance(**limits)
            relay = Relay(way_in, peers, way_in.directory)
            server = await asyncio.start_unix_server(serve, relay.address.removeprefix('unix:'))
            await relay.listen(0, shared=False)
            opened.append((relay, server, way_in))
            return SimpleNamespace(relay=relay, peers=peers, port=relay.port, entrance=way_in)

        yield opening
        for relay, server, way_in in opened:
            server.close()
            await relay.close()
            way_in.close()
            assert not os.listdir(way_in.directory)


@pytest.fixture
def dial(authority: Authority, asked: str) -> Callable[..., Any]:
    """Connects to a port, with the certificate of that name where somebody asks for one."""
    return partial(_dial, authority if asked != 'plain' else None)


async def _dial(authority: Authority | None, port: int, name: str = '') -> Any:
    if authority is None:
        return await asyncio.open_connection('localhost', port)
    context = ssl.create_default_context(cafile=str(authority.certificate_file('ca')))
    context.set_alpn_protocols(['h2'])
    if name:
        context.load_cert_chain(authority.certificate_file(name), authority.key_file(name))
    return await asyncio.open_connection('localhost', port, ssl=context)


async def written_until_stuck(writer: asyncio.StreamWriter) -> int:
    """Write until nobody takes it any more; how many bytes that were."""
    count = 0
    try:
        while count < 10 * MOST_AHEAD:
            writer.write(CHUNK)
            count += len(CHUNK)
            async with asyncio.timeout(STUCK_S):
                await writer.drain()
    except TimeoutError:
        pass
    return count


async def give_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100_000):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_all_bytes_arrive_in_both_directions(relayed, dial, asked):
    it = await relayed(give_back)
    reader, writer = await dial(it.port, 'alice')
    if asked != 'plain':
        assert writer.get_extra_info('ssl_object').selected_alpn_protocol() == 'h2'

    async def write() -> None:
        for _ in range(60):
            writer.write(CHUNK)
            await writer.drain()

    writing = asyncio.create_task(write())
    assert await reader.readexactly(60 * len(CHUNK)) == CHUNK * 60
    await writing
    writer.close()


async def test_a_client_that_does_not_read_holds_up_the_server(relayed, dial):
    count: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count.set_result(await written_until_stuck(writer))
        writer.close()

    it = await relayed(talk)
    reader, writer = await dial(it.port)
    assert await count < MOST_AHEAD
    received = 0
    while data := await reader.read(1_000_000):  # when it reads again, it has all
        received += len(data)
    assert received == count.result()
    writer.close()


async def test_a_server_that_does_not_read_holds_up_the_client(relayed, dial):
    may_read, received = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_read.wait()
        received.set_result(len(await reader.read()))
        writer.close()

    it = await relayed(wait)
    _, writer = await dial(it.port)
    count = await written_until_stuck(writer)
    assert count < MOST_AHEAD
    may_read.set()
    writer.close()  # what was written before is sent, and so is the end
    assert await received == count


async def test_who_is_behind_a_connection_is_known_by_its_name(relayed, authority, dial, asked):
    names: asyncio.Queue[str] = asyncio.Queue()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        names.put_nowait(f'unix:{writer.get_extra_info("peername")}')
        await give_back(reader, writer)

    it = await relayed(note)
    found = []
    for shown in ('alice', ''):
        _, writer = await dial(it.port, shown)
        found.append(name := await names.get())
        certificate = b''
        if shown and asked == 'optional':
            pem = authority.certificate_file(shown).read_text()
            certificate = ssl.PEM_cert_to_DER_cert(pem)
        assert it.peers.of(name) == Peer('127.0.0.1', certificate)
        writer.close()
    assert found[0] != found[1]
    assert it.peers.of('unix:') == it.peers.of(f'{found[0]}1') == NOBODY


def test_connections_that_are_gone_are_forgotten_after_a_while():
    peers = Peers()
    for number in range(REMEMBERED + 1):
        peers.came(f'/{number}', Peer('10.0.0.7'))
        peers.left(f'/{number}')
    assert peers.of('unix:/0') == NOBODY
    assert peers.of('unix:/1') == Peer('10.0.0.7')


@pytest.mark.parametrize('limit', ['connections', 'connections_per_host'])
async def test_a_connection_too_many_is_closed_with_a_line(relayed, tmp_path, limit, dial):
    it = await relayed(give_back, **{limit: 1})
    first = await dial(it.port)
    first[1].write(b'here')
    assert await first[0].readexactly(4) == b'here'
    second = await dial(it.port)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await second[0].readexactly(1)
    (line,) = [json.loads(each) for each in (tmp_path / 'audit.log').read_text().splitlines()]
    assert (line['status'], line['protocol'], line['host']) == (429, 'grpc', '127.0.0.1')
    first[1].close()
    await first[0].read()
    third = await dial(it.port)
    third[1].write(b'here')
    assert await third[0].readexactly(4) == b'here'
    for _, writer in (second, third):
        writer.close()


async def test_without_a_server_behind_it_a_connection_ends(entrance, dial):
    way_in = entrance()
    relay = Relay(way_in, Peers(), way_in.directory)
    await relay.listen(0, shared=False)
    reader, writer = await dial(relay.port)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(1)
    writer.close()
    await relay.close()
    way_in.close()


async def test_a_connection_that_finds_no_room_for_an_open_file_ends(entrance, monkeypatch, dial):
    way_in = entrance()
    relay = Relay(way_in, Peers(), way_in.directory)
    await relay.listen(0, shared=False)

    def full(kind: int) -> None:
        raise OSError(errno.EMFILE, 'too many open files')

    monkeypatch.setattr(relay_module, 'socket', SimpleNamespace(socket=full, AF_UNIX=socket.AF_UNIX))
    reader, writer = await dial(relay.port)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await asyncio.wait_for(reader.readexactly(1), 10)
    writer.close()
    await relay.close()
    way_in.close()


async def test_nobody_else_reaches_the_server_and_its_folder_goes_with_it(entrance, authority, asked):
    way_in = entrance()
    server = await start(way_in, 0)
    folder = os.path.join(way_in.directory, *os.listdir(way_in.directory))
    assert os.stat(folder).st_mode & 0o077 == 0
    trusted = grpc.ssl_channel_credentials(authority.certificate_file('ca').read_bytes())
    target = f'localhost:{server.port}'
    is_plain = asked == 'plain'
    opened = grpc.aio.insecure_channel(target) if is_plain else grpc.aio.secure_channel(target, trusted)
    async with opened as channel:
        reply = await channel.unary_unary('/headrace.v1.Headrace/Call')(
            pb.Request(json=b'[{"text": "hat"}]').SerializeToString(), timeout=30
        )
        assert b'hat' in reply
        assert os.listdir(folder) == ['s']  # names of connections are no files
        store = Store()
        for look in way_in.observer.looks:
            look(Measuring(store))
        assert store.gauge(catalogue.CONNECTIONS).labels('grpc').value == 1
        await server.stop(1)
    way_in.close()
    assert not os.listdir(way_in.directory)

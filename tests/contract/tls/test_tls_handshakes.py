"""Who begins handshakes and never ends them holds up nobody else."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import ssl
from collections.abc import AsyncIterator
from typing import cast

import pytest

from headrace.gateway.security.authority import Authority
from headrace.gateway.security.doorway import WITHOUT_TLS
from headrace.wire import handshake
from headrace.wire.handshake import TlsListener
from headrace.wire.tls import CertificateFiles, server_contexts

HERE, ELSEWHERE = '127.0.0.1', '127.0.0.2'


class Greeter(asyncio.Protocol):
    def __init__(self, open_ones: set[asyncio.Future[None]]) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open_ones = open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._open_ones.add(self.lost)  # those whose handshake fails are never told of an end
        transport = cast(asyncio.Transport, transport)
        transport.write(b'hello')
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(None)


@pytest.fixture
def trust(tmp_path) -> ssl.SSLContext:
    authority = Authority(tmp_path / 'ca')
    authority.issue('server', 'server', hosts=[HERE])
    return ssl.create_default_context(cafile=str(authority.certificate_file('ca')))


@pytest.fixture
async def port(trust, tmp_path, monkeypatch) -> AsyncIterator[int]:
    """A listener that makes four handshakes at once, two of them with one host, and lets three wait."""
    for name, value in (('MAX_HANDSHAKES', 4), ('MAX_PER_HOST', 2), ('MAX_WAITING', 3)):
        monkeypatch.setattr(handshake, name, value)
    authority = Authority(tmp_path / 'ca')
    files = CertificateFiles(str(authority.certificate_file('server')), str(authority.key_file('server')))
    listening = socket.create_server((HERE, 0))
    made: set[asyncio.Future[None]] = set()
    contexts = server_contexts(files)
    listener = TlsListener(listening, contexts, lambda: Greeter(made), on_refused=lambda host, error: None)
    yield listening.getsockname()[1]
    await asyncio.gather(*made)
    listener.close()


class Silent:
    """A connection that begins no handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def silent(port: int) -> Silent:
    return Silent(*await asyncio.open_connection(HERE, port, local_addr=(HERE, 0)))


async def greeted(port: int, trust: ssl.SSLContext, source: str) -> bytes:
    reader, writer = await asyncio.open_connection(
        HERE, port, ssl=trust, server_hostname=HERE, local_addr=(source, 0)
    )
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_host_that_ends_no_handshake_holds_up_no_other(port, trust):
    idle = [await silent(port) for _ in range(5)]
    refused = await silent(port)
    assert (
        await asyncio.wait_for(refused.reader.read(), 5) == b''
    )  # two are begun, three wait, and one is too many
    for _ in range(5):
        assert await asyncio.wait_for(greeted(port, trust, ELSEWHERE), 5) == b'hello'
    assert not any(each.reader.at_eof() for each in idle)
    for each in (*idle, refused):
        await each.close()
    assert await asyncio.wait_for(greeted(port, trust, HERE), 5) == b'hello'


async def test_who_waits_is_next(port, trust):
    idle = [await silent(port) for _ in range(2)]
    waiting = [asyncio.create_task(greeted(port, trust, HERE)) for _ in range(3)]
    assert await asyncio.wait_for(greeted(port, trust, ELSEWHERE), 5) == b'hello'
    assert not any(task.done() for task in waiting)
    await idle[0].close()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [b'hello'] * 3
    await idle[1].close()


@pytest.mark.parametrize(
    'sent', [b'GET /health HTTP/1.1\r\nhost: x\r\n\r\n', b'POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}']
)
async def test_who_speaks_http_without_tls_is_told(tmp_path, sent):
    authority = Authority(tmp_path / 'ca')
    authority.issue('server', 'server', hosts=[HERE])
    files = CertificateFiles(str(authority.certificate_file('server')), str(authority.key_file('server')))
    listening = socket.create_server((HERE, 0))
    port = listening.getsockname()[1]
    refused: list[ssl.SSLError] = []
    listener = TlsListener(
        listening,
        server_contexts(files),
        lambda: Greeter(set()),
        on_refused=lambda host, error: refused.append(error),
        plain=WITHOUT_TLS,
    )
    reader, writer = await asyncio.open_connection(HERE, port)
    writer.write(sent)
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b'\r\n\r\n')
    writer.close()
    await writer.wait_closed()
    assert head.startswith(b'HTTP/1.1 400 ')
    assert b'content-length: %d' % len(body) in head
    assert 'https://' in json.loads(body)['help']
    assert len(refused) == 1
    reader, writer = await asyncio.open_connection(HERE, port)
    writer.write(b'\0' * 64)  # neither
    assert not (await asyncio.wait_for(reader.read(), 10)).startswith(b'HTTP')
    writer.close()
    await writer.wait_closed()
    listener.close()


async def test_a_handshake_that_finds_no_room_for_an_open_file_leaves_room_for_others(
    trust, tmp_path, monkeypatch
):
    authority = Authority(tmp_path / 'ca')
    files = CertificateFiles(str(authority.certificate_file('server')), str(authority.key_file('server')))
    listening = socket.create_server((HERE, 0))
    port = listening.getsockname()[1]
    made: set[asyncio.Future[None]] = set()
    monkeypatch.setattr(handshake, 'MAX_PER_HOST', 2)
    listener = TlsListener(
        listening,
        server_contexts(files),
        lambda: Greeter(made),
        on_refused=lambda host, error: None,
        plain=WITHOUT_TLS,
    )
    with monkeypatch.context() as full:
        full.setattr(socket.socket, 'dup', _no_more_files)
        for _ in range(3):
            reader, writer = await asyncio.open_connection(HERE, port)
            assert await asyncio.wait_for(reader.read(), 10) == b''
            writer.close()
            await writer.wait_closed()
    assert await asyncio.wait_for(greeted(port, trust, HERE), 10) == b'hello'
    await asyncio.gather(*made)
    listener.close()


def _no_more_files(_: socket.socket) -> socket.socket:
    raise OSError(errno.EMFILE, 'too many open files')

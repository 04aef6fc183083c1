"""Certificates as an operator makes them, and a proxy that ends encryption before what is tested."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.client.loop import LoopThread

NAMES = {'server': 'IP:127.0.0.1,DNS:localhost', 'client': 'DNS:client', 'shop': 'DNS:shop.example'}


def make_certificates(folder: Path) -> Path:
    """Make an authority (ca.pem) in a folder, and what it signs for each of NAMES: server.pem, server.key."""

    def openssl(*arguments: str) -> None:
        subprocess.run(['openssl', *arguments], cwd=folder, check=True, capture_output=True, timeout=60)

    new_key = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes')
    signs = ('-addext', 'keyUsage=critical,keyCertSign')  # Python 3.13 wants it said
    openssl('req', '-x509', *new_key, *signs, '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem')
    for name, alternatives in NAMES.items():
        (folder / 'names').write_text(f'subjectAltName={alternatives}')
        openssl('req', *new_key, '-subj', f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.csr')
        signed = ('-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names')
        openssl('x509', '-req', '-in', f'{name}.csr', *signed, '-out', f'{name}.pem')
    return folder


@contextmanager
def encrypted(target: int, speaks: str, folder: Path, *, asks_client: bool = False) -> Iterator[int]:
    """The port of a proxy that speaks TLS (`speaks` is h2 or http/1.1), and hands on what it hears."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / 'server.pem', folder / 'server.key')
    context.set_alpn_protocols([speaks])
    if asks_client:
        context.load_verify_locations(folder / 'ca.pem')
        context.verify_mode = ssl.CERT_REQUIRED

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection('127.0.0.1', target)
        await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer), return_exceptions=True)

    async def begin() -> asyncio.Server:
        return await asyncio.start_server(accept, '127.0.0.1', 0, ssl=context)

    async def end(server: asyncio.Server) -> None:
        server.close()

    loop = LoopThread('proxy of a test')
    server = loop.run(begin())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.run(end(server))
        loop.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()

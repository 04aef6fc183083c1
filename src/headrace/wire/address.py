"""Addresses of workers: `unix:/path/to/socket` or `tcp:host:port` (`tcp:[::1]:port` for IPv6)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from headrace.errors import SpecError, StartError


def parse(address: str) -> tuple[str, str, int]:
    """An address as (family, path or host, port).

    >>> parse('tcp:127.0.0.1:8080')
    ('tcp', '127.0.0.1', 8080)
    """
    family, _, rest = address.partition(':')
    if family == 'unix' and rest:
        return 'unix', rest, 0
    if family == 'tcp':
        host, _, port = rest.rpartition(':')
        if host and port.isdigit() and int(port) < 65536:
            return 'tcp', host.strip('[]'), int(port)
    raise SpecError(
        f'{address!r} is not the address of a worker', help='write unix:/path/to/socket or tcp:host:port'
    )


async def open_client(address: str, protocol: Callable[[], Any]) -> Any:
    """Connect to `address` and return the protocol that serves the connection."""
    family, host, port = parse(address)
    loop = asyncio.get_running_loop()
    if family == 'unix':
        _, made = await loop.create_unix_connection(protocol, host)
    else:
        transport, made = await loop.create_connection(protocol, host, port)
        _no_delay(transport)
    return made


async def open_server(address: str, protocol: Callable[[], Any]) -> tuple[asyncio.AbstractServer, str]:
    """Listen on `address`; also returns the address with the port that was really taken.

    Raises StartError if it cannot be had.
    """
    family, host, port = parse(address)
    loop = asyncio.get_running_loop()
    try:
        if family == 'unix':
            return await loop.create_unix_server(protocol, host), address
        server = await loop.create_server(protocol, host, port)
    except OSError as error:
        raise StartError(
            f'nothing can listen at {address}: {error}',
            help='the path of a socket has at most 103 bytes; HEADRACE_RUNTIME_DIR names the folder for them'
            if family == 'unix'
            else 'give another host or port',
        ) from error
    taken = server.sockets[0].getsockname()[1]
    return server, f'tcp:[{host}]:{taken}' if ':' in host else f'tcp:{host}:{taken}'


def _no_delay(transport: asyncio.BaseTransport) -> None:
    sock = transport.get_extra_info('socket')
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

"""Addresses of workers: `unix:/path/to/socket`, `tcp:host:port` (`tcp:[::1]:port` for IPv6), `tcp+tls:...`.

Over `tcp+tls` each side shows a certificate, and is asked for its role: gateways connect to workers only, and
workers serve gateways only.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

from headrace.errors import SpecError, StartError, Unavailable
from headrace.wire.handshake import TlsListener
from headrace.wire.tls import WORKER_NAME, Contexts

TLS = 'tcp+tls'

_log = logging.getLogger('headrace.security')


class Listening(Protocol):
    """What accepts connections."""

    def close(self) -> object:
        """Accept nothing more; connections stay."""


def parse(address: str) -> tuple[str, str, int]:
    """An address as (family, path or host, port).

    >>> parse('tcp:127.0.0.1:8080')
    ('tcp', '127.0.0.1', 8080)
    """
    family, _, rest = address.partition(':')
    if family == 'unix' and rest:
        return 'unix', rest, 0
    if family in ('tcp', TLS):
        host, _, port = rest.rpartition(':')
        if host and port.isdigit() and int(port) < 65536:
            return family, host.strip('[]'), int(port)
    raise SpecError(
        f'{address!r} is not the address of a worker',
        help='write unix:/path/to/socket, tcp:host:port or tcp+tls:host:port',
    )


async def open_client(address: str, protocol: Callable[[], Any], tls: Contexts | None = None) -> Any:
    """Connect to `address` and return the protocol that serves the connection.

    `tls` has the gateway's certificate, for `tcp+tls`; who is there and is no worker is Unavailable.
    """
    family, host, port = parse(address)
    secured = _contexts(address, family, tls)
    loop = asyncio.get_running_loop()
    if family == 'unix':
        _, made = await loop.create_unix_connection(protocol, host)
    else:
        try:
            transport, made = await loop.create_connection(
                protocol,
                host,
                port,
                ssl=None if secured is None else secured.now(),
                server_hostname=None if secured is None else WORKER_NAME,
            )
        except ssl.SSLError as error:
            why = getattr(error, 'verify_message', '') or error.reason or error
            raise Unavailable(
                f'who answers at {address} is not accepted as a worker: {why}',
                begun=False,
                help='see gateway.security.workers: both certificates need one authority, and their names',
            ) from None
        _no_delay(transport)
    return made


async def open_server(
    address: str, protocol: Callable[[], Any], tls: Contexts | None = None
) -> tuple[Listening, str]:
    """Listen on `address`; also returns the address with the port that was really taken.

    `tls` has the worker's certificate, for `tcp+tls`; who connects and is no gateway is sent away.
    Raises StartError if it cannot be had.
    """
    family, host, port = parse(address)
    secured = _contexts(address, family, tls)
    loop = asyncio.get_running_loop()
    try:
        if family == 'unix':
            return await loop.create_unix_server(protocol, host), address
        kind = socket.AF_INET6 if ':' in host else socket.AF_INET
        listening = socket.create_server((host, port), family=kind)
    except OSError as error:
        raise StartError(
            f'nothing can listen at {address}: {error}',
            help='the path of a socket has at most 103 bytes; HEADRACE_RUNTIME_DIR names the folder for them'
            if family == 'unix'
            else 'give another host or port',
        ) from error
    taken = listening.getsockname()[1]
    server: Listening
    if secured is None:
        server = await loop.create_server(protocol, sock=listening)
    else:
        server = TlsListener(listening, secured, protocol, on_refused=_sent_away)
    return server, f'{family}:[{host}]:{taken}' if ':' in host else f'{family}:{host}:{taken}'


def _contexts(address: str, family: str, tls: Contexts | None) -> Contexts | None:
    """The contexts that an address needs; SpecError if there are none."""
    if family != TLS:
        return None
    if tls is None:
        raise SpecError(
            f'{address} is reached with a certificate only, and there is none',
            help='gateway.security.workers',
        )
    return tls


def _sent_away(host: str, error: ssl.SSLError) -> None:
    _log.warning('%s was sent away, as no gateway is there: %s', host, error.reason or error)


def _no_delay(transport: asyncio.BaseTransport) -> None:
    sock = transport.get_extra_info('socket')
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

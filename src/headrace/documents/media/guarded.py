"""A URI that a stranger wrote in, its bytes out: from where the process may open it, and nowhere else.

A host is resolved once. The addresses that it has are looked at, and one of these is connected to: what the
name means a moment later does not matter. Each redirect is looked at as the first address was. Proxies of the
environment are not asked: they would resolve the name themselves, and reach what only they see.
"""

from __future__ import annotations

import io
import os
import socket
import ssl
import stat
import time
from collections.abc import Collection
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urljoin

from headrace._version import __version__
from headrace.documents.media.access import Access
from headrace.documents.media.address import scheme_of, shown
from headrace.documents.media.location import Location
from headrace.documents.media.network import is_public
from headrace.errors import DocumentError, Forbidden, TooLarge

MAX_REDIRECTS = 5
_BLOCK = 64 * 1024
_MOVED = (301, 302, 303, 307, 308)
_HEADERS = {'User-Agent': f'headrace/{__version__}', 'Accept': '*/*', 'Accept-Encoding': 'identity'}


def read_file(uri: str, access: Access, max_bytes: int) -> bytes:
    """Read an ordinary file in an allowed folder; Forbidden for any other."""
    path = access.file(uri)
    flags = os.O_RDONLY | getattr(os, 'O_NONBLOCK', 0)  # or a pipe would be waited for
    with open(path, 'rb', opener=lambda name, _: os.open(name, flags)) as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise Forbidden(f'{shown(uri)} is no ordinary file')
        if about.st_size > max_bytes:
            raise TooLarge(f'{shown(uri)} has {about.st_size} bytes, more than max_bytes={max_bytes}')
        return file.read(max_bytes)


def fetch(uri: str, access: Access, *, timeout_s: float, max_bytes: int, schemes: Collection[str]) -> bytes:
    """Get the bytes of an http or https address of the public web, or of a server that is allowed.

    Raises Forbidden for any other, DocumentError if it cannot be reached or answers with an error or not in
    time, TooLarge beyond `max_bytes`.
    """
    deadline = time.monotonic() + timeout_s
    here = uri
    try:
        for _ in range(MAX_REDIRECTS + 1):
            place = access.place(here)
            with _opened(place, access, here, deadline) as stream:
                response = _asked(stream, place)
                moved = response.getheader('Location')
                if response.status not in _MOVED or not moved:
                    return _received(response, here, max_bytes)
            here = urljoin(here, moved)
            if scheme_of(here) not in schemes or scheme_of(here) not in ('http', 'https'):
                raise Forbidden(f'{shown(uri)} leads to {shown(here)}, which is not opened')
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, DocumentError):
            raise
        reason = 'it did not arrive in time' if isinstance(error, TimeoutError) else _reason(error)
        raise DocumentError(f'{shown(here)} could not be read: {reason}', help='check the address') from error
    raise DocumentError(f'{shown(uri)} leads from one address to the next, more than {MAX_REDIRECTS} times')


class _Stream:
    """A socket as `http.client` needs it, of which every read and write ends at the deadline."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(_left_s(self._deadline))
        self._socket.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._socket, self._deadline))

    def close(self) -> None:
        """Nothing yet: `http.client` calls this before the body is read."""

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class _Reading(io.RawIOBase):
    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(_left_s(self._deadline))
        return self._socket.recv_into(buffer)


def _opened(place: Location, access: Access, uri: str, deadline: float) -> _Stream:
    """A connection to one of the addresses of a host, all of which may be opened."""
    endpoints = access.resolver(place.host, place.port)
    if not access.is_allowed(place):
        for _, address in endpoints:
            if not is_public(str(address[0])):
                raise Forbidden(
                    f'{shown(uri)} leads into the network of the server, which documents may not name',
                    help='send the content itself (blob, or a data URI), or allow the server with '
                    'allow_uris of the executor',
                )
    failure: OSError = OSError('the host has no address')
    for family, address in endpoints:
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            connected.settimeout(_left_s(deadline))
            connected.connect(address)
            if place.scheme == 'https':
                context = ssl.create_default_context()
                connected = context.wrap_socket(connected, server_hostname=place.host)
            return _Stream(connected, deadline)
        except OSError as error:
            connected.close()
            failure = error
    raise failure


def _asked(stream: _Stream, place: Location) -> HTTPResponse:
    connection = HTTPConnection(place.host, place.port)
    connection.sock = stream  # it takes whatever reads and writes
    headers = {**_HEADERS, 'Host': place.authority, 'Connection': 'close'}
    connection.request('GET', place.target, headers=headers)
    return connection.getresponse()


def _received(response: HTTPResponse, uri: str, max_bytes: int) -> bytes:
    if not 200 <= response.status < 300:
        raise DocumentError(f'{shown(uri)} could not be read: HTTP {response.status}')
    length = response.length
    if length is not None and length > max_bytes:
        raise TooLarge(f'{shown(uri)} has {length} bytes, more than max_bytes={max_bytes}')
    data = bytearray()
    while block := response.read1(_BLOCK):
        data += block
        if len(data) > max_bytes:
            raise TooLarge(f'{shown(uri)} has more than max_bytes={max_bytes} bytes')
    if length is not None and len(data) < length:
        raise DocumentError(f'{shown(uri)} broke off after {len(data)} of {length} bytes')
    return bytes(data)


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _reason(error: Exception) -> str:
    """What went wrong, without what the server's network looks like."""
    if isinstance(error, socket.gaierror):
        return 'the host is not known'
    if isinstance(error, ssl.SSLError):
        return f'TLS: {error.reason or type(error).__name__}'
    return 'there is no connection' if isinstance(error, OSError) else 'the answer is no HTTP'

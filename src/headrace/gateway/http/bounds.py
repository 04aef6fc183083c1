"""A request's head in, nothing out, or its refusal; a new connection in, whether there is room for it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from headrace.errors import HeadraceError, Overloaded
from headrace.gateway.http.asgi import Scope
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.request import Peer
from headrace.spec.limits import LimitsSpec

SPARE = 64
"""Connections beyond the limit that are told so; more are cut off."""

_CLOSE = ((b'connection', b'close'),)


class Bounds:
    """What the head of a request may have: so many headers, so many bytes of them, a URL so long."""

    __slots__ = ('_spec', 'headers')

    def __init__(self, spec: LimitsSpec) -> None:
        self._spec = spec
        self.headers = spec.headers

    def check(self, scope: Scope, peer: Peer) -> None:
        """Raise what is wrong with the head of a request, or with the connection that it came on."""
        if peer.refusal is not None:
            raise peer.refusal
        spec, headers = self._spec, scope['headers']
        if len(headers) > spec.headers:
            raise _refused(
                431, f'the request has {len(headers)} headers, and {spec.headers} are accepted', 'headers'
            )
        size = sum(len(name) + len(value) for name, value in headers)
        if size > spec.header_bytes:
            raise header_bytes_refused(size, spec.header_bytes)
        length = len(scope['raw_path']) + len(scope['query_string'])
        if length > spec.url_bytes:
            raise _refused(414, f'the URL has {length} bytes, and {spec.url_bytes} are accepted', 'url_bytes')


class Arrivals:
    """How many connections there are, in all and from each host.

    `recount` sets right, from time to time, what left without a word (a connection that became a WebSocket).
    """

    __slots__ = ('_hosts', '_open', '_spec')

    def __init__(self, spec: LimitsSpec, connections: Collection[Any]) -> None:
        self._spec = spec
        self._open = connections
        self._hosts: Counter[str] = Counter()

    def refusal(self, host: str) -> HeadraceError | None:
        """Count a new connection, which is among the open ones already; why it is refused, or None."""
        spec = self._spec
        if spec.connections_per_host is not None:
            self._hosts[host] += 1
            if self._hosts[host] > spec.connections_per_host:
                return _overloaded(
                    f'there are {spec.connections_per_host} connections from this address, as many as may be',
                    'connections_per_host',
                )
        if len(self._open) > spec.connections:
            return _overloaded(
                f'the gateway has {spec.connections} connections open, as many as it may', 'connections'
            )
        return None

    @property
    def has_spare(self) -> bool:
        """Whether one that is refused may stay until it has been told."""
        return len(self._open) <= self._spec.connections + SPARE

    def leave(self, host: str) -> None:
        """One connection less."""
        if self._hosts[host] > 1:
            self._hosts[host] -= 1
        else:
            del self._hosts[host]

    def recount(self) -> None:
        """Count anew who is here."""
        if self._spec.connections_per_host is not None:
            self._hosts = Counter(host_of(each.transport) for each in self._open)


def host_of(transport: Any) -> str:
    """The host at the other end; '' for a Unix socket."""
    address = transport.get_extra_info('peername') if transport is not None else None
    return str(address[0]) if isinstance(address, tuple) else ''


def header_bytes_refused(size: int, accepted: int) -> HttpError:
    """The error of a request whose headers have `size` bytes, or more."""
    return _refused(431, f'the headers have {size} bytes, and {accepted} are accepted', 'header_bytes')


def _refused(status: int, what: str, name: str) -> HttpError:
    error = HttpError(status, what, help=f'send less, or raise limits.{name} of the gateway', headers=_CLOSE)
    error.is_refusal = True
    return error


def _overloaded(what: str, name: str) -> Overloaded:
    error = Overloaded(what, help=f'close some, or raise limits.{name} of the gateway')
    error.is_refusal = True
    return error

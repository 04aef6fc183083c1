"""A new connection in, whether there is room for it out; the same for every door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from headrace.errors import HeadraceError, Overloaded
from headrace.gateway.proxies import Proxies
from headrace.spec import GatewaySpec
from headrace.spec.exposure import is_loopback
from headrace.wire.hosts import client_of

SPARE = 64
"""Connections that are refused and stay until they have been told so; more are cut off."""


class Arrivals:
    """How many connections there are, in all and from each client.

    Proxies that are trusted stand for many clients, and are not counted; nor are programs of this machine,
    one of which may be a proxy, unless the settings give a number.

    `recount` sets right, from time to time, what left without a word (a connection that became a WebSocket).
    """

    __slots__ = ('_clients', '_counts_own', '_open', '_per_client', '_proxies', '_refused', '_spec')

    def __init__(self, spec: GatewaySpec, connections: Collection[Any]) -> None:
        self._spec = spec.limits
        self._open = connections
        self._proxies = Proxies(spec.trusted_proxies)
        self._counts_own = spec.limits.connections_per_host is not None
        self._per_client = spec.most_per_host
        self._clients: Counter[str] = Counter()
        self._refused = 0

    def refusal(self, host: str) -> HeadraceError | None:
        """Count a new connection, which is among the open ones already; why it is refused, or None."""
        error = self._refusal(host)
        self._refused += error is not None
        return error

    def _refusal(self, host: str) -> HeadraceError | None:
        spec, most = self._spec, self._per_client
        if most is not None and self._counts(host):
            client = client_of(host)
            self._clients[client] += 1
            if self._clients[client] > most:
                return _overloaded(
                    f'there are {most} connections from this address, as many as may be',
                    'connections_per_host',
                )
        if len(self._open) - self._refused > spec.connections:
            return _overloaded(
                f'the gateway has {spec.connections} connections open, as many as it may', 'connections'
            )
        return None

    @property
    def has_spare(self) -> bool:
        """Whether one that is refused may stay until it has been told."""
        return self._refused <= SPARE

    def leave(self, host: str, *, is_refused: bool = False) -> None:
        """One connection less."""
        self._refused -= is_refused
        if self._per_client is None or not self._counts(host):
            return
        client = client_of(host)
        if self._clients[client] > 1:
            self._clients[client] -= 1
        else:
            del self._clients[client]

    def recount(self) -> None:
        """Count anew who is here."""
        if self._per_client is not None:
            hosts = (host_of(each.transport) for each in self._open)
            self._clients = Counter(client_of(host) for host in hosts if self._counts(host))

    def _counts(self, host: str) -> bool:
        """Whether the connections of a host are counted."""
        return (self._counts_own or not (host == '' or is_loopback(host))) and host not in self._proxies


def host_of(transport: Any) -> str:
    """The host at the other end; '' for a Unix socket."""
    address = transport.get_extra_info('peername') if transport is not None else None
    return str(address[0]) if isinstance(address, tuple) else ''


def _overloaded(what: str, name: str) -> Overloaded:
    error = Overloaded(what, help=f'close some, or raise limits.{name} of the gateway')
    error.is_refusal = True
    return error

"""A new connection in, whether there is room for it out; the same for every door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from headrace.errors import HeadraceError, Overloaded
from headrace.spec.limits import LimitsSpec

SPARE = 64
"""Connections beyond the limit that are told so; more are cut off."""


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


def _overloaded(what: str, name: str) -> Overloaded:
    error = Overloaded(what, help=f'close some, or raise limits.{name} of the gateway')
    error.is_refusal = True
    return error

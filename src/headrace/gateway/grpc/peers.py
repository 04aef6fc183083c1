"""gRPC's name of the other end of a connection in, who is really there out."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple
from urllib.parse import unquote

REMEMBERED = 1024
"""Connections that are gone, and still known: calls that came through them may just be about to begin."""


class Peer(NamedTuple):
    """Who is at the other end: the host, and the certificate that it has shown, in DER form (b'': none)."""

    host: str = ''
    certificate: bytes = b''


NOBODY = Peer()


class Peers:
    """Who is behind each connection of a `Relay`, by the name of the relay's own end of it.

    Connections that come from elsewhere have names that say it all. No name is given twice.
    """

    def __init__(self) -> None:
        self._relayed: dict[str, Peer] = {}
        self._gone: deque[str] = deque()

    def came(self, name: str, peer: Peer) -> None:
        """Know from now on who is behind a name."""
        self._relayed[name] = peer

    def left(self, name: str) -> None:
        """Know that a connection is gone."""
        self._gone.append(name)
        if len(self._gone) > REMEMBERED:
            del self._relayed[self._gone.popleft()]

    def of(self, name: str) -> Peer:
        """Who is there, by the name that gRPC has for it (`rpc.peer()`)."""
        kind, _, path = name.partition(':')
        return self._relayed.get(unquote(path), NOBODY) if kind == 'unix' else Peer(host_of(name))


def host_of(name: str) -> str:
    """The host in gRPC's name of a peer; '' where the socket has no such thing.

    >>> host_of('ipv4:10.0.0.7:51234'), host_of('ipv6:%5B::1%5D:51234'), host_of('unix:')
    ('10.0.0.7', '::1', '')
    """
    kind, _, address = name.partition(':')
    if kind not in ('ipv4', 'ipv6'):
        return ''
    return unquote(address).rpartition(':')[0].strip('[]')

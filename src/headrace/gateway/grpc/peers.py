"""gRPC's name of the other end of a connection in, who is behind it out."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple
from urllib.parse import unquote

from headrace.errors import HeadraceError

REMEMBERED = 1024
"""Connections that are gone, and still known: calls that came through them may just be about to begin."""


class Peer(NamedTuple):
    """Who is at the other end: the host, and the certificate that it has shown, in DER form (b'': none).

    `refusal` is what its calls are told if the connection is one too many.
    """

    host: str = ''
    certificate: bytes = b''
    refusal: HeadraceError | None = None


NOBODY = Peer()


class Peers:
    """Who is behind each connection of a `Relay`, by the name of the relay's own end of it.

    No name is given twice.
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
        return self._relayed.get(unquote(name.removeprefix('unix:')), NOBODY)

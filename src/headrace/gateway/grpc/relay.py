"""Connections over TLS in, plain ones to this process's gRPC server out, which learns who is behind each.

gRPC makes handshakes of its own where nobody has to show a certificate. Where somebody has, it would tell
nobody whom it has turned away, and it cannot leave the choice to clients. So the handshake is the one that
the other doors have, and what is then said goes through a Unix socket in a folder that only its owner enters.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import cast

from headrace.errors import HeadraceError
from headrace.gateway.arrivals import Arrivals, host_of
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc.peers import Peer, Peers
from headrace.gateway.measuring import Measuring
from headrace.gateway.ports import bound
from headrace.gateway.security.doorway import accepting, certificate_of
from headrace.spec.environment import read
from headrace.wire.address import Listening

ALPN = ('h2',)

LAST_WORDS_S = 0.25
"""How long clients may take to receive what the server has said last."""

_log = logging.getLogger('headrace.gateway')


class End(asyncio.Protocol):
    """One end of a relayed connection: what it receives the other end sends, as fast as that can."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.other: End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()  # once it has sent what it has


class Outside(End):
    """The end of a client, which is served when there is room for it."""

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self._relay = relay
        self.peer = Peer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()  # until there is somebody to take it
        self.peer = Peer(host_of(transport), certificate_of(transport))
        self._relay.arrived(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.left(self)
        super().connection_lost(exc)


class Relay:
    """Accepts connections over TLS for a gRPC server that listens at `address`, until `close`.

    `peers` learns who is behind each connection. `folder` is where sockets may be, '' the folder for such.
    """

    def __init__(self, entrance: Entrance, peers: Peers, folder: str = '') -> None:
        self._entrance = entrance
        self._peers = peers
        self._folder = Path(tempfile.mkdtemp(prefix='grpc-', dir=folder or read().runtime_root()))
        self._path = str(self._folder / 'server')
        self._numbers = count(1)
        self._open: set[Outside] = set()
        self._arrivals = Arrivals(entrance.spec, self._open)
        self._server: Listening | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_left = asyncio.Event()
        self.port = 0

    @property
    def address(self) -> str:
        """Where the gRPC server has to listen."""
        return f'unix:{self._path}'

    async def listen(self, port: int, *, shared: bool) -> None:
        """Begin to accept connections; StartError, or SpecError for certificates that cannot be used."""
        listening = bound(self._entrance.spec.host, port, protocol='grpc', shared=shared)
        self.port = listening.getsockname()[1]
        self._server = await accepting(self._entrance, listening, lambda: Outside(self), alpn=ALPN)

    def look(self, measuring: Measuring) -> None:
        """Tell how many connections are open."""
        measuring.connections('grpc', len(self._open))

    def drain(self) -> None:
        """Accept nothing more; connections stay."""
        if self._server is not None:
            self._server.close()

    async def close(self) -> None:
        """End every connection, and leave nothing behind; what the server has said is sent before."""
        self.drain()
        if self._open:
            self._all_left.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_left.wait(), LAST_WORDS_S)
        for task in self._tasks:
            task.cancel()
        for outside in list(self._open):
            outside.transport.abort()
        await asyncio.sleep(0)  # connections hear of their end in the loop's next turn
        shutil.rmtree(self._folder, ignore_errors=True)

    def arrived(self, outside: Outside) -> None:
        """Serve a client whose handshake is done, or send it away."""
        self._open.add(outside)
        refusal = self._arrivals.refusal(outside.peer.host)
        if refusal is not None:
            self._refuse(refusal, outside)
            return
        task = asyncio.get_running_loop().create_task(self._connect(outside))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def left(self, outside: Outside) -> None:
        """Forget a client."""
        self._open.discard(outside)
        self._arrivals.leave(outside.peer.host)
        if not self._open:
            self._all_left.set()

    def _refuse(self, error: HeadraceError, outside: Outside) -> None:
        self._entrance.refused(
            error, None, protocol='grpc', endpoint='', request_id='', host=outside.peer.host
        )
        outside.transport.abort()

    async def _connect(self, outside: Outside) -> None:
        """Connect a client with the gRPC server, through a socket whose name says who it is."""
        name = str(self._folder / str(next(self._numbers)))
        try:
            inner = _connected(name, self._path)
        except OSError as error:  # as if there are too many open files
            _log.error('a connection cannot be handed on to gRPC: %s', error)
            outside.transport.abort()
            return
        self._peers.came(name, outside.peer)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: Inside(self._peers, name, outside), sock=inner)


def _connected(name: str, path: str) -> socket.socket:
    """A socket of this name that is connected with the server at `path`; OSError if that is not possible."""
    inner = socket.socket(socket.AF_UNIX)
    try:
        inner.setblocking(False)
        inner.bind(name)
        inner.connect(path)  # at once, or there is no room
        os.unlink(name)  # the name outlives the file
    except OSError:
        inner.close()
        raise
    return inner


class Inside(End):
    """The end at the gRPC server, which knows it by `name`."""

    def __init__(self, peers: Peers, name: str, outside: Outside) -> None:
        super().__init__()
        self._peers = peers
        self._name = name
        self.other = outside

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        outside = self.other
        assert outside is not None
        outside.other = self
        if outside.transport.is_closing():
            self.transport.close()
        else:
            outside.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._peers.left(self._name)
        super().connection_lost(exc)

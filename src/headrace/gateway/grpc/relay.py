"""Connections of clients in, others to this process's gRPC server out, which learns who is behind each.

gRPC would close a connection too many without a word to anybody, would tell nobody how many there are, nor
whom its handshake has turned away, and would not leave it to clients whether they show a certificate. So they
are accepted here, as at the other doors, and what they say goes through a Unix socket in a folder that only
its owner enters.
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

from headrace.gateway.arrivals import Arrivals, host_of
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc.peers import Peer, Peers
from headrace.gateway.measuring import Measuring
from headrace.gateway.ports import bound
from headrace.gateway.security.doorway import accepting, certificate_of
from headrace.gateway.unread import UNREAD_TIMEOUT_S
from headrace.pipeline.context import new_request_id
from headrace.spec.environment import read
from headrace.wire.address import Listening

ALPN = ('h2',)

LAST_WORDS_S = 2.0
"""How long clients may take to receive what the server has said last, and to close, as they do then."""

REFUSED_S = 2.0
"""How long a connection that is one too many is kept, so that its calls are told why they are refused."""

BUSY_S, BUSY_TIMES = 0.01, 100
"""How long to wait for a server that has not accepted the connections before, and how often."""

SPACE_BYTES = 256 * 1024
"""As much is received at once."""

COPIED_BYTES = 64 * 1024
"""What is less is copied: whoever reads slowly holds on to the bytes, and not to all of the space."""

_log = logging.getLogger('headrace.gateway')


class Space:
    """Where the connections of one event loop receive, one after the other."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(SPACE_BYTES))

    def give(self, to: asyncio.Transport, count: int) -> None:
        """Send what has been received here; what has to wait keeps the space, and another takes its place."""
        if count < COPIED_BYTES:
            to.write(bytes(self.view[:count]))
            return
        to.write(self.view[:count])
        if to.get_write_buffer_size():
            self.view = memoryview(bytearray(SPACE_BYTES))


class End(asyncio.BufferedProtocol):
    """One end of a relayed connection: what it receives the other end sends, as fast as that can."""

    transport: asyncio.Transport

    def __init__(self, space: Space) -> None:
        self.other: End | None = None
        self._space = space
        self._early = b''

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(COPIED_BYTES)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._space.view

    def buffer_updated(self, count: int) -> None:
        if self.other is None:
            self._early += self._space.view[:count]
            self.transport.pause_reading()  # (uvloop does not do it any sooner)
        elif not self.other.transport.is_closing():
            self._space.give(self.other.transport, count)

    def join(self, other: End) -> None:
        """Send to this end what the other receives, and the other way round; if one has ended, both end."""
        self.other, other.other = other, self
        for end, to in ((self, other), (other, self)):
            if end.transport.is_closing():
                if not to.transport.is_closing():
                    to.finish()
            elif end._early:
                end.transport.resume_reading()
                to.transport.write(end._early)
                end._early = b''

    def pause_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.finish()

    def finish(self) -> None:
        """End, now that the other end has: once what there is has been sent."""
        has_more = self.transport.get_write_buffer_size() > 0
        self.transport.close()
        if has_more:
            asyncio.get_running_loop().call_later(UNREAD_TIMEOUT_S, self.transport.abort)


class Outside(End):
    """The end of a client, which is served when there is room for it."""

    def __init__(self, relay: Relay, space: Space) -> None:
        super().__init__(space)
        self._relay = relay
        self._is_finished = False
        self.peer = Peer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.peer = Peer(host_of(transport), certificate_of(transport))
        self._relay.arrived(self)

    def buffer_updated(self, count: int) -> None:
        if not self._is_finished:
            super().buffer_updated(count)

    def finish(self) -> None:
        """Send what there is, and let the client be the one who closes.

        A socket that is closed with something unread in it is reset, and the client loses what it was sent
        last. So what it still says, as that it has received a ping, is read, and dropped.
        """
        if self._is_finished:
            return
        self._is_finished = True
        loop = asyncio.get_running_loop()
        if self.transport.get_write_buffer_size():
            loop.call_later(UNREAD_TIMEOUT_S, self.transport.abort)
        else:
            loop.call_later(LAST_WORDS_S, self.transport.close)
        if not self.transport.is_reading():
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.left(self)
        super().connection_lost(exc)


class Relay:
    """Accepts connections for a gRPC server that listens at `address`, until `close`.

    `peers` learns who is behind each connection. `folder` is where sockets may be, '' the folder for such.
    """

    def __init__(self, entrance: Entrance, peers: Peers, folder: str = '') -> None:
        self._entrance = entrance
        self._peers = peers
        # short names: the path of a socket has at most 103 bytes
        self._folder = Path(tempfile.mkdtemp(prefix='g', dir=folder or read().runtime_root()))
        self._path = str(self._folder / 's')
        self._numbers = count(1)
        self._space = Space()
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
        self._server = await accepting(
            self._entrance, listening, lambda: Outside(self, self._space), alpn=ALPN
        )

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
        """Serve a client whose handshake is done, or tell it that it is one too many."""
        self._open.add(outside)
        loop = asyncio.get_running_loop()
        refusal = self._arrivals.refusal(outside.peer.host)
        if refusal is not None:
            outside.peer = outside.peer._replace(refusal=refusal)
            self._entrance.refused(
                refusal,
                None,
                protocol='grpc',
                endpoint='',
                request_id=new_request_id(),
                host=outside.peer.host,
            )
            if not self._arrivals.has_spare:
                outside.transport.abort()
                return
            loop.call_later(REFUSED_S, outside.transport.close)
        task = loop.create_task(self._connect(outside))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def left(self, outside: Outside) -> None:
        """Forget a client."""
        self._open.discard(outside)
        self._arrivals.leave(outside.peer.host, is_refused=outside.peer.refusal is not None)
        if not self._open:
            self._all_left.set()

    async def _connect(self, outside: Outside) -> None:
        """Connect a client with the gRPC server, through a socket whose name says who it is."""
        name = str(self._folder / str(next(self._numbers)))
        try:
            inner = await _connected(name, self._path)
        except OSError as error:  # as if there are too many open files
            _log.error('a connection cannot be handed on to gRPC: %s', error)
            outside.transport.abort()
            return
        self._peers.came(name, outside.peer)
        inside = Inside(self._peers, name, self._space, inner)
        await asyncio.get_running_loop().create_unix_connection(lambda: inside, sock=inner)
        outside.join(inside)


async def _connected(name: str, path: str) -> socket.socket:
    """A socket of this name that is connected with the server at `path`; OSError if that is not possible."""
    inner = socket.socket(socket.AF_UNIX)
    try:
        inner.setblocking(False)
        inner.bind(name)
        os.unlink(name)  # the name outlives the file
        for _ in range(BUSY_TIMES):
            with suppress(BlockingIOError):
                inner.connect(path)
                return inner
            await asyncio.sleep(BUSY_S)
        raise BlockingIOError('it has not accepted those before')
    except BaseException:
        inner.close()
        raise


class Inside(End):
    """The end at the gRPC server, which knows it by `name`."""

    def __init__(self, peers: Peers, name: str, space: Space, inner: socket.socket) -> None:
        super().__init__(space)
        self._peers = peers
        self._name = name
        self._socket = inner

    def connection_lost(self, exc: Exception | None) -> None:
        self._peers.left(self._name)
        if exc is not None and self.other is not None:
            self._take_the_rest(self.other)
        super().connection_lost(exc)

    def _take_the_rest(self, to: End) -> None:
        """Hand on what the server said before it closed.

        A transport ends as soon as it can write no more, which it may notice before it has read everything.
        """
        with suppress(OSError):
            while not to.transport.is_closing() and (said := self._socket.recv(SPACE_BYTES)):
                to.transport.write(said)

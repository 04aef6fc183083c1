"""A listening socket in; connections whose TLS handshake is done out, and word of those that failed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections import Counter, deque
from collections.abc import Callable
from itertools import chain
from typing import Any

from headrace.wire.hosts import client_of
from headrace.wire.tls import Contexts

TIMEOUT_S = 10.0
"""How long a peer may take over a handshake."""

MAX_HANDSHAKES, MAX_PER_HOST = 1024, 128
"""Peers that are in a handshake at once, and those of one host: who never ends his holds up no others."""

MAX_WAITING = 4096
"""Connections that wait for their handshake to begin; more are closed."""

PAUSE_S = 1.0
"""How long nothing is accepted when the system cannot, as when it has no room for another connection."""

_log = logging.getLogger('headrace.security')

OnRefused = Callable[[str, ssl.SSLError], None]
"""Is told the host of a peer that was refused, and why."""


class TlsListener:
    """Accepts connections, and gives each a `protocol` when its handshake is done, until `close`.

    asyncio's own server would tell nobody who failed in a handshake, and would keep the context that it was
    given when it began; here each connection gets the one that `contexts` has now. Who speaks HTTP without
    TLS is sent `plain`.
    """

    def __init__(
        self,
        listening: socket.socket,
        contexts: Contexts,
        protocol: Callable[[], Any],
        *,
        on_refused: OnRefused,
        plain: bytes = b'',
    ) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._contexts = contexts
        self._protocol = protocol
        self._on_refused = on_refused
        self._plain = plain
        self._count = 0
        self._clients: Counter[str] = Counter()
        self._waiting: dict[str, deque[tuple[socket.socket, str]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._begin(self._accept())

    def close(self) -> None:
        """Accept nothing more, and end the handshakes that are not done; connections stay."""
        for task in self._tasks:
            task.cancel()
        waiting, self._waiting = self._waiting, {}
        for accepted, _ in chain.from_iterable(waiting.values()):
            accepted.close()
        self._listening.close()

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(self._listening)
            except OSError as error:
                if error.errno != errno.ECONNABORTED:  # which is only a peer that has left already
                    _log.error('no connection can be accepted: %s', error)
                    await asyncio.sleep(PAUSE_S)
                continue
            self._arrived(accepted, address[0])

    def _arrived(self, accepted: socket.socket, host: str) -> None:
        """Begin a handshake if there is room for it; else it waits, or is closed."""
        client = client_of(host)
        if self._has_room(client):
            self._count += 1
            self._clients[client] += 1
            self._begin(self._shake(accepted, host))
        elif sum(map(len, self._waiting.values())) < MAX_WAITING:
            self._waiting.setdefault(client, deque()).append((accepted, host))
        else:
            accepted.close()

    def _has_room(self, client: str) -> bool:
        return self._count < MAX_HANDSHAKES and self._clients[client] < MAX_PER_HOST

    def _leave(self, host: str) -> None:
        """A handshake is over: one that waits and has room now is next."""
        client = client_of(host)
        self._count -= 1
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]
        for each in (client, *self._waiting):
            if each in self._waiting and self._has_room(each):
                self._arrived(*self._waiting[each].popleft())
                if not self._waiting[each]:
                    del self._waiting[each]
                return

    async def _shake(self, accepted: socket.socket, host: str) -> None:
        spare: socket.socket | None = None
        try:
            spare = accepted.dup() if self._plain else None  # the other is closed when its handshake fails
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, accepted, ssl=self._contexts.now(), ssl_handshake_timeout=TIMEOUT_S
            )
        except ssl.SSLError as error:
            self._on_refused(host, error)
            if spare is not None and error.reason == 'HTTP_REQUEST':
                self._tell(spare)
        except OSError as error:  # as is TimeoutError
            _log.debug('%s left in its handshake: %s', host, error)
            accepted.close()
        finally:
            if spare is not None:
                spare.close()
            self._leave(host)

    def _tell(self, plain: socket.socket) -> None:
        """Say what is wrong to who has not begun a handshake, if they can take it now."""
        with contextlib.suppress(OSError):
            plain.send(self._plain)
            plain.shutdown(socket.SHUT_WR)

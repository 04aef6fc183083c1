"""A listening socket in; connections whose TLS handshake is done out, and word of those that failed."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from headrace.wire.tls import Contexts

TIMEOUT_S = 10.0
"""How long a peer may take over a handshake."""

MAX_HANDSHAKES = 1024
"""Peers that are in a handshake at once; more wait to be accepted."""

PAUSE_S = 1.0
"""How long nothing is accepted when the system cannot, as when it has no room for another connection."""

_log = logging.getLogger('headrace.security')

OnRefused = Callable[[str, ssl.SSLError], None]
"""Is told the host of a peer that was refused, and why."""


class TlsListener:
    """Accepts connections, and gives each a `protocol` when its handshake is done, until `close`.

    asyncio's own server would tell nobody who failed in a handshake, and would keep the context that it was
    given when it began; here each connection gets the one that `contexts` has now.
    """

    def __init__(
        self,
        listening: socket.socket,
        contexts: Contexts,
        protocol: Callable[[], Any],
        *,
        on_refused: OnRefused,
    ) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._contexts = contexts
        self._protocol = protocol
        self._on_refused = on_refused
        self._room = asyncio.Semaphore(MAX_HANDSHAKES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._begin(self._accept())

    def close(self) -> None:
        """Accept nothing more, and end the handshakes that are not done; connections stay."""
        for task in self._tasks:
            task.cancel()
        self._listening.close()

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._room.acquire()
            try:
                accepted, address = await loop.sock_accept(self._listening)
            except OSError as error:
                self._room.release()
                if error.errno != errno.ECONNABORTED:  # which is only a peer that has left already
                    _log.error('no connection can be accepted: %s', error)
                    await asyncio.sleep(PAUSE_S)
                continue
            self._begin(self._shake(accepted, address[0]))

    async def _shake(self, accepted: socket.socket, host: str) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, accepted, ssl=self._contexts.now(), ssl_handshake_timeout=TIMEOUT_S
            )
        except ssl.SSLError as error:
            self._on_refused(host, error)
        except OSError as error:  # as is TimeoutError
            _log.debug('%s left in its handshake: %s', host, error)
        finally:
            self._room.release()

"""A connection that was just accepted in, the same connection over TLS, and who is at its other end, out."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from headrace.wire.watched import Watched

TIMEOUT_S = 10.0
"""How long a peer may take over a handshake."""

Check = Callable[[asyncio.BaseTransport], None]
"""Looks at a connection whose handshake is done; raises SSLError for a peer that it does not want."""

OnRefused = Callable[[str, Exception], None]
"""Is told the host of a peer that was refused, and why."""


class Handshake(asyncio.Protocol):
    """The first protocol of an accepted connection: it speaks TLS, then `protocol` takes over.

    asyncio could do the handshake itself, but would tell nobody who failed in it, and would keep the context
    that it was given when the server began; here each connection gets the one that `contexts` has now.
    """

    def __init__(
        self,
        contexts: Watched[ssl.SSLContext],
        protocol: Callable[[], Any],
        *,
        check: Check | None = None,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._contexts = contexts
        self._protocol = protocol
        self._check = check
        self._on_refused = on_refused
        self._early = bytearray()
        self._is_lost = False
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        plain = cast(asyncio.Transport, transport)
        plain.pause_reading()  # what comes is for TLS
        self._task = asyncio.get_running_loop().create_task(self._shake(plain))

    def data_received(self, data: bytes) -> None:
        self._early += data  # comes with the end of the handshake, before anybody could take over

    def connection_lost(self, error: Exception | None) -> None:
        self._is_lost = True

    async def _shake(self, plain: asyncio.Transport) -> None:
        peer = plain.get_extra_info('peername')
        secured: asyncio.Transport | None = None
        try:
            secured = await asyncio.get_running_loop().start_tls(
                plain, self, self._contexts.now(), server_side=True, ssl_handshake_timeout=TIMEOUT_S
            )
            if secured is None or self._is_lost:
                return
            if self._check is not None:
                self._check(secured)
        except OSError as error:  # as are SSLError and TimeoutError
            (secured or plain).abort()
            if self._on_refused is not None and isinstance(error, ssl.SSLError):
                self._on_refused(peer[0] if peer else '', error)
            return
        self._hand_over(secured)

    def _hand_over(self, secured: asyncio.Transport) -> None:
        protocol = self._protocol()
        secured.set_protocol(protocol)
        protocol.connection_made(secured)
        early, self._early = bytes(self._early), bytearray()
        if isinstance(protocol, asyncio.BufferedProtocol):
            while early:
                room = memoryview(protocol.get_buffer(len(early)))
                size = min(len(room), len(early))
                room[:size] = early[:size]
                protocol.buffer_updated(size)
                early = early[size:]
        elif early:
            protocol.data_received(early)

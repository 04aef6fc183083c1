"""A transport in, whole messages out; with bounds on what a peer may send, leave unread, or keep open."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

from uvicorn.server import ServerState
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from headrace.errors import HeadraceError, TooLarge
from headrace.gateway.arrivals import host_of
from headrace.gateway.http.request import Peer
from headrace.gateway.refusals import request_too_large
from headrace.gateway.security.doorway import certificate_of
from headrace.gateway.unread import Backlog
from headrace.gateway.websocket import close
from headrace.gateway.websocket.session import Conversation
from headrace.pipeline.admission import Ticket

if TYPE_CHECKING:
    from headrace.gateway.websocket.door import Door

PING_S = 20
"""Seconds without a byte from the peer, after which it is asked whether it is there, then given up."""
MESSAGE_TIMEOUT_S = 15
MESSAGE_BYTES_PER_S = 16 * 1024
"""A message has `MESSAGE_TIMEOUT_S` seconds, and one more for each so many bytes that are here."""
CLOSE_S = 5
"""How long a peer may take to see that the connection is closed."""
LINGER_S = 0.1
"""How long it has to be quiet before a connection is closed on a peer that may still be sending."""
FREE_BYTES = 64 * 1024
"""Of a message that is not complete, so many bytes are read before they take room in the gateway."""
MAX_OWED_BYTES = 256 * 1024
"""Answers to pings that a peer may leave unread before nothing more is read from it."""
MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""How much of what comes after an end is read and forgotten, so that the peer gets to see why."""

_log = logging.getLogger('headrace.gateway.websocket.connection')
_log.setLevel(logging.ERROR)  # what clients do to the protocol is their business, not the log's


class Connection(asyncio.Protocol):
    """One WebSocket connection, from the handshake on; to the HTTP server one of its own connections.

    Messages go to the session. It writes with `send`, which waits until the peer has taken most of it.
    """

    def __init__(self, door: Door, state: ServerState) -> None:
        self.peer = Peer()
        self.peer.on_left = self._stop
        self.session: Conversation | None = None
        self.tasks: set[asyncio.Task[Any]] = state.tasks
        self.host = ''
        self.transport = cast(asyncio.Transport, None)
        self._door = door
        self._connections = cast('set[object]', state.connections)
        self._most_bytes = door.max_bytes
        self._frames = ServerProtocol(max_size=door.max_bytes, logger=_log)
        self._parts: list[bytes] = []
        self._is_text = False
        self._is_fragmented = False
        self._ticket: Ticket | None = None
        self._pauses: set[str] = set()
        self._writable: asyncio.Future[None] | None = None
        self._is_deaf = self._is_gone = self._lingers = False
        self._backlog = Backlog()
        self._pending_bytes = self._owed_bytes = 0
        self._quiet_s = self._pending_s = self._closing_s = 0

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.host = host_of(transport)
        self.peer.certificate = certificate_of(transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._quiet_s = 0
        self._pending_bytes += len(data)
        if self._is_deaf:
            if self._pending_bytes > MAX_DISCARDED_BYTES:
                self.transport.abort()
            return
        frames = self._frames
        frames.receive_data(data)
        for event in frames.events_received():
            if self._is_deaf:
                break
            if isinstance(event, Frame):
                self._on_frame(event)
            elif isinstance(event, Request):
                self._door.open(self, event, frames)
                self._pending_bytes = 0
        if frames.parser_exc is not None or frames.handshake_exc is not None:
            self._broken(frames.parser_exc)
        self._flush()
        if self._pending_bytes > FREE_BYTES and not self._is_deaf:
            self._hold()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.set_result(None)
        self._owed_bytes = 0
        self.resume('owed')

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_gone = self._is_deaf = True
        self.peer.gone = True
        self.resume_writing()
        self._release()
        if self.session is not None:
            self.session.lost()
        self._connections.discard(self)

    # What the session, the door and the HTTP server want.

    async def send(self, message: bytes) -> None:
        """Write a message as soon as there is room, and wait until the peer has taken most of it."""
        while self._writable is not None:
            await asyncio.shield(self._writable)
        self._write(message)
        while self._writable is not None:
            await asyncio.shield(self._writable)

    def say(self, message: bytes) -> None:
        """Write one text message that belongs to no session."""
        if self._frames.state is OPEN:
            self._frames.send_text(message)
            self._flush()

    def owe(self, message: bytes) -> None:
        """Write a small message at once; a peer that does not take many of these is not read from."""
        self._write(message)
        self._count_owed(len(message))

    def pause(self, reason: str) -> None:
        """Read nothing more until `resume` with this reason."""
        if not self._pauses and not self._is_gone:
            self.transport.pause_reading()
        self._pauses.add(reason)

    def resume(self, reason: str) -> None:
        """What `reason` was a reason for is over."""
        if reason in self._pauses:
            self._pauses.discard(reason)
            if not self._pauses and not self._is_gone and not self.transport.is_closing():
                self.transport.resume_reading()

    def close(self, code: int, reason: str = '') -> None:
        """Say that this is the end, and why; the peer may take `CLOSE_S` seconds to answer."""
        if self._frames.state is OPEN:
            self._frames.send_close(code, reason)
            self._closing_s = 1
            self._resume_all()
            self._flush()

    def fail(self, code: int, reason: str) -> None:
        """End the connection in the middle of what the peer says; the rest of it is not listened to."""
        self._frames.fail(code, reason)
        self._hang_up()
        self._flush()

    def hurry(self) -> None:
        """Once a second: an end to a peer that is not there, or does not get on with it."""
        self._quiet_s += 1
        if self._closing_s:
            self._closing_s += 1
            if self._closing_s > CLOSE_S:
                self.transport.abort()
        elif self._backlog.is_stuck(self.transport.get_write_buffer_size()):
            self.transport.abort()
        elif self._pauses:
            self._quiet_s = self._pending_s = 0  # it is we who do not listen
        elif self._is_slow_to_send():
            self.fail(close.POLICY, 'the message comes too slowly, and was not complete in time')
        elif self._quiet_s >= 2 * PING_S:
            self.transport.abort()
        elif self._quiet_s == PING_S:
            self._frames.send_ping(b'')
            self._flush()

    def shutdown(self) -> None:
        """Take no more requests, and end when those that were taken are answered."""
        if self.session is not None:
            self.session.drain()
        else:
            self.close(close.GOING_AWAY)

    # Inside.

    def _stop(self) -> None:
        """The server waits no longer."""
        if self.session is not None and self.peer.stopping:
            self.session.stop()

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._is_deaf = True
            if self.session is not None:
                self.session.lost()
            return
        if frame.opcode is Opcode.PONG or frame.opcode is Opcode.PING:
            self._pending_bytes -= min(self._pending_bytes, len(frame.data) + 6)
            self._count_owed(len(frame.data) + 2)
            return
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        if frame.data:  # or fragments of nothing would take memory, and count for none
            self._parts.append(bytes(frame.data))
        self._is_fragmented = not frame.fin
        if frame.fin:
            parts, self._parts = self._parts, []
            self._pending_bytes = self._pending_s = 0
            self._complete(parts[0] if len(parts) == 1 else b''.join(parts))

    def _complete(self, message: bytes) -> None:
        """A whole message is here."""
        session = self.session
        if session is None or self._closing_s:
            self._release()
        elif self._is_text is session.language.is_binary:
            wanted = 'binary' if session.language.is_binary else 'text'
            self.fail(close.UNSUPPORTED, f'only {wanted} messages are spoken here')
        elif self._is_text and not _is_utf8(message):
            self.fail(close.INVALID, 'the text is not UTF-8')
        else:
            ticket, self._ticket = self._ticket, None
            session.received(message, ticket)

    def _hold(self) -> None:
        """Count what is here of a message that is not complete: the gateway has no more room than it has."""
        if self.session is None:
            return
        try:
            if self._ticket is None:
                self._ticket = self.session.room(self._pending_bytes)
            else:
                self._ticket.grow(max(0, self._pending_bytes - self._ticket.size))
        except HeadraceError as error:
            self.session.refused(error)
            code = close.TOO_BIG if isinstance(error, TooLarge) else close.TRY_LATER
            self.fail(code, close.reason(error))

    def _broken(self, error: Exception | None) -> None:
        """The peer has broken a rule of the protocol, or sends more than is accepted."""
        if isinstance(error, PayloadTooBig) and self.session is not None:
            self.session.refused(request_too_large(self._most_bytes))
        self._hang_up()

    def _release(self) -> None:
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.leave()

    def _write(self, message: bytes) -> None:
        frames, session = self._frames, self.session
        if frames.state is OPEN and session is not None:
            if session.language.is_binary:
                frames.send_binary(message)
            else:
                frames.send_text(message)
            self._flush()

    def _flush(self) -> None:
        """Write what the protocol has to say; an empty piece is its end."""
        for data in self._frames.data_to_send():
            if self._is_gone:
                return
            if data:
                self.transport.write(data)
            elif not self._lingers:
                self.transport.close()

    def _count_owed(self, size: int) -> None:
        if self._writable is not None:
            self._owed_bytes += size
            if self._owed_bytes > MAX_OWED_BYTES:
                self.pause('owed')

    def _hang_up(self) -> None:
        """Listen no more; the transport stays a moment, as the peer would not see why if it were cut off."""
        self._is_deaf = self._lingers = True
        self._closing_s = self._closing_s or 1
        self._release()
        self._resume_all()
        if self.session is not None:
            self.session.lost()
        self._let_go(-1)

    def _let_go(self, heard_bytes: int) -> None:
        """Close the transport as soon as nothing more comes."""
        if self._pending_bytes == heard_bytes:
            self.transport.close()
        elif not self._is_gone:
            loop = asyncio.get_running_loop()
            loop.call_later(LINGER_S, self._let_go, self._pending_bytes)

    def _resume_all(self) -> None:
        for reason in tuple(self._pauses):
            self.resume(reason)

    def _is_slow_to_send(self) -> bool:
        is_sending = self._pending_bytes > 0 or self._is_fragmented
        self._pending_s = self._pending_s + 1 if is_sending else 0
        return self._pending_s > MESSAGE_TIMEOUT_S + self._pending_bytes / MESSAGE_BYTES_PER_S


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True

"""How much waits for a client, second by second, in; whether it has taken nothing of it for too long out."""

from __future__ import annotations

UNREAD_TIMEOUT_S = 30
"""How long a client may take nothing of an answer that waits for it."""


class Backlog:
    """What is written to a connection and not yet taken."""

    __slots__ = ('_bytes', '_stuck_s')

    def __init__(self) -> None:
        self._bytes = self._stuck_s = 0

    def is_stuck(self, unread_bytes: int) -> bool:
        """To be asked once a second: whether the client has taken nothing since `UNREAD_TIMEOUT_S`."""
        is_same = unread_bytes > 0 and unread_bytes == self._bytes
        self._stuck_s = self._stuck_s + 1 if is_same else 0
        self._bytes = unread_bytes
        return self._stuck_s > UNREAD_TIMEOUT_S

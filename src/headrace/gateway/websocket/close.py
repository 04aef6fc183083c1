"""The codes with which a connection ends."""

from __future__ import annotations

from headrace.errors import HeadraceError

NORMAL = 1000
GOING_AWAY = 1001
UNSUPPORTED = 1003
INVALID = 1007
POLICY = 1008
TOO_BIG = 1009
INTERNAL = 1011
TRY_LATER = 1013
UNAUTHENTICATED = 4401

LONGEST_REASON = 120
"""Bytes of a reason; a close frame has room for 123."""


def reason(error: Exception) -> str:
    """An error in so few words that a close frame can carry it."""
    text = error.message if isinstance(error, HeadraceError) else 'the server failed'
    return text.encode()[:LONGEST_REASON].decode(errors='ignore')

"""What clients say of their requests in; out, what a gateway takes of it: ids, traces and times."""

from __future__ import annotations

from headrace.errors import RequestError

LONGEST_ID = 128
"""Characters of a request id that a client may choose."""

LONGEST_TIMEOUT_S = 86_400.0
"""How long a client may say that it waits."""

TRACEPARENT_SIZE = 55
"""Of version 00: 2 + 32 + 16 + 2 hex digits and three dashes."""


def usable_id(given: str | int | None) -> str:
    """A request id that a client chose, if logs, headers and metadata can carry it; else ''.

    >>> usable_id('order-17'), usable_id(7), usable_id('two\\\\nlines')
    ('order-17', '7', '')
    """
    text = '' if given is None else str(given)
    return text if len(text) <= LONGEST_ID and text.isascii() and text.isprintable() else ''


def usable_trace(given: str) -> str:
    """A W3C traceparent that a client gave, if it can be one; else ''."""
    return given if len(given) == TRACEPARENT_SIZE and given.isascii() else ''


def usable_timeout_s(given: float, longest_s: float = LONGEST_TIMEOUT_S) -> float:
    """The seconds that a request gives itself, or `longest_s`; RequestError for what is no time."""
    if not given > 0:  # true for nan, too
        raise RequestError(f'timeout_s is {given}', help='give seconds above 0, or leave it out')
    return min(given, longest_s)

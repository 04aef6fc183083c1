"""What clients say of their requests in; out, what of it a gateway takes: the bounds of names and times."""

from __future__ import annotations

LONGEST_ID = 128
"""Characters of a request id that a client may choose."""

LONGEST_TIMEOUT_S = 86_400.0
"""How long a client may say that it waits."""


def usable_id(given: str | int | None) -> str:
    """A request id that a client chose, if logs, headers and metadata can carry it; else ''.

    >>> usable_id('order-17'), usable_id(7), usable_id('two\\\\nlines')
    ('order-17', '7', '')
    """
    text = '' if given is None else str(given)
    return text if len(text) <= LONGEST_ID and text.isascii() and text.isprintable() else ''

"""What clients say of their requests in; out, what a gateway takes of it: ids, traces and times."""

from __future__ import annotations

from headrace.errors import RequestError
from headrace.observe.tracing.traceparent import usable as usable_trace
from headrace.observe.tracing.traceparent import usable_state
from headrace.pipeline.describe import LONGEST_NAME

__all__ = ['check_address', 'usable_id', 'usable_state', 'usable_timeout_s', 'usable_trace']

LONGEST_ID = 128
"""Characters of a request id that a client may choose."""

LONGEST_TIMEOUT_S = 86_400.0
"""How long a client may say that it waits, at every door."""


def usable_id(given: str | int | None) -> str:
    """A request id that a client chose, if logs, headers and metadata can carry it; else ''.

    >>> usable_id('order-17'), usable_id(7), usable_id('two\\\\nlines')
    ('order-17', '7', '')
    """
    text = '' if given is None else str(given)
    return text if len(text) <= LONGEST_ID and text.isascii() and text.isprintable() else ''


def check_address(endpoint: str, target: str) -> None:
    """Raise RequestError for names that are too long to be any: logs, metrics and errors would carry them."""
    if len(endpoint) > LONGEST_NAME or len(target) > LONGEST_NAME:
        what, name = ('target', target) if len(target) > LONGEST_NAME else ('endpoint', endpoint)
        raise RequestError(
            f'the {what} has {len(name)} characters: {name[:20]!r}...',
            help=f'names have at most {LONGEST_NAME}; what is longer belongs into parameters',
        )


def usable_timeout_s(given: float | str) -> float:
    """The seconds that a request gives itself; RequestError for what is no such time.

    >>> usable_timeout_s('2.5')
    2.5
    """
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TIMEOUT_S:  # false for nan, too
        raise RequestError(
            f'the request gives itself {given!s:.40} seconds',
            help=f'give seconds above 0, up to {LONGEST_TIMEOUT_S:g}, such as 2.5',
        )
    return seconds

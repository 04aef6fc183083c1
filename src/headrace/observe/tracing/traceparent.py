"""W3C trace context: the text that goes with a request in, what it says out.

`00-<trace id: 32 hex digits>-<span id: 16>-<flags: 2>`; the lowest bit of the flags says that the trace is
recorded. Nothing here needs OpenTelemetry: requests that nobody records carry their trace, too.
"""

from __future__ import annotations

import re
from random import getrandbits, random

SIZE = 55
"""Characters of a traceparent of version 00."""

_FORM = re.compile(r'([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})')
_SAMPLED = frozenset('13579bdf')
_NO_TRACE, _NO_SPAN = '0' * 32, '0' * 16


def usable(given: str) -> str:
    """A traceparent that somebody gave, as version 00 writes it; '' if it is none.

    >>> usable('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    >>> usable('00-00000000000000000000000000000000-00f067aa0ba902b7-01')
    ''
    """
    found = _FORM.match(given)
    if found is None:
        return ''
    version, trace_id, span_id, flags = found.groups()
    if version == 'ff' or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return ''
    if len(given) > SIZE and (version == '00' or given[SIZE] != '-'):
        return ''  # versions to come may have more, after a dash
    return given if version == '00' else f'00-{trace_id}-{span_id}-{flags}'


def is_sampled(trace: str) -> bool:
    """Whether the request of a (usable) traceparent is recorded; not without one."""
    return trace[54:55] in _SAMPLED


def trace_id(trace: str) -> str:
    """The 32 hex digits that all spans of a request have in common; '' without a trace.

    >>> trace_id('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')
    '4bf92f3577b34da6a3ce929d0e0e4736'
    """
    return trace[3:35]


def ids(trace: str) -> tuple[int, int]:
    """The trace id and the span id of a usable traceparent as numbers."""
    return int(trace[3:35], 16), int(trace[36:52], 16)


def unsampled(trace: str = '') -> str:
    """A traceparent that says: nobody records this. It continues a trace, or is one of its own."""
    if trace:
        return f'{trace[:53]}00'
    return f'00-{getrandbits(128) or 1:032x}-{getrandbits(64) or 1:016x}-00'


def is_chosen(ratio: float) -> bool:
    """Whether a request is among the `ratio` of all that are recorded.

    By chance, and not by the id of its trace: who calls could choose one that is always recorded.
    """
    return random() < ratio

"""W3C trace context: the text that goes with a request in, what it says out.

A traceparent is `00-<trace id: 32 hex digits>-<span id: 16>-<flags: 2>`; the lowest bit of the flags says
that the trace is recorded. A tracestate is what vendors add to that (`one=value,other=value`): it means
nothing to us, and goes on unchanged. Nothing here needs OpenTelemetry: requests that nobody records carry
their trace, too.
"""

from __future__ import annotations

import re
from random import getrandbits, random

SIZE = 55
"""Characters of a traceparent of version 00."""

LONGEST_STATE, MOST_MEMBERS = 512, 32
"""Characters of a tracestate that go on, and what the standard allows it to have at most."""

LONGEST_GIVEN = 32 * 1024
"""Characters of a tracestate that is looked at; no usable one has more."""

LONG_MEMBER = 128
"""Members with more characters are left out first."""

_FORM = re.compile(r'([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})')
_MEMBER = re.compile(
    r'[a-z0-9][a-z0-9_*/-]{0,240}(@[a-z][a-z0-9_*/-]{0,13}|[a-z0-9_*/-]{0,15})'
    r'=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]'
)
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


def usable_state(given: str, trace: str) -> str:
    """A tracestate that came with a usable traceparent, as it goes on: unchanged, or '' if it is none.

    Of one that is longer than `LONGEST_STATE`, members are left out: long ones, then the oldest.

    >>> usable_state('congo=t61rcWkgMzE,rojo=00f067aa0ba902b7', f'00-{7:032x}-{7:016x}-01')
    'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7'
    """
    if not trace or not 0 < len(given) <= LONGEST_GIVEN:
        return ''
    members = [text for each in given.split(',') if (text := each.strip(' \t'))]
    if not members or len(members) > MOST_MEMBERS or not all(map(_MEMBER.fullmatch, members)):
        return ''
    if len(given) <= LONGEST_STATE:
        return given.strip(' \t')
    for member in reversed(members):
        if len(','.join(members)) > LONGEST_STATE and len(member) > LONG_MEMBER:
            members.remove(member)
    while len(','.join(members)) > LONGEST_STATE:
        members.pop()
    return ','.join(members)


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

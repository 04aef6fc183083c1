"""Which request the code that runs now works on: set where handlers are called, read where lines are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

FIRST_FEW = 3
"""Requests of a batch that its lines name; the others are counted."""


FLOW: ContextVar[str] = ContextVar('headrace_flow', default='')
"""The Flow that the tasks of a supervisor look after: a program may have several. '' outside of them."""


class Asked(Protocol):
    """A request, as far as lines say who it is: its id, and the W3C traceparent that it belongs to."""

    @property
    def request_id(self) -> str: ...

    @property
    def trace(self) -> str: ...


class Place(NamedTuple):
    """Where code runs: an executor, which of its replicas, and the endpoint that was called."""

    executor: str
    replica: str
    endpoint: str


Work = tuple[Place, Asked | Sequence[Asked]]
"""What is worked on: one request, or those of a batch."""

CURRENT: ContextVar[Work | None] = ContextVar('headrace_work', default=None)
"""The work of this task or thread. Set and reset around every call of user code: it costs 0.1 µs."""


def told(work: Work | None) -> dict[str, Any]:
    """What a line says about the work that it was written in: fields of `Line`."""
    if work is None:
        return {}
    (executor, replica, endpoint), asked = work
    found: dict[str, Any] = {'endpoint': endpoint}
    if executor:  # else the process says where it is
        found |= {'executor': executor, 'replica': replica}
    several: Sequence[Asked] = asked if isinstance(asked, tuple) else (asked,)
    first = several[0]
    found['request_id'] = first.request_id
    _, found['trace_id'], found['span_id'] = trace_ids(first.trace)
    if len(several) > 1:
        found['requests'] = len(several)
        found['request_ids'] = tuple(each.request_id for each in several[:FIRST_FEW])
    return found


@dataclass(frozen=True, slots=True)
class Named:
    """A request of which no more than its name is known (and no tuple: those are the requests of a batch)."""

    request_id: str
    trace: str = ''


@contextmanager
def said_of(asked: Asked, endpoint: str) -> Iterator[None]:
    """What is logged in here is said of this request, though no handler runs (any more)."""
    before = CURRENT.set((Place('', '', endpoint), asked))
    try:
        yield
    finally:
        CURRENT.reset(before)


def trace_ids(trace: str) -> tuple[str, str, str]:
    """Version, trace id and span id of a W3C traceparent; empty ones if it is none.

    >>> trace_ids('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
    ('00', '0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331')
    """
    parts = trace.split('-', 3)
    return (parts[0], parts[1], parts[2]) if len(parts) == 4 else ('', '', '')


def request_id() -> str:
    """The id of the request that is worked on here; that of the first one in a batch, '' outside of any."""
    found: str = told(CURRENT.get()).get('request_id', '')
    return found


def trace_id() -> str:
    """The trace id of the request that is worked on here, or ''."""
    found: str = told(CURRENT.get()).get('trace_id', '')
    return found

"""What goes with a request beside its data: who asks for what, until when, and whether they still wait."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from headrace.errors import Cancelled, DeadlineExceeded
from headrace.observe.tracing.traceparent import is_sampled, unsampled
from headrace.pipeline.hops import Hop

if TYPE_CHECKING:
    from headrace.observe.tracing.span import Span

_log = logging.getLogger(__name__)
_lock = threading.Lock()  # of all contexts: it is held for moments


class Door(Protocol):
    """A request as a door knows it: when it came (`time.perf_counter()`), and what it tells at its end."""

    protocol: str
    started: float
    trace: str
    span: Any


class Context:
    """The circumstances of one request; passed unchanged from the gateway to every executor.

    `deadline` is a point on `time.monotonic()` of this process (None: no limit); on the wire it travels as
    the seconds that are left. `target` is a regular expression for the names of the executors to visit ('' is
    all). `trace` is a W3C traceparent, or '', `trace_state` the tracestate with it. `client` says who asks,
    so that queues can be fair: the host that a gateway's door sees, '' where there is no door; it does not
    travel to workers. `hops` collects where the time goes; None if nobody wants to know. `span` is that of
    who works on it in this process; None if that is not recorded. `door` is what the door that it came
    through knows of it; None behind others. `tape` is what `headrace.recording` notes of it; None before that
    has been asked.
    """

    __slots__ = (
        *('_callbacks', 'cancelled', 'client', 'deadline', 'door', 'endpoint'),
        *('hops', 'request_id', 'span', 'tape', 'target', 'trace', 'trace_state'),
    )

    def __init__(
        self,
        endpoint: str = '/',
        *,
        request_id: str = '',
        deadline: float | None = None,
        target: str = '',
        trace: str = '',
        trace_state: str = '',
        client: str = '',
    ) -> None:
        self.endpoint = endpoint
        self.request_id = request_id or new_request_id()
        self.deadline = deadline
        self.target = target
        self.trace = trace
        self.trace_state = trace_state
        self.client = client
        self.hops: list[Hop] | None = None
        self.span: Span | None = None
        self.door: Door | None = None
        self.tape: Any = None
        self.cancelled = False
        self._callbacks: list[Callable[[], None]] | None = None

    @classmethod
    def within(cls, endpoint: str, timeout_s: float | None, **fields: str) -> Context:
        """A context whose deadline is `timeout_s` seconds from now."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        return cls(endpoint, deadline=deadline, **fields)

    def part(self) -> Context:
        """The same circumstances for one piece of the work, which can be cancelled apart from the rest.

        What it registers with `on_cancel` is forgotten with it: a request whose answer has a million parts
        keeps nothing of each. See `Parts`.
        """
        part = Context(
            self.endpoint,
            request_id=self.request_id,
            deadline=self.deadline,
            target=self.target,
            trace=self.trace,
            trace_state=self.trace_state,
            client=self.client,
        )
        part.tape = self.tape
        return part

    def inside(self, span: Span) -> Context:
        """The same circumstances for what is done within a span; cancelled with the request."""
        inner = self.part()
        inner.trace, inner.span = span.trace, span
        self.on_cancel(inner.cancel)
        return inner

    def left_s(self) -> float | None:
        """Seconds until the deadline, possibly negative; None without one."""
        return None if self.deadline is None else self.deadline - time.monotonic()

    def check(self) -> None:
        """Raise if nobody waits for the answer any more: work that is late is not started."""
        if self.cancelled:
            raise Cancelled(f'request {self.request_id} was cancelled by its caller')
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise too_late(self.endpoint)

    def cancel(self) -> None:
        """Tell everybody who works on this request that its caller has left."""
        with _lock:
            callbacks, self._callbacks = self._callbacks, None
            self.cancelled = True
        for callback in callbacks or ():
            try:
                callback()
            except Exception:  # user code may have left one; the others have to be told all the same
                _log.exception('request %s: what was to be done when it is cancelled failed', self.request_id)

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the request is cancelled (at once if it is already).

        Any thread may ask for this; the callback runs on the one that cancels.
        """
        with _lock:
            if not self.cancelled:
                if self._callbacks is None:
                    self._callbacks = []
                self._callbacks.append(callback)
                return
        callback()

    def __repr__(self) -> str:
        state = ' cancelled' if self.cancelled else ''
        return f'<Context {self.request_id} {self.endpoint}{state}>'


class Parts:
    """The pieces of one request's work that are under way: when it is cancelled, so are they.

    Of a request that is recorded, the first piece is: of a million that follow it, one would learn no more.

    >>> parts = Parts(Context('/generate'))
    >>> with parts.one() as context:
    ...     context.endpoint
    '/generate'
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._under_way: set[Context] = set()
        self._is_told = False
        context.on_cancel(self._cancel)

    @contextmanager
    def one(self) -> Iterator[Context]:
        """The context of one piece, as long as that is worked on; Cancelled if nobody waits any more."""
        self._context.check()
        part = self._context.part()
        if self._is_told and is_sampled(part.trace):
            part.trace = unsampled(part.trace)
        self._is_told = True
        self._under_way.add(part)
        try:
            yield part
        finally:
            self._under_way.discard(part)

    def _cancel(self) -> None:
        for part in list(self._under_way):
            part.cancel()


def new_request_id() -> str:
    """32 hex digits that no other request has."""
    return os.urandom(16).hex()


def too_late(endpoint: str) -> DeadlineExceeded:
    """The error of a request that has no answer when its time is over, whoever notices it first."""
    return DeadlineExceeded(
        f'no answer from {endpoint!r} in time',
        help='give the request more time (timeout_s, or the header X-Headrace-Timeout-S), or less to do',
    )

"""One request as a gateway's door sees it: noted while it is under way, and told when it has ended."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any

from msgspec import Struct

from headrace.errors import HeadraceError
from headrace.gateway.audit import is_refusal
from headrace.pipeline.context import Context
from headrace.pipeline.describe import DEFAULT_ENDPOINT
from headrace.pipeline.hops import Hop

GONE = 499
"""The status of a request that nobody waits for any more."""


LONGEST_ERROR = 2000
"""Characters of an error that are told: some repeat what they were given."""


class Finished(Struct):
    """A request, complete when it has ended: then `Observer.ended` tells it to who wants to know.

    `started` is on `time.perf_counter()`, `begun` is the wall clock; the latter and `seconds` are set at the
    end. `endpoint` is what was called ('' is none of the Flow: a page), `status` the number that HTTP has for
    what became of it, on every protocol; `error` its class and message, `is_refused` whether that refused
    it, which the audit log tells. `client` is whom limits count it
    for, `trace` a W3C traceparent or '', `span` what is recorded of it (see `pipeline/spans.py`). `hops` says
    where the time went, if it came as far as the Flow.
    """

    protocol: str
    started: float
    endpoint: str = ''
    status: int = GONE
    error: str = ''
    is_refused: bool = False
    seconds: float = 0.0
    received_bytes: int = 0
    sent_bytes: int = 0
    documents: int = 0
    client: str = ''
    request_id: str = ''
    trace: str = ''
    begun: float = 0.0
    hops: list[Hop] | None = None
    span: Any = None

    def begins(self, context: Context, size: int) -> None:
        """It has come, so many bytes, and this is what it says of itself."""
        self.endpoint = context.endpoint or DEFAULT_ENDPOINT
        self.client = context.client
        self.request_id = context.request_id
        self.trace = context.trace
        self.received_bytes = size

    def goes_on(self, context: Context, documents: int) -> None:
        """It is understood, and goes on into the Flow with this context."""
        self.endpoint = context.endpoint
        self.client = context.client
        self.request_id = context.request_id
        self.trace = context.trace
        self.documents = documents
        self.hops = context.hops = []
        context.door = self

    def failed(self, error: BaseException) -> None:
        """It ended with an error; the first one counts."""
        if self.error:
            return
        self.status = status_of(error)
        self.is_refused = is_refusal(error)
        message = error.message if isinstance(error, HeadraceError) else str(error)
        name = type(error).__name__
        self.error = f'{name}: {message}'[:LONGEST_ERROR] if message else name


def status_of(error: BaseException) -> int:
    """The number that HTTP has for an error.

    >>> status_of(ValueError('of user code, or ours'))
    500
    """
    if isinstance(error, HeadraceError):
        return error.http_status
    return GONE if isinstance(error, CancelledError | GeneratorExit) else 500

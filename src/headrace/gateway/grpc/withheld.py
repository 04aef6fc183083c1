"""gRPC's own debug log in; out, whether it was gRPC that kept a message from who reads it.

A message above the limit is refused by gRPC as soon as it says its size, and its client is told. Who reads
it here gets the same nothing as when a client leaves in the middle of a message, but for a line that gRPC's
Python part writes into a log that nobody reads. (The line is also there for compressed bytes that become too
many, or cannot be unpacked.)
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

LOG = logging.getLogger('grpc._cython.cygrpc')
LINE = 'Failed to receive any message from Core'

_IS_WITHHELD = ContextVar('_IS_WITHHELD', default=False)


class _Listener(logging.Filter):
    """Hears the line, in the context of who reads; what is below `level` goes no farther, as before."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(LINE):
            _IS_WITHHELD.set(True)
        return record.levelno >= self._level


def listen() -> None:
    """Hear from now on; once is enough for a process."""
    if not any(isinstance(each, _Listener) for each in LOG.filters):
        LOG.addFilter(_Listener(LOG.getEffectiveLevel()))
        LOG.setLevel(logging.DEBUG)


def is_withheld() -> bool:
    """Whether the last message that this task wanted to read was refused by gRPC."""
    return _IS_WITHHELD.get()

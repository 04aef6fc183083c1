"""gRPC's own debug log in; out, whether it was gRPC that kept a message from who reads it.

A message above the limit is refused by gRPC as soon as it says its size, and its client is told. Who reads
it here gets the same nothing as when a client leaves in the middle of a message, but for a line that gRPC's
Python part writes into a log that nobody reads. (The line is also there for compressed bytes that become too
many, or cannot be unpacked.)
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

LOG = logging.getLogger('grpc._cython.cygrpc')
LINE = 'Failed to receive any message from Core'

_IS_WITHHELD = ContextVar('_IS_WITHHELD', default=False)


class _Listener:
    """Stands before `debug` of the log, and hears the line in the context of who reads."""

    def __init__(self, debug: Callable[..., None]) -> None:
        self._debug = debug

    def __call__(self, text: object, *args: Any, **more: Any) -> None:
        if str(text).startswith(LINE):
            _IS_WITHHELD.set(True)
        self._debug(text, *args, **more)


def listen() -> None:
    """Hear from now on; once is enough for a process."""
    if not isinstance(LOG.debug, _Listener):
        setattr(LOG, 'debug', _Listener(LOG.debug))  # noqa: B010 (a level or a filter would make records of all)


def is_withheld() -> bool:
    """Whether the last message that this task wanted to read was refused by gRPC."""
    return _IS_WITHHELD.get()

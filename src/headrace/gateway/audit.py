"""A refused call in, one line of the audit log out: who, whence, what, why; with a bound under a flood."""

from __future__ import annotations

import asyncio
import json
import logging
import logging.handlers
import os
import time
from collections.abc import Callable
from typing import Any

from headrace.errors import HeadraceError
from headrace.gateway.identity import Identity

LOG = logging.getLogger('headrace.audit')
_log = logging.getLogger('headrace.security')
REFUSALS = frozenset((401, 403, 413, 429, 431))
"""The statuses of calls that are refused for what they are, or who sends them; others went wrong."""
LINES_PER_S = 100
"""Lines per second and reason; the rest is counted, and told in one."""
LONGEST = 300


def is_refusal(error: BaseException) -> bool:
    """Whether an error refuses a call, rather than says that it went wrong."""
    return isinstance(error, HeadraceError) and (error.is_refusal or error.http_status in REFUSALS)


class Audit:
    """Writes a line for each refused call, as JSON: whatever clients send stays on that line.

    The lines go to the log `headrace.audit`, and to `file`, which may be moved away and begins anew then.
    """

    def __init__(self, file: str = '', *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = 0.0
        self._counts: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._file = _PrivateFile(file, encoding='utf-8') if file else None

    def refused(
        self,
        error: BaseException,
        identity: Identity | None,
        *,
        protocol: str,
        endpoint: str,
        request_id: str,
        host: str = '',
    ) -> None:
        """Write that a call was refused; an error that refuses nothing is not for this log."""
        if not is_refusal(error) or not isinstance(error, HeadraceError):
            return
        reason = type(error).__name__
        if not self._has_room(reason):
            return
        known = identity.host if identity is not None else str(getattr(error, 'host', ''))
        self._write(
            {
                'event': 'refused',
                'status': error.http_status,
                'reason': reason,
                'detail': error.message,
                'who': identity.name if identity is not None else getattr(error, 'who', ''),
                'host': known or host or (identity.client if identity is not None else ''),
                'protocol': protocol,
                'endpoint': endpoint,
                'request_id': request_id,
            }
        )

    def close(self) -> None:
        """Tell what is not told yet, and let go of the file."""
        if self._timer is not None:
            self._timer.cancel()
        self._sum_up()
        if self._file is not None:
            self._file.close()

    def _has_room(self, reason: str) -> bool:
        """Whether one more line of this reason may be written in this second."""
        now = self._clock()
        if now - self._second >= 1:
            self._sum_up()
            self._second = now
        count = self._counts[reason] = self._counts.get(reason, 0) + 1
        if count == LINES_PER_S + 1:
            self._sum_up_later()
        return count <= LINES_PER_S

    def _sum_up_later(self) -> None:
        """What a flood leaves untold is told when its second is over, though nobody calls any more."""
        if self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(1, self._sum_up)
            except RuntimeError:
                return  # no loop runs: the next refusal tells

    def _sum_up(self) -> None:
        self._timer = None
        counts, self._counts = self._counts, {}
        for reason, count in counts.items():
            if count > LINES_PER_S:
                self._write({'event': 'refused', 'reason': reason, 'more': count - LINES_PER_S})

    def _write(self, facts: dict[str, Any]) -> None:
        facts = {name: _short(value) for name, value in facts.items()}
        at = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
        line = json.dumps({'time': at, **facts})  # ASCII only: no line breaks, no signs that turn text round
        LOG.warning('%s', line)
        if self._file is None:
            return
        try:
            self._file.handle(logging.makeLogRecord({'msg': line, 'levelno': logging.WARNING}))
        except OSError as error:  # a call is refused all the same, and the log has the line
            _log.error('the audit file cannot be begun anew: %s', error)


def _short(value: Any) -> Any:
    return f'{value[:LONGEST]}...' if isinstance(value, str) and len(value) > LONGEST else value


class _PrivateFile(logging.handlers.WatchedFileHandler):
    """A file that only its owner reads; when it is moved away, another one is begun."""

    def _open(self) -> Any:
        os.close(os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        return super()._open()

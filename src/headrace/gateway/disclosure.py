"""An exception in, what of it a client may see out; the log has the rest."""

from __future__ import annotations

import logging
from typing import NamedTuple

from headrace.errors import DeadlineExceeded, ExecutorFailure, HeadraceError, Unavailable
from headrace.observe.logcontext import Named, said_of
from headrace.observe.paths import hide_paths

NOTED_ELSEWHERE = (ExecutorFailure, Unavailable, DeadlineExceeded)
LOG = logging.getLogger('headrace.gateway')


class Disclosed(NamedTuple):
    """An error of ours, and its texts as a client may read them."""

    error: HeadraceError
    message: str
    help: str
    traceback: str


def disclosed(error: BaseException, *, request_id: str, endpoint: str, development: bool) -> Disclosed:
    """What a client may see of `error`, on every protocol.

    An exception that is not ours says nothing about itself, as its text may hold paths or data; the log has
    it under the request id. Where files lie on the server, and tracebacks, are shown in development only.
    """
    with said_of(Named(request_id), endpoint):
        if not isinstance(error, HeadraceError):
            LOG.error('request %s to %r failed', request_id, endpoint, exc_info=error)
        elif error.http_status >= 500 and not isinstance(error, NOTED_ELSEWHERE):
            LOG.warning('request %s to %r: %s', request_id, endpoint, error)
    if not isinstance(error, HeadraceError):
        error = _unexpected(error, development)
    traceback = error.traceback if development and isinstance(error, ExecutorFailure) else ''
    if development or error.http_status < 500:
        return Disclosed(error, error.message, error.help, traceback)
    message, help = (hide_paths(text, keep=endpoint) for text in (error.message, error.help))
    return Disclosed(error, message, help, traceback)


def _unexpected(error: BaseException, development: bool) -> HeadraceError:
    if development:
        return HeadraceError(f'{type(error).__name__}: {error}')
    return HeadraceError('the server failed', help='its log has more under this request_id')

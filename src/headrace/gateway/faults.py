"""An exception in, the Error message that a client may see out."""

from __future__ import annotations

import logging

from headrace.errors import DeadlineExceeded, ExecutorFailure, HeadraceError, Overloaded, Unavailable
from headrace.observe.paths import hide_paths
from headrace.proto import headrace_pb2 as pb

LOG = logging.getLogger('headrace.gateway')

LIMIT = 1200
"""Bytes of a text that are sent: gRPC has room for about 8 kB of metadata, the status text included."""


def to_message(
    error: BaseException, *, request_id: str, endpoint: str = '', development: bool = False
) -> pb.Error:
    """What a client is told about `error`.

    An exception that is not ours says nothing about itself, as its text may hold paths or data; the log has
    it under the request id. Paths of files and the traceback of an executor's code are shown in development.
    """
    if not isinstance(error, HeadraceError):
        LOG.error('request %s to %r failed', request_id, endpoint, exc_info=error)
        error = _unexpected(error, development=development)
    elif error.http_status >= 500 and not isinstance(error, Unavailable | DeadlineExceeded):
        LOG.warning('request %s to %r: %s', request_id, endpoint, error)
    is_callers = error.http_status < 500
    text = error.message if development or is_callers else hide_paths(error.message, keep=endpoint)
    message = pb.Error(
        status=error.grpc_status,
        kind=type(error).__name__,
        message=cut(text, LIMIT),
        help=cut(error.help, LIMIT // 2),
        request_id=request_id,
        endpoint=endpoint,
    )
    if isinstance(error, Overloaded):
        message.retry_after_s = error.retry_after_s
    if isinstance(error, ExecutorFailure):
        message.executor = error.executor
        if development:
            message.traceback = error.traceback.encode()[-LIMIT:].decode(errors='ignore')
    return message


def cut(text: str, size: int) -> str:
    """A text of at most so many bytes."""
    return text.encode()[:size].decode(errors='ignore')


def _unexpected(error: BaseException, *, development: bool) -> HeadraceError:
    if development:
        return HeadraceError(f'{type(error).__name__}: {error}')
    return HeadraceError('the server failed', help='its log has more under this request id')

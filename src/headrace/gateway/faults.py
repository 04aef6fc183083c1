"""An exception in, the Error message that a client may see out."""

from __future__ import annotations

from headrace.errors import ExecutorFailure, Overloaded
from headrace.gateway.disclosure import disclosed
from headrace.proto import headrace_pb2 as pb

LIMIT = 1200
"""Bytes of a text that are sent: gRPC has room for about 8 kB of metadata, the status text included."""


def to_message(
    error: BaseException, *, request_id: str, endpoint: str = '', development: bool = False
) -> pb.Error:
    """What a client is told about `error`: what `disclosed` gives, in as many bytes as gRPC has room for."""
    error, text, help, traceback = disclosed(
        error, request_id=request_id, endpoint=endpoint, development=development
    )
    message = pb.Error(
        status=error.grpc_status,
        kind=type(error).__name__,
        message=cut(text, LIMIT),
        help=cut(help, LIMIT // 2),
        request_id=request_id,
        endpoint=endpoint,
        executor=error.executor if isinstance(error, ExecutorFailure) else '',
        traceback=traceback.encode()[-LIMIT:].decode(errors='ignore'),
    )
    if isinstance(error, Overloaded):
        message.retry_after_s = error.retry_after_s
    return message


def cut(text: str, size: int) -> str:
    """A text of at most so many bytes."""
    return text.encode()[:size].decode(errors='ignore')

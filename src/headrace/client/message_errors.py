"""What replies of headrace.proto report in, BadServer out: over gRPC and WebSocket alike."""

from __future__ import annotations

from headrace.client.refusals import advice
from headrace.errors import BadServer
from headrace.proto import headrace_pb2 as pb


def from_message(message: pb.Error) -> BadServer:
    """The Error that a server sent as what the client raises."""
    text = f'{message.message}\n{message.traceback}' if message.traceback else message.message
    return BadServer(
        text,
        status=message.status,
        error=message.kind,
        request_id=message.request_id,
        retry_after_s=message.retry_after_s,
        help=message.help or advice(message.status),
    )

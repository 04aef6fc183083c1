"""The Error message of a fault in, what gRPC tells its client out."""

from __future__ import annotations

import math

import grpc

from headrace.gateway.faults import LIMIT, cut
from headrace.proto import headrace_pb2 as pb

PUSHBACK = 'grpc-retry-pushback-ms'
"""What every client of gRPC with a retry policy knows: milliseconds to wait before the next attempt."""


def metadata(message: pb.Error) -> tuple[tuple[str, str | bytes], ...]:
    """The trailing metadata of a call that ends in an error."""
    told: tuple[tuple[str, str | bytes], ...] = (
        ('x-request-id', message.request_id),
        ('headrace-error-bin', message.SerializeToString()),
    )
    if message.retry_after_s:
        told += ((PUSHBACK, str(math.ceil(message.retry_after_s * 1000))),)
    return told


def code(message: pb.Error) -> grpc.StatusCode:
    """The status of a call that ends in an error."""
    return grpc.StatusCode[message.status]


def details(message: pb.Error) -> str:
    """What a client without the Error message reads: what happened, and what to do."""
    text = f'{message.message}\n  help: {message.help}' if message.help else message.message
    return cut(text, LIMIT // 2)  # what is not ASCII takes three times its bytes

"""The limits of a gateway in, the settings of a gRPC server out."""

from __future__ import annotations

from headrace.spec import GatewaySpec

LEAST_CALLS, OTHER_CALLS = 1024, 64
"""Calls of one connection at once: so many at least, to be refused one by one, and some to ask for health."""

LEAST_EXCESS = 64 * 1024
"""Bytes above a limit that are still read, or a quarter of it: so the refusal is ours, with words, and noted.
What is larger is refused by gRPC itself, with the same status, as soon as it says its size (`withheld`)."""

LARGEST = 2**31 - 1
"""gRPC counts bytes as 32 bits."""

SILENT_MS, PING_MS, ANSWER_MS = 10_000, 60_000, 20_000
"""A client may ping this often; we ping who says nothing this often; and wait this long for the answer."""

HANDSHAKE_MS = 20_000
"""How long a connection may take to become one: the rest are slow on purpose, or were gone before."""


def options(spec: GatewaySpec) -> list[tuple[str, int]]:
    """How a server is set up."""
    return [
        ('grpc.max_receive_message_length', _with_excess(spec.max_body_bytes)),
        ('grpc.max_send_message_length', min(spec.max_body_bytes, LARGEST)),
        ('grpc.max_metadata_size', _with_excess(spec.limits.header_bytes)),
        ('grpc.absolute_max_metadata_size', _with_excess(spec.limits.header_bytes)),
        ('grpc.max_concurrent_streams', max(spec.max_requests, LEAST_CALLS) + OTHER_CALLS),
        ('grpc.server_handshake_timeout_ms', HANDSHAKE_MS),
        ('grpc.keepalive_time_ms', PING_MS),
        ('grpc.keepalive_timeout_ms', ANSWER_MS),
        ('grpc.http2.min_ping_interval_without_data_ms', SILENT_MS),
        ('grpc.keepalive_permit_without_calls', 1),
    ]


def _with_excess(limit: int) -> int:
    return min(limit + max(limit // 4, LEAST_EXCESS), LARGEST)

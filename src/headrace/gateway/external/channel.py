"""An external executor's address in, a gRPC channel to it out."""

from __future__ import annotations

from pathlib import Path

import grpc

from headrace.errors import SpecError
from headrace.spec.external import ExternalAddress

CALL = '/headrace.v1.Headrace/Call'
GENERATE = '/headrace.v1.Headrace/Generate'
DESCRIBE = '/headrace.v1.Headrace/Describe'


def opened(address: ExternalAddress, max_bytes: int) -> grpc.aio.Channel:
    """A channel of the running event loop; it connects when it is used, and again whenever it has to."""
    if not address.tls:
        return grpc.aio.insecure_channel(address.target, options=_options(max_bytes))
    return grpc.aio.secure_channel(address.target, _credentials(address), options=_options(max_bytes))


def _options(max_bytes: int) -> list[tuple[str, int]]:
    return [
        ('grpc.max_receive_message_length', max_bytes),
        ('grpc.max_send_message_length', -1),  # the other side says what it accepts
        ('grpc.keepalive_time_ms', 15_000),
        ('grpc.keepalive_timeout_ms', 5_000),
        ('grpc.initial_reconnect_backoff_ms', 100),
        ('grpc.min_reconnect_backoff_ms', 100),
        ('grpc.max_reconnect_backoff_ms', 1_000),
        ('grpc.use_local_subchannel_pool', 1),
    ]


def _credentials(address: ExternalAddress) -> grpc.ChannelCredentials:
    if not address.authority:
        return grpc.ssl_channel_credentials()
    try:
        return grpc.ssl_channel_credentials(Path(address.authority).read_bytes())
    except OSError as error:
        raise SpecError(
            f'{address.authority} (tls of {address}) cannot be read: {error.strerror}',
            help='give the path of a PEM file with the authority that signed its certificate',
        ) from None

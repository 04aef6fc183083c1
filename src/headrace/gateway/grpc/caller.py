"""The circumstances of a gRPC call in, what the gateway needs to know of its caller out."""

from __future__ import annotations

import time
from typing import Any, NamedTuple, Self
from urllib.parse import unquote

import grpc

Rpc = grpc.aio.ServicerContext[bytes, bytes]


class Caller(NamedTuple):
    """Who calls: the host that the connection comes from, what came with the call, and until when it waits.

    `deadline` is a point on `time.monotonic()`; None: the call has no end.
    """

    host: str
    metadata: dict[str, Any]
    deadline: float | None

    @classmethod
    def of(cls, rpc: Rpc) -> Self:
        """The caller of a call that has just begun."""
        left_s = rpc.time_remaining()
        deadline = None if left_s is None else time.monotonic() + left_s
        return cls(host_of(rpc.peer()), dict(rpc.invocation_metadata() or ()), deadline)


def host_of(peer: str) -> str:
    """The host in gRPC's name of a peer; '' where the socket has no such thing.

    >>> host_of('ipv4:10.0.0.7:51234'), host_of('ipv6:%5B::1%5D:51234'), host_of('unix:')
    ('10.0.0.7', '::1', '')
    """
    kind, _, address = peer.partition(':')
    if kind not in ('ipv4', 'ipv6'):
        return ''
    return unquote(address).rpartition(':')[0].strip('[]')

"""The circumstances of a gRPC call in, what the gateway needs to know of its caller out."""

from __future__ import annotations

import time
from typing import Any, NamedTuple, Self

import grpc

from headrace.gateway.grpc.peers import Peer
from headrace.gateway.identity import Credentials
from headrace.gateway.requested import LONGEST_TIMEOUT_S, usable_id
from headrace.proto import headrace_pb2 as pb

TRACESTATE = 'tracestate'
Rpc = grpc.aio.ServicerContext[bytes, bytes]


class Caller(NamedTuple):
    """Who calls: the host that the connection comes from, what came with the call, and until when it waits.

    `deadline` is a point on `time.monotonic()`; None: the call has no end. `certificate` is the client's own,
    in DER form, where the connection has one.
    """

    host: str
    metadata: dict[str, Any]
    deadline: float | None
    certificate: bytes = b''

    @classmethod
    def of(cls, rpc: Rpc, peer: Peer) -> Self:
        """The caller of a call that has just begun on a connection with `peer`."""
        left_s = rpc.time_remaining()
        is_endless = left_s is None or left_s > ENDLESS_S
        deadline = None if is_endless else time.monotonic() + min(left_s, LONGEST_TIMEOUT_S)
        given = rpc.invocation_metadata() or ()
        metadata = dict(given)
        if len(metadata) < len(given) and TRACESTATE in metadata:  # the one that may be said in pieces
            metadata[TRACESTATE] = ','.join(str(value) for key, value in given if key == TRACESTATE)
        return cls(peer.host, metadata, deadline, peer.certificate)

    @property
    def credentials(self) -> Credentials:
        """What the caller shows of itself."""
        return Credentials(self.host, self.metadata, self.certificate)

    def metadata_bytes(self) -> int:
        """The size of the metadata: names and values."""
        return sum(map(len, self.metadata)) + sum(map(len, self.metadata.values()))

    def name_of(self, request: pb.Request | None = None) -> str:
        """What the caller calls a request: in it, or in the metadata; '' if it does not."""
        given = usable_id(request.request_id) if request is not None else ''
        return given or usable_id(self.metadata.get('x-request-id', ''))

    def left_s(self, timeout_s: float | None) -> float | None:
        """Seconds until the caller goes away; `timeout_s` if it does not say when."""
        return timeout_s if self.deadline is None else self.deadline - time.monotonic()


ENDLESS_S = 10 * 365 * 86400
"""Seconds of a deadline that is none: gRPC counts down from the end of time."""

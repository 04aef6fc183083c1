"""What gRPC reports about an external executor in, our own kind of error out."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import DecodeError

from headrace.errors import Cancelled, DeadlineExceeded, HeadraceError, ProtocolError, TooLarge, Unavailable
from headrace.proto import headrace_pb2 as pb
from headrace.spec.external import ExternalAddress
from headrace.wire.faults import from_data


def failure(error: grpc.RpcError, name: str, address: ExternalAddress) -> HeadraceError:
    """The error that the other side had, as the same class; or else what gRPC says about the way there.

    Unavailable says whether the call may have begun there (`begun`).
    """
    call: Any = error
    for key, value in call.trailing_metadata() or ():
        if key == 'headrace-error-bin' and isinstance(value, bytes):
            try:
                return _as_there(pb.Error.FromString(value), name)
            except DecodeError:
                break
    return _on_the_way(call.code().name, call.details() or '', name, address)


def _as_there(message: pb.Error, name: str) -> HeadraceError:
    data: dict[str, Any] = {
        'class': message.kind,
        'message': message.message,
        'help': message.help,
        'executor': f'{name}/{message.executor}' if message.executor else name,
        'endpoint': message.endpoint,
        'traceback': message.traceback,
    }
    if message.retry_after_s:
        data['retry_after_s'] = message.retry_after_s
    return from_data(data)


def _on_the_way(status: str, details: str, name: str, address: ExternalAddress) -> HeadraceError:
    where = f'external executor {name!r} at {address}'
    if status == 'UNAVAILABLE':
        return Unavailable(
            f'{where} is not reachable: {details}',
            begun=not details.startswith('failed to connect'),
            help='is it running, and is this its host and gRPC port?',
        )
    if status == 'DEADLINE_EXCEEDED':
        return DeadlineExceeded(f'{where} did not answer in time')
    if status == 'CANCELLED':
        return Cancelled(f'the call of {where} was cancelled')
    if status == 'RESOURCE_EXHAUSTED' and 'larger than max' in details:
        return TooLarge(
            f'{where}: {details}', help='send fewer documents in a request, or raise max_body_bytes'
        )
    if status == 'UNIMPLEMENTED':
        return ProtocolError(
            f'what answers as {where} is no gateway of Headrace', help='check host, port and protocol'
        )
    return ProtocolError(f'{where} answered with {status}: {details}')

"""What gRPC reports in, BadServer out."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import DecodeError

from headrace.client.address import Address
from headrace.client.message_errors import from_message
from headrace.client.refusals import about_encryption, about_nobody, advice, is_misnamed
from headrace.errors import BadServer, TooLarge
from headrace.proto import headrace_pb2 as pb

LOST = ('INTERNAL', 'Internal error from Core')
"""What grpc.aio itself says of a call whose connection broke while it was writing."""


def failure(error: grpc.aio.AioRpcError, address: Address, request_id: str) -> BadServer:
    """A call that failed: with the server's own Error if it sent one, else with what gRPC says."""
    trailing: Any = error.trailing_metadata()
    for key, value in trailing or ():
        if key == 'headrace-error-bin' and isinstance(value, bytes):
            try:
                return from_message(pb.Error.FromString(value))
            except DecodeError:
                break
    return _from_status(error.code().name, error.details() or '', address, request_id)


def unencrypted(status: str, details: str, address: Address) -> str:
    """What keeps a connection from being encrypted; '' for a call that failed for another reason."""
    return _from_status(status, details, address, '').message if _is_of_handshake(status, details) else ''


def _from_status(status: str, details: str, address: Address, request_id: str) -> BadServer:
    """The words for a status that comes from gRPC itself."""
    if (status, details) == LOST:
        status, details = 'UNAVAILABLE', 'the connection broke'
    if _is_of_handshake(status, details):
        text = f'the connection to {address} cannot be encrypted ({details})'
        help = about_encryption(details)
    elif status == 'UNAVAILABLE':
        text, help = (
            f'no gateway answers at {address} ({details})',
            about_nobody(address),
        )
    elif status == 'DEADLINE_EXCEEDED':
        text, help = f'no answer from {address} in time', 'give the request a longer timeout_s'
    elif status == 'RESOURCE_EXHAUSTED' and 'larger than max' in details:
        text, help = f'a message is too large for {address}: {details}', 'use a smaller request_size'
        return BadServer(text, status=status, error=TooLarge.__name__, request_id=request_id, help=help)
    elif status == 'UNIMPLEMENTED':
        text, help = f'what answers at {address} is no gateway of Headrace', 'check host, port and protocol'
    else:
        text, help = details or f'{address} answered with {status}', advice(status)
    return BadServer(text, status=status, request_id=request_id, help=help)


def _is_of_handshake(status: str, details: str) -> bool:
    return status == 'UNAVAILABLE' and ('handshake failed' in details.lower() or is_misnamed(details))

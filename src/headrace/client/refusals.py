"""What to do when a server is late, cannot be reached, or refuses and does not say why: a proxy, say."""

from __future__ import annotations

from dataclasses import replace

from headrace.client.address import Address, Tls
from headrace.errors import BadServer, DeadlineExceeded

_UNKNOWN = 'say who you are: Client(..., api_key=...) or token=..., or HEADRACE_API_KEY or HEADRACE_TOKEN'
_FORBIDDEN = 'ask whoever runs the Flow for a key or token that may call this'
_OFTEN = 'send less at a time; max_attempts=10 lets the client come again by itself'

_ADVICE: dict[int | str, str] = {
    401: _UNKNOWN,
    'UNAUTHENTICATED': _UNKNOWN,
    403: _FORBIDDEN,
    'PERMISSION_DENIED': _FORBIDDEN,
    429: _OFTEN,
}


_MISNAMED = ('mismatch', 'hostname verification')


def about_nobody(address: Address) -> str:
    """The help for an address at which nobody answers in this protocol.

    >>> about_nobody(Address('http', 'localhost', 8080))
    'is the Flow running, and is this its port? if it has certificates, it is https://localhost:8080'
    """
    asked = 'is the Flow running, and is this its port?'
    if address.tls is not None:
        return asked
    return f'{asked} if it has certificates, it is {replace(address, tls=Tls())}'


def late(address: Address, request_id: str, status: int | str = DeadlineExceeded.grpc_status) -> BadServer:
    """The error of a request whose time is over before its answer is there; `status` is its protocol's."""
    return BadServer(
        f'no answer from {address} in time',
        status=status,
        error=DeadlineExceeded.__name__,
        request_id=request_id,
        help='give the request a longer timeout_s',
    )


def about_encryption(reason: str) -> str:
    """The help for a handshake that failed."""
    if 'WRONG_VERSION_NUMBER' in reason:
        return 'what answers there does not encrypt: leave out the s of grpcs://, https:// or wss://, or tls='
    if is_misnamed(reason):
        return (
            "tls=Tls(server_name=...) is the name in the server's certificate, where the address has another"
        )
    return 'tls=Tls(authority=...) names who signed the certificate of the server'


def is_misnamed(reason: str) -> bool:
    """Whether a handshake failed because the certificate is one of another host."""
    return any(word in reason.lower() for word in _MISNAMED)


def advice(status: int | str) -> str:
    """The help for a status for which the server has none; '' if there is nothing to say."""
    return _ADVICE.get(status, '')

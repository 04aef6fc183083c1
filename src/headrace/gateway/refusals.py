"""What was too large in, its error out: in the same words at every door."""

from __future__ import annotations

from headrace.errors import TooLarge

INCOMPLETE = 'the request was not complete in time'
"""What is said of a request that its sender was too slow with."""

_HELP = 'or raise max_body_bytes of the gateway'


def request_too_large(accepted: int, *, is_packed: bool = False) -> TooLarge:
    """The error of a request with more bytes than are accepted; a packed one has them when it is unpacked.

    >>> request_too_large(1000).message
    'the request has more than the 1000 bytes that are accepted'
    """
    when = ' when it is unpacked' if is_packed else ''
    return TooLarge(
        f'the request has more than the {accepted} bytes that are accepted{when}',
        help=f'send fewer documents at a time, {_HELP}',
    )


def reply_too_large(accepted: int) -> TooLarge:
    """The error of an answer, or a part of one, with more bytes than are sent."""
    return TooLarge(
        f'the answer has more than the {accepted} bytes that are sent',
        help=f'ask for less at a time, or for the answer in parts, {_HELP}',
    )

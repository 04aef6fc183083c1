"""What to do when a server refuses and does not say so itself: a proxy, for instance."""

from __future__ import annotations

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


def advice(status: int | str) -> str:
    """The help for a status for which the server has none; '' if there is nothing to say."""
    return _ADVICE.get(status, '')

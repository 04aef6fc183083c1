"""A status, headers and a body, before they are sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from headrace.gateway.http.asgi import Send

Headers = Sequence[tuple[bytes, bytes]]

JSON = b'application/json'
HTML = b'text/html; charset=utf-8'
NO_STORE = b'no-store'
KEPT = b'no-cache'
"""Browsers may keep it, and ask before they use it again."""


class Writing(Protocol):
    """A body that is not there yet when the answer begins."""

    async def write(self, send: Send) -> None:
        """Send the body, down to its last message."""


class Response(Struct):
    """What a route gives back; the body is bytes, chunks of a known total `size`, or writes itself.

    `cache` says who may keep the answer, and how long.
    """

    status: int
    body: bytes | AsyncGenerator[bytes, None] | Writing
    content_type: bytes = JSON
    headers: Headers = ()
    size: int | None = None
    cache: bytes = NO_STORE


def as_json(value: object, status: int = 200, headers: Headers = ()) -> Response:
    """A response that is `value` as JSON."""
    return Response(status, msgspec.json.encode(value), JSON, headers)

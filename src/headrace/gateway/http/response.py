"""A status, headers and a body, before they are sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import msgspec

Headers = Sequence[tuple[bytes, bytes]]

JSON = b'application/json'
HTML = b'text/html; charset=utf-8'


class Response:
    """What a route gives back; the body is bytes, or chunks of a known total `size`."""

    __slots__ = ('body', 'content_type', 'headers', 'size', 'status')

    def __init__(
        self,
        status: int,
        body: bytes | AsyncGenerator[bytes, None],
        content_type: bytes = JSON,
        headers: Headers = (),
        *,
        size: int | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.size = len(body) if size is None and isinstance(body, bytes) else size or 0


def as_json(value: object, status: int = 200, headers: Headers = ()) -> Response:
    """A response that is `value` as JSON."""
    return Response(status, msgspec.json.encode(value), JSON, headers)

"""What one request, one client and one picture may take of a server: the block `limits` of a gateway."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.spec.quantities import Count

Rate = Annotated[float, Meta(gt=0)]


class LimitsSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway accepts beside `max_body_bytes`, `max_requests` and `max_bytes`; more is refused.

    >>> LimitsSpec(requests_per_s=50).burst
    0
    """

    documents: Annotated[
        Count, Meta(description='Documents of one request, those that lie in others included.')
    ] = 100_000
    tensor_bytes: Annotated[
        Count, Meta(description='Bytes of all arrays of one request, by the shapes and types they claim.')
    ] = 1024**3
    parameters_bytes: Annotated[
        Count, Meta(description='Bytes of what a request carries beside its documents.')
    ] = 16 * 1024**2
    json_depth: Annotated[
        int, Meta(ge=4, le=900, description='How deep lists and objects may nest in JSON.')
    ] = 128
    json_values: Annotated[
        Count, Meta(description='Values in one JSON body: numbers, texts, lists and objects together.')
    ] = 16 * 1024**2
    header_bytes: Annotated[
        int, Meta(ge=1024, description='Bytes of the headers (or metadata) of one request.')
    ] = 64 * 1024
    headers: Annotated[int, Meta(ge=8, description='Headers of one HTTP request.')] = 128
    url_bytes: Annotated[int, Meta(ge=64, description='Length of the URL of an HTTP request.')] = 16 * 1024
    connections: Annotated[
        Count, Meta(description='Connections that one gateway holds open at each of its ports.')
    ] = 10_000
    connections_per_host: Annotated[
        Count | None,
        Meta(
            description='Those of them that may come from one address (of IPv6, one network); null: a tenth '
            'where callers show who they are, from other machines, else as many as there are.'
        ),
    ] = None
    requests_per_s: Annotated[
        Rate | None,
        Meta(description='Requests per second of each client (key, name or address); null: any number.'),
    ] = None
    burst: Annotated[
        int,
        Meta(
            ge=0,
            description='Requests that a client may send at once before that counts; 0: two seconds of them.',
        ),
    ] = 0
    streams_per_client: Annotated[
        Count, Meta(description='Streams (gRPC, WebSocket, server-sent events) of one client at a time.')
    ] = 1000
    image_pixels: Annotated[
        Count,
        Meta(description='Pixels of one image, or one frame of a video, that a gateway or executor decodes.'),
    ] = 89_478_485

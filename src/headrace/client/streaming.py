"""One call of `stream_doc`: requests go out while documents come back, each as soon as it is there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from headrace.client import delivery, inputs, retry
from headrace.client.options import stream_options
from headrace.client.parts import Flight, Parts
from headrace.client.posting import Post
from headrace.client.transport import Transport
from headrace.client.window import Limits
from headrace.documents import DocList


def asked(on: str, given: Any, options: Mapping[str, Any], timeout_s: float | None) -> Post:
    """What a `stream_doc` asks for.

    Documents that are still being made go one by one, each as soon as it is there, unless `request_size` is
    said.
    """
    post = Post(on, given, stream_options(options), timeout_s)
    if 'request_size' not in options and inputs.are_to_come(post.inputs):
        post.options = replace(post.options, request_size=1)
    return post


async def stream(
    transport: Transport, post: Post, requests: AsyncGenerator[DocList[Any], None]
) -> AsyncGenerator[Any, None]:
    """The documents that come back (or responses, each with a part of an answer), as they come.

    Errors are raised after what came before them. Closing it withdraws all that is under way.
    """
    options = post.options
    async with aclosing(requests), transport.lease(in_order=options.results_in_order) as lease:

        def send(docs: DocList[Any]) -> tuple[Parts, int]:
            request = post.request(docs, in_parts=True)
            body = transport.encode(request, docs)
            return retry.parts(transport, lease, request, body, options), len(body)

        limits = Limits(options.prefetch, options.prefetch_bytes)
        flight = Flight(limits, in_order=options.results_in_order)
        flight.begin(requests, send)
        try:
            async with aclosing(flight.parts()) as parts:
                async for response, _ in parts:
                    delivery.check(response, options)
                    if options.return_responses:
                        yield response
                    elif response.error is None:
                        for doc in response.docs:
                            yield doc
        finally:
            await flight.close()

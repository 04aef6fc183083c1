"""One call of `post`: inputs into requests, requests into responses."""

from __future__ import annotations

import asyncio
import inspect
import time
import warnings
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import Any

from headrace.client import delivery, inputs, retry, window
from headrace.client.described import Taken, taken
from headrace.client.messages import Request, Response
from headrace.client.options import Options
from headrace.client.progress import Progress, progress
from headrace.client.tracing import TRACEPARENT, TRACESTATE, caller
from headrace.client.transport import Transport
from headrace.documents import DocList
from headrace.errors import SpecError
from headrace.proto import parameters


class Post:
    """What one `post` asks for: the endpoint, its resolved inputs, its options."""

    def __init__(self, on: str, given: Any, options: Options, timeout_s: float | None) -> None:
        if not isinstance(on, str) or not on.startswith('/'):
            meant = f"did you mean '/{on}'? " if isinstance(on, str) and on.isidentifier() else ''
            raise SpecError(
                f'{on!r} is not an endpoint', help=f"{meant}endpoints begin with a slash: on='/search'"
            )
        self.endpoint = on
        self.inputs = inputs.resolve(given)
        self.options = options
        # as they will arrive: plain data, that nobody in this process can change for others
        self.parameters = parameters.from_json(parameters.to_json(dict(options.parameters or {})))
        self.timeout_s = timeout_s if options.timeout_s is None else options.timeout_s
        # gRPC refuses keys in capitals, and to HTTP they are the same
        self.metadata = {key.lower(): value for key, value in (options.metadata or {}).items()}
        if TRACEPARENT not in self.metadata:
            self.metadata.pop(TRACESTATE, None)  # it would say something about nothing
        self._caller = None if TRACEPARENT in self.metadata else caller()

    def request(self, docs: DocList[Any], *, in_parts: bool = False) -> Request:
        """The request for these documents; its time begins now."""
        options = self.options
        span = self._caller.begin(self.endpoint, len(docs)) if self._caller is not None else None
        named = {'request_id': self.metadata['x-request-id']} if 'x-request-id' in self.metadata else {}
        return Request(
            endpoint=self.endpoint,
            size=len(docs),
            ids=tuple(docs.column('id')) if len(docs) else (),
            parameters=self.parameters,
            target=options.target_executor or '',
            deadline=None if self.timeout_s is None else time.monotonic() + self.timeout_s,
            metadata=self.metadata if span is None else {**self.metadata, **span.trace},
            span=span,
            stream=options.stream,
            in_parts=in_parts,
            doc_type=options.doc_type,
            **named,
        )

    @property
    def address(self) -> tuple[str, str]:
        """The endpoint, and the executors of it that are meant ('' is all)."""
        return self.endpoint, self.options.target_executor or ''

    def progress(self) -> Progress:
        """The progress bar of this post."""
        return progress(self.endpoint, inputs.count(self.inputs), shown=self.options.show_progress)


def requests(transport: Transport, post: Post) -> AsyncGenerator[DocList[Any], None]:
    """The documents of each request of a post, made when they are asked for."""

    async def takes() -> Taken:
        return taken(await transport.describe(), *post.address)

    return inputs.batches_async(post.inputs, post.options.request_size, takes)


class Posting:
    """A post that has not begun: await it for everything, or iterate over its results as they come.

    `await client.post('/index', docs)` gives what the synchronous client gives. `async for docs in
    client.post('/index', docs)` gives the documents (or the response) of one request after the other.
    """

    def __init__(self, transport: Transport, post: Post) -> None:
        self._transport = transport
        self._post = post
        self._has_begun = False

    def __await__(self) -> Generator[Any, None, Any]:
        self._has_begun = True
        return self._all().__await__()

    def __aiter__(self) -> AsyncGenerator[Any, None]:
        self._has_begun = True
        return self._each()

    def __del__(self) -> None:
        if not self._has_begun:
            warnings.warn(
                f'a post to {self._post.endpoint!r} was never awaited, so nothing was sent', RuntimeWarning, 2
            )

    async def _each(self) -> AsyncGenerator[Any, None]:
        options = self._post.options
        async with aclosing(self._responses()) as responses:
            async for response in responses:
                if response.error is None or options.return_responses:
                    yield response if options.return_responses else response.docs

    async def _all(self) -> Any:
        options = self._post.options
        collected = delivery.Collected(options)
        async with aclosing(self._responses()) as responses:
            async for response in responses:
                collected.add(response)
        return collected.result()

    async def _responses(self) -> AsyncGenerator[Response[Any], None]:
        """Every response, when the callbacks have seen it; raises errors that nobody else takes."""
        options = self._post.options
        source = requests(self._transport, self._post)
        limits = window.Limits(options.prefetch, options.prefetch_bytes)
        flight = window.run(source, self._start, limits, in_order=options.results_in_order)
        with self._post.progress() as shown:
            async with aclosing(source), aclosing(flight):
                async for response in flight:
                    shown.advance(response.request.size)
                    await _call_back(response, options)
                    delivery.check(response, options)
                    yield response

    def _start(self, docs: DocList[Any]) -> tuple[asyncio.Task[Response[Any]], int]:
        """Encode now, since the caller may change the documents as soon as the next ones are asked for."""
        request = self._post.request(docs)
        body = self._transport.encode(request, docs)
        work = retry.send(self._transport, request, body, self._post.options)
        return asyncio.create_task(work), len(body)


async def _call_back(response: Response[Any], options: Options) -> None:
    for callback in delivery.callbacks(response, options):
        try:
            returned = callback(response)
            if inspect.isawaitable(returned):
                await returned
        except Exception as error:
            delivery.tolerate(error, response, options)

"""The client for asynchronous code."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self, Unpack

from headrace.client import streaming
from headrace.client.options import Callback, PostOptions, StreamOptions, options
from headrace.client.posting import Post, Posting, requests
from headrace.client.settings import ClientSettings, settings
from headrace.client.transport import check_open


class AsyncClient:
    """Sends documents to a Flow; for one event loop.

    >>> async def search(queries):
    ...     async with AsyncClient('grpc://127.0.0.1:51000') as client:
    ...         found = await client.post('/search', queries)
    ...         async for docs in client.post('/search', queries, request_size=10):
    ...             print(docs.texts)
    ...     return found

    The connection is made with the first request. `Settings` explains the keyword arguments.
    """

    def __init__(self, host: str = '127.0.0.1', **given: Unpack[ClientSettings]) -> None:
        wanted = settings(given)
        self.address = wanted.address(host)
        self.timeout_s = wanted.timeout_s
        self._is_closed = False
        self._transport = wanted.reach(self.address)

    def post(
        self,
        on: str,
        inputs: Any = None,
        on_done: Callback | None = None,
        on_error: Callback | None = None,
        on_always: Callback | None = None,
        **given: Unpack[PostOptions],
    ) -> Posting:
        """A post to the endpoint `on`: await it, or iterate over it; nothing is sent before.

        Arguments and results are those of `Client.post`; callbacks may be coroutine functions.
        """
        check_open(self._is_closed)
        callbacks = {'on_done': on_done, 'on_error': on_error, 'on_always': on_always}
        return Posting(self._transport, Post(on, inputs, options({**callbacks, **given}), self.timeout_s))

    def stream_doc(
        self, on: str, inputs: Any = None, **given: Unpack[StreamOptions]
    ) -> AsyncGenerator[Any, None]:
        """The documents that come back from the endpoint `on`, each as soon as it is there.

        As `Client.stream_doc`, for `async for`; `aclose()` ends it early. Inputs that have to be waited for
        should be asynchronous: others are asked for on the event loop.
        """
        check_open(self._is_closed)
        post = streaming.asked(on, inputs, given, self.timeout_s)
        return streaming.stream(self._transport, post, requests(self._transport, post))

    def index(self, inputs: Any = None, **given: Unpack[PostOptions]) -> Posting:
        """A post to `/index`."""
        return self.post('/index', inputs, **given)

    def search(self, inputs: Any = None, **given: Unpack[PostOptions]) -> Posting:
        """A post to `/search`."""
        return self.post('/search', inputs, **given)

    def update(self, inputs: Any = None, **given: Unpack[PostOptions]) -> Posting:
        """A post to `/update`."""
        return self.post('/update', inputs, **given)

    def delete(self, inputs: Any = None, **given: Unpack[PostOptions]) -> Posting:
        """A post to `/delete`."""
        return self.post('/delete', inputs, **given)

    async def is_flow_ready(self, timeout_s: float = 3.0) -> bool:
        """Whether the gateway answers and all its executors can work."""
        check_open(self._is_closed)
        return await self._transport.is_ready(timeout_s)

    async def close(self) -> None:
        """End the connection; what is still under way fails. A later `with` opens it again."""
        self._is_closed = True
        await self._transport.close()

    async def __aenter__(self) -> Self:
        self._is_closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self.address or self._transport}>'

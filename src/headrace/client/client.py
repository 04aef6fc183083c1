"""The client for code that waits for its answers."""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar, Unpack

from headrace.client import delivery, inputs, retry, streaming, window
from headrace.client.asynchronous import AsyncClient
from headrace.client.described import Taken, taken
from headrace.client.feeding import on_thread
from headrace.client.loop import LoopThread, fast_loop
from headrace.client.messages import Response
from headrace.client.options import Callback, PostOptions, StreamOptions, options
from headrace.client.posting import Post
from headrace.client.settings import ClientSettings, settings
from headrace.client.transport import check_open
from headrace.documents import DocList
from headrace.errors import SpecError

T = TypeVar('T')


class Client:
    """Sends documents to a Flow and waits for the results; also in a notebook, and from several threads.

    >>> def search(queries):
    ...     with Client('grpc://127.0.0.1:51000') as client:
    ...         return client.post('/search', queries, parameters={'top_k': 5})

    `Client(host='127.0.0.1', port=51000, protocol='http')` is another way to write an address.
    `Client(..., asyncio=True)` makes an `AsyncClient`. The connection is made with the first request, by a
    thread that ends with `close()`. `Settings` explains the keyword arguments.
    """

    def __new__(cls, *args: Any, asyncio: bool = False, **given: Any) -> Any:
        return AsyncClient(*args, **given) if asyncio else super().__new__(cls)

    def __init__(
        self, host: str = '127.0.0.1', *, asyncio: bool = False, **given: Unpack[ClientSettings]
    ) -> None:
        wanted = settings(given)
        self.address = wanted.address(host)
        self.timeout_s = wanted.timeout_s
        self._is_closed = False
        self._transport = wanted.reach(self.address)
        self._loop = LoopThread(
            f'headrace client of {self.address or self._transport}', self._transport.close, fast_loop
        )
        self._end = weakref.finalize(self, self._loop.close)  # also at the exit of the interpreter

    def post(
        self,
        on: str,
        inputs: Any = None,
        on_done: Callback | None = None,
        on_error: Callback | None = None,
        on_always: Callback | None = None,
        **given: Unpack[PostOptions],
    ) -> Any:
        """Send `inputs` to the endpoint `on`, in requests of `request_size` documents, and wait for results.

        `inputs` are None (parameters only), a document, a dict, a DocList, any iterable, generator or
        asynchronous generator of documents, or a function that makes one of these. `Options` explains the
        keyword arguments. Gives the documents of all results as a DocList; a list of `Response` with
        `return_responses`; None with `on_done` or `on_always`, which see each response as it comes.

        Raises BadServer (status, request id) for a failed request, unless `on_error` takes it or
        `continue_on_error` is set; DocumentError for inputs that are no documents; SpecError for options that
        do not exist.

        >>> def texts(client):
        ...     return client.post('/upper', [{'text': 'a'}, {'text': 'b'}], request_size=1).texts
        """
        check_open(self._is_closed)
        callbacks = {'on_done': on_done, 'on_error': on_error, 'on_always': on_always}
        post = Post(on, inputs, options({**callbacks, **given}), self.timeout_s)
        collected = delivery.Collected(post.options)
        with closing(self._responses(post)) as responses:
            for response in responses:
                collected.add(response)
        return collected.result()

    def stream_doc(
        self, on: str, inputs: Any = None, **given: Unpack[StreamOptions]
    ) -> Generator[Any, None, None]:
        """The documents that come back from the endpoint `on`, each as soon as it is there.

        Nothing is sent before the first is asked for. Leaving the loop, or `close()` of the iterator, cancels
        what is under way. `inputs` are those of `post`. What an iterator or generator makes is asked for on a
        thread of its own and sent one by one while results come back, unless `request_size` says otherwise;
        results come in the order of the inputs, or with `results_in_order=False` as they are made. With
        `return_responses`, gives a `Response` for each part of an answer.

        Raises BadServer after the documents that came before the error.

        >>> def answer(client, question):
        ...     for doc in client.stream_doc('/answer', {'text': question}):
        ...         print(doc.text, end='')
        """
        check_open(self._is_closed)
        return self._streamed(streaming.asked(on, inputs, given, self.timeout_s))

    def index(self, inputs: Any = None, **given: Unpack[PostOptions]) -> Any:
        """`post('/index', inputs, ...)`."""
        return self.post('/index', inputs, **given)

    def search(self, inputs: Any = None, **given: Unpack[PostOptions]) -> Any:
        """`post('/search', inputs, ...)`."""
        return self.post('/search', inputs, **given)

    def update(self, inputs: Any = None, **given: Unpack[PostOptions]) -> Any:
        """`post('/update', inputs, ...)`."""
        return self.post('/update', inputs, **given)

    def delete(self, inputs: Any = None, **given: Unpack[PostOptions]) -> Any:
        """`post('/delete', inputs, ...)`."""
        return self.post('/delete', inputs, **given)

    def takes(self, endpoint: str, target_executor: str = '') -> Taken:
        """The class of documents that an endpoint takes, as the gateway describes it."""
        check_open(self._is_closed)
        return self._loop.run(self._takes(endpoint, target_executor))

    def is_flow_ready(self, timeout_s: float = 3.0) -> bool:
        """Whether the gateway answers and all its executors can work."""
        check_open(self._is_closed)
        return self._loop.run(self._transport.is_ready(timeout_s))

    def close(self) -> None:
        """End the connection and the thread; what is still under way fails. A later `with` opens it again."""
        self._is_closed = True
        self._loop.close()

    def _responses(self, post: Post) -> Generator[Response[Any], None, None]:
        """Every response, when the callbacks have seen it; inputs and callbacks run in the calling thread."""
        options = post.options

        def start(docs: DocList[Any]) -> tuple[Future[Response[Any]], int]:
            request = post.request(docs)
            body = self._transport.encode(request, docs)
            return self._loop.submit(retry.send(self._transport, request, body, options)), len(body)

        limits = window.Limits(options.prefetch, options.prefetch_bytes)
        flight = window.run_blocking(self._batches(post), start, limits, in_order=options.results_in_order)
        with post.progress() as shown, closing(flight):
            for response in flight:
                shown.advance(response.request.size)
                for callback in delivery.callbacks(response, options):
                    try:
                        callback(response)
                    except Exception as error:
                        delivery.tolerate(error, response, options)
                delivery.check(response, options)
                yield response

    def _batches(self, post: Post) -> Iterator[DocList[Any]]:
        size = post.options.request_size
        if not isinstance(post.inputs, AsyncIterable):
            yield from inputs.batches(post.inputs, size, lambda: self.takes(*post.address))
            return
        batches = inputs.batches_async(post.inputs, size, lambda: self._takes(*post.address))
        while (docs := self._loop.run(_next(batches))) is not None:
            yield docs

    def _streamed(self, post: Post) -> Generator[Any, None, None]:
        stream = streaming.stream(self._transport, post, self._requests(post))
        try:
            while (item := self._loop.run(_next(stream))) is not None:
                yield item
                check_open(self._is_closed)
        finally:
            self._loop.start(lambda: _close(stream))

    def _requests(self, post: Post) -> AsyncGenerator[DocList[Any], None]:
        """The requests of a stream. Inputs that may wait are asked for on a thread of their own."""
        size = post.options.request_size
        if isinstance(post.inputs, AsyncIterable) or not inputs.are_to_come(post.inputs):
            return inputs.batches_async(post.inputs, size, lambda: self._takes(*post.address))
        made = inputs.batches(post.inputs, size, lambda: self.takes(*post.address))
        return on_thread(made, f'headrace inputs of {post.endpoint}')

    async def _takes(self, endpoint: str, target: str) -> Taken:
        return taken(await self._transport.describe(), endpoint, target)

    def __enter__(self) -> Self:
        self._is_closed = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> NoReturn:
        raise SpecError(
            'this client is synchronous: its calls wait, and give what can be gone through with `for`',
            help='for `await`, `async with` and `async for`, write Client(..., asyncio=True)',
        )

    async def __aexit__(self, *error: object) -> None:
        """Nothing was begun."""

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self.address or self._transport}>'


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)


async def _close(stream: AsyncGenerator[Any, None]) -> None:
    with suppress(RuntimeError):  # it runs: then it was cancelled, and ends by itself
        await stream.aclose()

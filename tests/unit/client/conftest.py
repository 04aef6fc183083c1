"""A real gateway for the client's tests: any handler behind every door, on a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from headrace.client import Client
from headrace.client.loop import LoopThread
from headrace.documents import DocList, Document
from headrace.errors import ExecutorFailure
from headrace.flow.transport import HandlerTransport
from headrace.gateway.entrance import Readiness
from headrace.gateway.server import GatewayServer
from headrace.gateway.server import serve as serve_gateway
from headrace.pipeline import Batch, Context, Handler
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec

INFO = FlowInfo(name='shop', executors=(), endpoints=())
PROTOCOLS = ('grpc', 'http', 'websocket')
SCHEMES = {'grpc': 'grpc', 'http': 'http', 'websocket': 'ws'}


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


async def shout(batch: Batch, context: Context) -> Batch:
    docs = batch.docs
    docs.text = [text.upper() for text in docs.text]
    return batch


class Gateway:
    """A running gateway: `url('grpc')` is where it is."""

    def __init__(self, loop: LoopThread, server: GatewayServer) -> None:
        self.loop = loop
        self.server = server

    def url(self, protocol: str) -> str:
        return f'{SCHEMES[protocol]}://127.0.0.1:{self.server.ports[protocol]}'

    def client(self, protocol: str, **options: Any) -> Any:
        return Client(self.url(protocol), **options)

    def stop(self, grace_s: float = 0.0) -> None:
        self.loop.run(self.server.stop(grace_s))


Serve = Callable[..., Gateway]


@contextmanager
def gateway(
    handler: Handler, *, info: FlowInfo = INFO, ready: Readiness | None = None, **spec: Any
) -> Iterator[Gateway]:
    loop = LoopThread('gateway of a test')
    try:
        made = GatewaySpec(protocols=PROTOCOLS, **spec)
        running = Gateway(loop, loop.run(serve_gateway(handler, info, made, ready=ready)))
        try:
            yield running
        finally:
            running.stop()
    finally:
        loop.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start gateways: `serve(handler, **fields of GatewaySpec)`; they stop with the test."""
    with ExitStack() as stack:
        yield lambda handler, **options: stack.enter_context(gateway(handler, **options))


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope='session')
def shouting() -> Iterator[Gateway]:
    """One gateway for all tests that only need texts in capitals."""
    with gateway(shout) as running:
        yield running


@pytest.fixture(scope='session')
def echoing() -> Iterator[Gateway]:
    """One gateway for all tests that want back what they send."""
    with gateway(echo) as running:
        yield running


class Gate:
    """A handler that holds every request until `open`, and sees how many wait and which were cancelled."""

    def __init__(self) -> None:
        self.held = 0
        self.most = 0
        self.cancelled: list[str] = []
        self._opened = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self._loop = asyncio.get_running_loop()
        context.on_cancel(lambda: self.cancelled.append(context.request_id))
        self.held += 1
        self.most = max(self.most, self.held)
        try:
            await self._opened.wait()
        finally:
            self.held -= 1
        return batch

    def open(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._opened.set)


@pytest.fixture
def gate() -> Gate:
    return Gate()


class Making:
    """A handler that answers in parts: each text letter by letter, or what comes to `letters` one day.

    `made` has the letters that were made, `ended` the texts whose work has ended, and how.
    """

    def __init__(self, fails_at: str = '') -> None:
        self.fails_at = fails_at
        self.made: list[str] = []
        self.ended: list[tuple[str, str]] = []
        self.held = 0
        self._gate = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        return batch

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        self._loop = asyncio.get_running_loop()
        for text in batch.docs.texts:
            how = 'left'
            try:
                async for letter in self._letters(text):
                    if letter == self.fails_at:
                        raise ExecutorFailure(f'no {letter} is left', executor='maker', help='ask for others')
                    self.made.append(letter)
                    docs = DocList[Document]([Document(letter)])
                    yield Batch(docs, {**batch.parameters})
                how = 'done'
            finally:
                self.ended.append((text, how))

    async def _letters(self, text: str) -> AsyncGenerator[str, None]:
        for letter in text:
            if letter == '.':  # wait here until `open`
                self.held += 1
                await self._gate.wait()
            else:
                yield letter

    def open(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._gate.set)


@pytest.fixture
def making() -> Making:
    return Making()


@pytest.fixture(params=[*PROTOCOLS, 'in-process'])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client_of(serve: Serve, way: str) -> Iterator[Callable[..., Any]]:
    """A client of a handler, by each way there is: `client_of(handler, asyncio=True)`."""
    home = LoopThread('handlers of a test')

    async def here() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def make(handler: Handler, **options: Any) -> Any:
        if way == 'in-process':
            return Client(transport=HandlerTransport(handler, home.run(here())), **options)
        return serve(handler).client(way, **options)

    yield make
    home.close()

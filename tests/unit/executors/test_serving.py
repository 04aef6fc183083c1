"""A whole executor as one handler, described and closed."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import msgspec

from headrace import BaseDoc, DocList, DocumentArray, Executor, requests
from headrace.executors import close, describe, load, serve
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import ExecutorInfo


class Item(BaseDoc):
    title: str


class Options(msgspec.Struct):
    top_k: int = 3


class Shop(Executor):
    """Sells.

    Things.
    """

    @requests(on='/index')
    async def index(self, docs: DocumentArray) -> None:
        """Keep what is for sale."""
        docs.text = ['index'] * len(docs)

    @requests
    async def other(self, docs: DocumentArray, **kwargs: Any) -> None:
        docs.text = ['default'] * len(docs)

    @requests(on='/find')
    def find(self, docs: DocList[Item], parameters: Options) -> DocList[Item]:
        return docs

    @requests(on='/talk')
    async def talk(self, doc: Item) -> Any:
        yield doc


class Without(Shop):
    other = None  # type: ignore[assignment]


async def texts(executor: Executor, endpoint: str) -> list[str]:
    docs = DocumentArray.empty(1)
    return (await serve(executor)(Batch(docs), Context(endpoint))).docs.text  # type: ignore[no-any-return]


async def test_routes() -> None:
    assert await texts(Shop(), '/index') == ['index']
    assert await texts(Shop(), '/') == ['default']
    assert await texts(Shop(), '/nobody') == ['default']
    assert await texts(Without(), '/nobody') == ['']


async def test_what_nobody_answers_passes_through_unchanged() -> None:
    batch = Batch(DocumentArray.empty(1), {'x': 1})
    assert await serve(Executor())(batch, Context('/x')) is batch


def test_description() -> None:
    info = describe(load(Shop, runtime_args={'name': 'shop'}))
    assert info.name == 'shop'
    assert info.doc == 'Sells.\n\nThings.'
    found = {endpoint.name: endpoint for endpoint in info.endpoints}
    assert {name: endpoint.kind for name, endpoint in found.items()} == {
        '/index': 'docs',
        '/default': 'docs',
        '/find': 'docs',
        '/talk': 'stream',
    }
    assert found['/index'].doc == 'Keep what is for sale.'
    assert found['/index'].input.name == 'Document'
    assert (found['/find'].input.name, found['/find'].output.name) == ('Item', 'Item')
    assert found['/find'].parameters is not None
    assert found['/index'].parameters is None


def test_a_description_travels() -> None:
    info = describe(Shop())
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(info), type=ExecutorInfo) == info
    assert msgspec.json.decode(msgspec.json.encode(info), type=ExecutorInfo) == info


class Open(Executor):
    def __init__(self) -> None:
        self.started, self.gate = threading.Event(), threading.Event()
        self.events: list[str] = []

    @requests
    def hold(self) -> None:
        self.started.set()
        assert self.gate.wait(30)
        self.events.append('handled')

    def close(self) -> None:
        self.events.append('closed')


async def test_close_waits_for_the_handler_that_runs() -> None:
    executor = Open()
    task = asyncio.ensure_future(serve(executor)(Batch(), Context()))
    await asyncio.to_thread(executor.started.wait, 30)
    closing = asyncio.ensure_future(close(executor))
    await asyncio.sleep(0)
    assert executor.events == []
    executor.gate.set()
    assert await closing
    await task
    assert executor.events == ['handled', 'closed']


async def test_close_does_not_wait_for_ever() -> None:
    executor = Open()
    task = asyncio.ensure_future(serve(executor)(Batch(), Context()))
    await asyncio.to_thread(executor.started.wait, 30)
    assert not await close(executor, timeout_s=0.01)
    assert executor.events == ['closed']
    executor.gate.set()
    await task


async def test_an_asynchronous_close() -> None:
    closed = []

    class Mine(Executor):
        async def close(self) -> None:
            await asyncio.sleep(0)
            closed.append(True)

    assert await close(Mine())
    assert closed == [True]

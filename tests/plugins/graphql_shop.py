"""A shop as the handler behind a gateway: documents with every kind of field, streams, failures."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, Literal

from headrace.documents import BaseDoc, DocList, Document, NdArray, schema_of
from headrace.errors import ExecutorFailure, Overloaded
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo, FlowInfo


class Size(enum.Enum):
    SMALL = 'small'
    LARGE = 'large'


class Tag(BaseDoc):
    word: str
    weight: float = 1.0


class Item(BaseDoc):
    """Something that a shop sells.

    More about it.
    """

    title: str
    price: float = 0.0
    stock: int = 0
    colour: Literal['red', 'blue'] = 'red'
    size: Size | None = None
    vector: NdArray[3] | None = None
    photo: bytes = b''
    made: datetime | None = None
    tags: DocList[Tag] = None  # type: ignore[assignment]
    facts: dict[str, Any] = {}
    words: list[str] = []


class Shop:
    """A Flow as one handler: a method per endpoint; what is asked of it is `seen`."""

    def __init__(self) -> None:
        self.seen: list[Context] = []
        self.batches: list[Batch] = []
        self.started = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.at_once = self.most_at_once = 0
        self.closed: list[str] = []
        self.is_closed = asyncio.Event()

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self.seen.append(context)
        self.batches.append(batch)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await getattr(self, context.endpoint.strip('/').replace('-', '_'), self.echo)(
                batch, context
            )
        finally:
            self.at_once -= 1

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        self.seen.append(context)
        context.on_cancel(self.cancelled.set)
        docs = batch.docs_as(Item)
        try:
            for word in docs[0].title.split() if docs else ():
                if word == 'boom':
                    raise ExecutorFailure('the words ran out', executor='shop', endpoint=context.endpoint)
                if word == 'wait':
                    self.started.set()
                    await self.release.wait()
                yield Batch(DocList[Item]([Item(title=word)]), batch.parameters)
            if 'say' in batch.parameters:
                yield Batch(DocList[Item](), {**batch.parameters, '__results__': {'shop': {'said': 1}}})
        finally:
            self.closed.append(context.endpoint)
            self.is_closed.set()

    async def echo(self, batch: Batch, context: Context) -> Batch:
        return batch

    async def index(self, batch: Batch, context: Context) -> Batch:
        docs = batch.docs_as(Item)
        await asyncio.sleep(0)
        for doc in docs:
            doc.title = doc.title.upper()
        return Batch(docs, {**batch.parameters, '__results__': {'shop': {'indexed': len(docs)}}})

    async def search(self, batch: Batch, context: Context) -> Batch:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return batch

    async def wait(self, batch: Batch, context: Context) -> Batch:
        context.on_cancel(self.cancelled.set)
        self.started.set()
        await self.release.wait()
        return batch

    async def fail(self, batch: Batch, context: Context) -> Batch:
        raise ExecutorFailure(
            "executor 'shop' failed: no '/srv/models/net.onnx'",
            executor='shop',
            endpoint='/fail',
            traceback='File "/srv/app/shop.py", line 3, in fail',
        )

    async def crash(self, batch: Batch, context: Context) -> Batch:
        raise KeyError('/srv/secret')

    async def full(self, batch: Batch, context: Context) -> Batch:
        raise Overloaded('the queue of shop is full', retry_after_s=7)


PARAMETERS = {
    'type': 'object',
    'properties': {'limit': {'type': 'integer', 'default': 3}, 'order': {'enum': ['up', 'down']}},
}


def endpoint(name: str, takes: type[BaseDoc] = Item, kind: str = 'docs', **more: Any) -> EndpointInfo:
    return EndpointInfo(name, kind, schema_of(takes), schema_of(more.pop('gives', takes)), **more)


ENDPOINTS = (
    endpoint('/index', doc='Put items into the index.'),
    endpoint('/search', parameters=PARAMETERS),
    endpoint('/words', kind='stream'),
    endpoint('/any', Document),
    *(endpoint(f'/{name}') for name in ('wait', 'fail', 'crash', 'full', 'find-it')),
)


def flow_info(endpoints: Any = ENDPOINTS) -> FlowInfo:
    return FlowInfo('bazaar', (ExecutorInfo('shop', tuple(endpoints)),), tuple(endpoints))

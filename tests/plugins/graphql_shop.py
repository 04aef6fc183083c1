"""A shop as the handler behind a gateway: documents with every kind of field, streams, failures."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, Literal

import shop_handler
from shop_handler import endpoint

from headrace.documents import BaseDoc, DocList, Document, NdArray
from headrace.errors import ExecutorFailure
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import ExecutorInfo, FlowInfo


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


class Shop(shop_handler.Shop):
    """A shop with streams."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: list[str] = []
        self.is_closed = asyncio.Event()

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


PARAMETERS = {
    'type': 'object',
    'properties': {'limit': {'type': 'integer', 'default': 3}, 'order': {'enum': ['up', 'down']}},
}


ENDPOINTS = (
    endpoint('/index', Item, doc='Put items into the index.'),
    endpoint('/search', Item, parameters=PARAMETERS),
    endpoint('/words', Item, kind='stream'),
    endpoint('/any', Document),
    *(endpoint(f'/{name}', Item) for name in ('wait', 'fail', 'crash', 'full', 'find-it')),
)


def flow_info(endpoints: Any = ENDPOINTS) -> FlowInfo:
    return FlowInfo('bazaar', (ExecutorInfo('shop', tuple(endpoints)),), tuple(endpoints))

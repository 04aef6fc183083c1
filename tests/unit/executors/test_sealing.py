"""An answer is what it was when its handler returned, whatever the handler does next."""

import asyncio

import numpy as np
import pytest

from headrace import Document, DocumentArray, Executor, requests
from headrace.executors import close, serve
from headrace.pipeline import Batch, Context


class Reusing(Executor):
    """Writes every result into the same array, as fast code does."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.out = np.zeros((1, 50_000), np.float32)
        self.turn = 0

    def next(self, docs):
        self.turn += 1
        self.out[:] = self.turn
        docs.embedding = self.out
        docs.text = [str(self.turn)] * len(docs)

    @requests(on='/sync')
    def in_a_thread(self, docs: DocumentArray, **kwargs):
        self.next(docs)

    @requests(on='/async')
    async def on_the_loop(self, docs: DocumentArray, **kwargs):
        await asyncio.sleep(0)
        self.next(docs)


@pytest.mark.parametrize('endpoint', ['/sync', '/async'])
async def test_a_handler_may_write_into_the_same_array_for_every_request(endpoint):
    executor = Reusing()
    handler = serve(executor)
    requests_ = [handler(Batch(DocumentArray([Document()])), Context(endpoint)) for _ in range(50)]
    replies = await asyncio.gather(*requests_)
    await close(executor)
    for reply in replies:
        (doc,) = reply.docs
        assert set(doc.embedding) == {float(doc.text)}
    assert sorted(int(reply.docs[0].text) for reply in replies) == list(range(1, 51))

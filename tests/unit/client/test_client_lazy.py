"""Inputs are read no further ahead than the window allows, whatever feeds them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from waiting import until_still, wait_until, wait_until_still

from headrace.client import AsyncClient
from headrace.documents import Document
from headrace.pipeline import Batch, Context

COUNT = 100_000


class Feed:
    """Documents that count how many were taken, and how far that is ahead of what came back."""

    def __init__(self, count: int, text: str = '') -> None:
        self.taken = self.back = self.most_ahead = 0
        self._count = count
        self._text = text

    def __iter__(self) -> Iterator[Document]:
        for _ in range(self._count):
            self.taken += 1
            self.most_ahead = max(self.most_ahead, self.taken - self.back)
            yield Document(self._text)

    async def each(self) -> AsyncIterator[Document]:
        for document in self:
            yield document

    def arrived(self, response: Any) -> None:
        self.back += len(response.docs)


async def nothing(batch: Batch, context: Context) -> Batch:
    return batch


@pytest.mark.parametrize('in_order', [True, False])
def test_a_generator_is_read_as_fast_as_the_flow_works(serve: Any, protocol: str, in_order: bool) -> None:
    feed = Feed(COUNT)
    with serve(nothing).client(protocol) as client:
        client.post(
            '/', iter(feed), request_size=500, prefetch=4, results_in_order=in_order, on_done=feed.arrived
        )
    assert (feed.taken, feed.back) == (COUNT, COUNT)
    assert feed.most_ahead <= 500 * (4 + 1)  # what is in flight, and the request that is being made


async def test_an_asynchronous_one_too(serve: Any, protocol: str) -> None:
    feed = Feed(COUNT)
    async with AsyncClient(serve(nothing).url(protocol)) as client:
        await client.post('/', feed.each(), request_size=500, prefetch=4, on_done=feed.arrived)
    assert (feed.taken, feed.back) == (COUNT, COUNT)
    assert feed.most_ahead <= 500 * (4 + 1)


def test_large_documents_are_bounded_by_their_bytes(serve: Any, protocol: str) -> None:
    feed = Feed(200, 'x' * 100_000)
    with serve(nothing).client(protocol) as client:
        client.post('/', iter(feed), request_size=1, prefetch_bytes=1_000_000, on_done=feed.arrived)
    assert feed.back == 200
    assert feed.most_ahead <= 10 + 2


def test_a_flow_that_stands_still_is_not_read_for(serve: Any, protocol: str, gate: Any) -> None:
    feed = Feed(1000)
    gateway = serve(gate)
    with gateway.client(protocol) as client:
        post = threading.Thread(
            target=client.post,
            args=('/', iter(feed)),
            kwargs={'request_size': 10, 'prefetch': 3, 'on_done': feed.arrived},
        )
        post.start()
        wait_until(lambda: gate.held == 3)
        taken = wait_until_still(lambda: feed.taken)  # it does not read ahead
        gate.open()
        post.join(60)
    assert taken == 30
    assert feed.back == 1000


async def test_who_iterates_slowly_is_not_read_ahead_for(serve: Any, protocol: str) -> None:
    feed = Feed(COUNT)
    async with AsyncClient(serve(nothing).url(protocol)) as client:
        results = client.post('/', feed.each(), request_size=10, prefetch=2).__aiter__()
        for _ in range(2):
            await anext(results)
            await until_still(lambda: feed.taken)
        await results.aclose()
    assert feed.taken <= 20 + 10 * (2 + 1)

"""The asynchronous client against a real gateway, over both protocols."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from waiting import until

from headrace.client import AsyncClient, Client, Response
from headrace.documents import DocList, Document
from headrace.errors import BadServer, SpecError


@pytest.fixture
async def client(shouting: Any, protocol: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(shouting.url(protocol)) as made:
        yield made


def letters(word: str) -> list[Document]:
    return [Document(letter) for letter in word]


async def test_awaiting_gives_everything(client: AsyncClient) -> None:
    result = await client.post('/', letters('abc'), request_size=2)
    assert isinstance(result, DocList)
    assert result.texts == ['A', 'B', 'C']


async def test_iterating_gives_request_after_request(client: AsyncClient) -> None:
    found = [docs.texts async for docs in client.post('/', letters('abc'), request_size=2)]
    assert found == [['A', 'B'], ['C']]


async def test_iterating_over_responses(client: AsyncClient) -> None:
    posting = client.post('/', letters('ab'), request_size=1, return_responses=True)
    assert [response.docs.texts async for response in posting] == [['A'], ['B']]


async def test_callbacks_may_be_coroutines(client: AsyncClient) -> None:
    seen: list[str] = []

    async def on_done(response: Response[Any]) -> None:
        await asyncio.sleep(0)
        seen.extend(response.docs.texts)

    assert await client.post('/', letters('ab'), on_done=on_done, request_size=1) is None
    assert seen == ['A', 'B']


async def test_an_answer_can_make_the_next_question(client: AsyncClient) -> None:
    answers: asyncio.Queue[str] = asyncio.Queue()

    async def questions() -> AsyncIterator[Document]:
        yield Document('a')
        for _ in range(2):
            yield Document((await answers.get()) + 'b')

    found = []
    async for docs in client.post('/', questions(), request_size=1):
        found.append(docs[0].text)
        answers.put_nowait(docs[0].text)
    assert found == ['A', 'AB', 'ABB']


async def test_nothing_is_sent_before_it_is_awaited(serve: Any, protocol: str, gate: Any) -> None:
    async with AsyncClient(serve(gate).url(protocol)) as client:
        with pytest.warns(RuntimeWarning, match="a post to '/search' was never awaited"):
            client.post('/search', letters('a'))
        assert await client.is_flow_ready()
    assert gate.most == 0


@pytest.mark.parametrize('stream', [True, False])
async def test_a_cancelled_post_is_cancelled_in_the_server(
    serve: Any, protocol: str, gate: Any, stream: bool
) -> None:
    async with AsyncClient(serve(gate).url(protocol)) as client:
        post = client.post('/', letters('abc'), request_size=1, stream=stream)
        task = asyncio.ensure_future(_all(post))
        await until(lambda: gate.held == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: len(gate.cancelled) == 3 and gate.held == 0)


async def test_leaving_the_iteration_cancels_the_rest(serve: Any, protocol: str, gate: Any) -> None:
    from headrace.pipeline import Batch, Context

    async def first_is_fast(batch: Batch, context: Context) -> Batch:
        return batch if batch.docs[0].text == 'a' else await gate(batch, context)

    async with AsyncClient(serve(first_is_fast).url(protocol)) as client:
        posting = aiter(client.post('/', letters('abc'), request_size=1))
        assert (await anext(posting)).texts == ['a']
        await until(lambda: gate.held == 2)
        await posting.aclose()
        await until(lambda: len(gate.cancelled) == 2)


async def test_results_as_they_come(serve: Any, protocol: str, gate: Any) -> None:
    from headrace.pipeline import Batch, Context

    async def first_is_slow(batch: Batch, context: Context) -> Batch:
        if batch.docs[0].text == 'a':
            return await gate(batch, context)
        return batch

    async with AsyncClient(serve(first_is_slow).url(protocol)) as client:
        found = []
        async for docs in client.post('/', letters('abc'), request_size=1, results_in_order=False):
            found.append(docs[0].text)
            if len(found) == 2:
                gate.open()
    assert sorted(found[:2]) == ['b', 'c']
    assert found[2] == 'a'


async def test_closing_fails_what_is_under_way(serve: Any, protocol: str, gate: Any) -> None:
    client = AsyncClient(serve(gate).url(protocol))
    task = asyncio.ensure_future(_all(client.post('/', letters('a'))))
    await until(lambda: gate.held == 1)
    await client.close()
    with pytest.raises((BadServer, asyncio.CancelledError)):
        await task


async def test_the_gateway_may_stop_under_a_client(serve: Any, protocol: str, gate: Any) -> None:
    gateway = serve(gate)
    async with AsyncClient(gateway.url(protocol)) as client:
        task = asyncio.ensure_future(_all(client.post('/', letters('a'))))
        await until(lambda: gate.held == 1)
        await asyncio.to_thread(gateway.stop, 0)
        with pytest.raises(BadServer) as caught:
            await task
    assert caught.value.status in ('UNAVAILABLE', 'CANCELLED', 503)


async def _all(posting: Any) -> Any:
    return await posting


async def test_a_client_that_waits_says_which_one_does_not():
    with pytest.raises(SpecError, match='this client is synchronous') as caught:
        async with Client('grpc://127.0.0.1:1'):
            raise AssertionError
    assert 'Client(..., asyncio=True)' in caught.value.help

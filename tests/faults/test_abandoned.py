"""Work whose client has gone is not done: none of it begins after the cancel has reached the executor."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families
from waiting import until

from headrace import Client, Document, DocumentArray, Executor, Flow, dynamic_batching, requests
from headrace.client import AsyncClient
from headrace.errors import BadServer
from headrace.proto import headrace_pb2 as pb

ABANDONED = 30


class Held(Executor):
    """Works on one call at a time; the first holds it up until the file `gate` is there. Counts documents."""

    def __init__(self, gate: str = '', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate = Path(gate)
        self.seen: list[str] = []

    def _work(self, docs: DocumentArray) -> None:
        self.seen += docs.texts
        while 'gate' in docs.texts and not self.gate.exists():
            time.sleep(0.005)

    @requests(on='/alone')
    def alone(self, docs: DocumentArray, **kwargs: Any) -> None:
        self._work(docs)

    @dynamic_batching(preferred_batch_size=8, timeout=20)
    @requests(on='/batched')
    def batched(self, docs: DocumentArray, **kwargs: Any) -> None:
        self._work(docs)

    @requests(on='/seen')
    async def tell(self, **kwargs: Any) -> dict[str, Any]:
        return {'seen': list(self.seen)}


class Running:
    """A Flow whose executor is held up, and what it has seen."""

    def __init__(self, flow: Flow, gate: Path) -> None:
        self._flow = flow
        self.http, self.grpc = flow.ports['http'], flow.ports['grpc']
        self._gate = gate
        self._client = AsyncClient(f'http://127.0.0.1:{self.http}')

    async def hold(self, endpoint: str) -> asyncio.Task[Any]:
        """One request that is worked on until `release`; others wait behind it."""
        held = asyncio.create_task(self._ask(endpoint, 'gate'))
        await until(self._is_held)
        return held

    async def _is_held(self) -> bool:
        return 'gate' in await self.seen()

    async def waiting(self, count: int) -> None:
        """Wait until so many requests wait behind the one that is held."""

        async def there() -> bool:
            return await self._calls() == count + 1

        await until(there)

    async def _calls(self) -> float:
        """Calls that the gateway has sent to the executor, or keeps for it, and that are not answered."""
        text = await self._flow.metrics()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name in ('headrace_replica_in_flight', 'headrace_queue_length')
        )

    async def _ask(self, endpoint: str, text: str) -> Any:
        return await self._client.post(endpoint, Document(text))

    async def seen(self) -> list[str]:
        (response,) = await self._client.post('/seen', return_responses=True)
        (result,) = response.results.values()
        return list(result['seen'])

    async def release(self, endpoint: str, others: int = 0) -> list[str]:
        """Let the executor go on; what it has seen when one more request, which came last, is answered."""
        last = asyncio.create_task(self._ask(endpoint, 'last'))
        await self.waiting(1 + others)
        self._gate.touch()
        await last
        return await self.seen()

    async def close(self) -> None:
        await self._client.close()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    gate = tmp_path / 'gate'
    flow = Flow(asyncio=True).config_gateway(protocols=['http', 'grpc'])
    async with flow.add(uses=Held, uses_with={'gate': str(gate)}) as flow:
        it = Running(flow, gate)
        try:
            yield it
        finally:
            gate.touch()
            await it.close()


def text(number: int) -> str:
    return f'abandoned {number}'


async def leave_http(it: Running, endpoint: str) -> None:
    """Connections that are closed while their requests wait."""
    writers = []
    for number in range(ABANDONED):
        _, writer = await asyncio.open_connection('127.0.0.1', it.http)
        body = json.dumps({'data': [{'text': text(number)}], 'execEndpoint': endpoint}).encode()
        writer.write(b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b' % (len(body), body))
        await writer.drain()
        writers.append(writer)
    await it.waiting(ABANDONED)
    for writer in writers:
        writer.close()


def _message(number: int, endpoint: str) -> bytes:
    request = pb.Request(endpoint=endpoint, request_id=text(number))
    request.rows.documents.add(text=text(number))
    return bytes(request.SerializeToString())


async def cancel_grpc_calls(it: Running, endpoint: str) -> None:
    async with grpc.aio.insecure_channel(f'127.0.0.1:{it.grpc}') as channel:
        method: Any = channel.unary_unary('/headrace.v1.Headrace/Call')
        calls = [asyncio.ensure_future(method(_message(n, endpoint))) for n in range(ABANDONED)]
        await it.waiting(ABANDONED)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def cancel_a_grpc_stream(it: Running, endpoint: str) -> None:
    async with grpc.aio.insecure_channel(f'127.0.0.1:{it.grpc}') as channel:
        stream: Any = channel.stream_stream('/headrace.v1.Headrace/Stream')()
        for number in range(ABANDONED):
            await stream.write(_message(number, endpoint))
        await it.waiting(ABANDONED)
        stream.cancel()


async def withdraw_on_a_grpc_stream(it: Running, endpoint: str) -> None:
    async with grpc.aio.insecure_channel(f'127.0.0.1:{it.grpc}') as channel:
        stream: Any = channel.stream_stream('/headrace.v1.Headrace/Stream')()
        for number in range(ABANDONED):
            await stream.write(_message(number, endpoint))
        await it.waiting(ABANDONED)
        for number in range(ABANDONED):
            await stream.write(pb.Request(request_id=text(number), cancel=True).SerializeToString())
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF


def _documents() -> list[Document]:
    return [Document(text(number)) for number in range(ABANDONED)]


def _time_out(url: str, endpoint: str) -> None:
    with Client(url) as client, pytest.raises(BadServer) as caught:
        client.post(endpoint, _documents(), request_size=1, prefetch=ABANDONED, timeout_s=0.4)
    assert caught.value.error == 'DeadlineExceeded'


async def time_out_over_http(it: Running, endpoint: str) -> None:
    await asyncio.to_thread(_time_out, f'http://127.0.0.1:{it.http}', endpoint)


async def time_out_over_grpc(it: Running, endpoint: str) -> None:
    await asyncio.to_thread(_time_out, f'grpc://127.0.0.1:{it.grpc}', endpoint)


async def _cancel_task(it: Running, url: str, endpoint: str) -> None:
    async with AsyncClient(url) as client:

        async def ask() -> None:
            await client.post(endpoint, _documents(), request_size=1, prefetch=ABANDONED)

        task = asyncio.create_task(ask())
        await it.waiting(ABANDONED)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def cancel_a_task_over_http(it: Running, endpoint: str) -> None:
    await _cancel_task(it, f'http://127.0.0.1:{it.http}', endpoint)


async def cancel_a_task_over_grpc(it: Running, endpoint: str) -> None:
    await _cancel_task(it, f'grpc://127.0.0.1:{it.grpc}', endpoint)


async def kill_the_client(it: Running, endpoint: str) -> None:
    """A process that is killed says nothing; its connections end."""
    program = (
        'from headrace import Client, Document\n'
        f'with Client("grpc://127.0.0.1:{it.grpc}") as client:\n'
        f'    docs = [Document(f"abandoned {{n}}") for n in range({ABANDONED})]\n'
        f'    client.post({endpoint!r}, docs, request_size=1, prefetch={ABANDONED})\n'
    )
    process = await asyncio.create_subprocess_exec(sys.executable, '-c', program)
    await it.waiting(ABANDONED)
    process.kill()
    await process.wait()


WAYS = [
    leave_http,
    cancel_grpc_calls,
    cancel_a_grpc_stream,
    withdraw_on_a_grpc_stream,
    time_out_over_http,
    time_out_over_grpc,
    cancel_a_task_over_http,
    cancel_a_task_over_grpc,
    kill_the_client,
]


@pytest.mark.parametrize('endpoint', ['/alone', '/batched'])
@pytest.mark.parametrize('leave', WAYS, ids=[way.__name__ for way in WAYS])
async def test_nothing_is_done_for_who_has_left(running: Running, leave: Any, endpoint: str) -> None:
    held = await running.hold(endpoint)
    await leave(running, endpoint)
    await running.waiting(0)
    await running.seen()  # what was sent to the executor before this has reached it
    assert await running.release(endpoint) == ['gate', 'last']
    await held


@pytest.mark.parametrize('endpoint', ['/alone', '/batched'])
async def test_who_waits_is_served(running: Running, endpoint: str) -> None:
    """The same without leaving, so that the test above can fail."""
    held = await running.hold(endpoint)
    async with AsyncClient(f'http://127.0.0.1:{running.http}') as client:

        async def ask() -> Any:
            return await client.post(endpoint, _documents(), request_size=1, prefetch=ABANDONED)

        asked = asyncio.create_task(ask())
        await running.waiting(ABANDONED)
        seen = await running.release(endpoint, ABANDONED)
        await asked
    assert sorted(seen) == sorted(['gate', 'last', *(text(number) for number in range(ABANDONED))])
    await held

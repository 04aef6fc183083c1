"""Gateways that leave: what was not taken goes to the next one on the port, what was taken is answered."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from headrace.client import Address, AsyncClient, Request
from headrace.client.multiplexed import MultiplexedStream
from headrace.documents import Document
from headrace.errors import BadServer, HeadraceError
from headrace.pipeline import Batch, Context

LARGE = 'x' * 3_000_000


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


def ports_of(gateway: Any) -> tuple[int, ...]:
    return tuple(dict.fromkeys(gateway.server.ports.values()))


def test_the_next_gateway_on_the_port_gets_what_comes_after(serve: Any, making: Any, protocol: str) -> None:
    first = serve(making)
    with first.client(protocol) as client:
        assert client.post('/', Document('a')).texts == ['a']
        assert [doc.text for doc in client.stream_doc('/', Document('b'))] == ['b']
        ports = ports_of(first)
        first.stop(5)
        serve(making, ports=ports)
        assert client.post('/', Document('c')).texts == ['c']
        assert [doc.text for doc in client.stream_doc('/', Document('d'))] == ['d']


def test_a_stream_that_has_begun_is_finished_by_the_gateway_that_leaves(
    serve: Any, making: Any, protocol: str
) -> None:
    gateway = serve(making)
    with gateway.client(protocol) as client:
        stream = client.stream_doc('/', Document('a.b'))
        assert next(stream).text == 'a'
        leaving = threading.Thread(target=gateway.stop, args=(20,))
        leaving.start()
        making.open()
        assert [doc.text for doc in stream] == ['b']
        leaving.join()


def test_a_stream_whose_gateway_dies_is_an_error_after_what_came(
    serve: Any, making: Any, protocol: str
) -> None:
    gateway = serve(making)
    found = []
    with gateway.client(protocol) as client, pytest.raises(BadServer) as caught:
        for doc in client.stream_doc('/', Document('a.b'), max_attempts=3):
            found.append(doc.text)
            gateway.stop(0)
    assert found == ['a']
    assert caught.value.request_id


def test_what_is_too_large_harms_no_other_request(serve: Any, gate: Any, protocol: str) -> None:
    gateway = serve(gate, max_body_bytes=2_000_000)
    with gateway.client(protocol) as client:
        others: list[Any] = []
        waiting = threading.Thread(target=lambda: others.append(client.post('/', Document('small'))))
        waiting.start()
        with pytest.raises(BadServer) as caught:
            client.post('/', Document(LARGE))
        with pytest.raises(BadServer) as streamed:
            list(client.stream_doc('/', Document(LARGE)))
        assert (caught.value.error, streamed.value.error) == ('TooLarge', 'TooLarge')
        while not gate.held:
            waiting.join(0.01)
        gate.open()
        waiting.join(20)
    assert others[0].texts == ['small']


def test_a_reply_that_is_too_large_for_the_client(serve: Any, protocol: str) -> None:
    with serve(echo).client(protocol, max_reply_bytes=1_000_000) as client:
        with pytest.raises(BadServer) as posted:
            client.post('/', Document(LARGE))
        with pytest.raises(BadServer) as streamed:
            list(client.stream_doc('/', Document(LARGE)))
        assert (posted.value.error, streamed.value.error) == ('TooLarge', 'TooLarge')
        assert (
            'max_reply_bytes' in posted.value.help + posted.value.message
            or 'request_size' in posted.value.help
        )
        assert client.post('/', Document('small')).texts == ['small']


async def test_a_client_that_is_closed_while_it_connects_keeps_nothing_open(protocol: str) -> None:
    """Nobody answers at this port, not even to say so."""
    with socket.create_server(('127.0.0.1', 0)) as silent:
        port = silent.getsockname()[1]
        client = AsyncClient('127.0.0.1', port=port, protocol=protocol, timeout_s=5)
        posting = asyncio.ensure_future(_all(client.post('/', Document('a'))))
        silent.setblocking(False)
        taken, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(silent), 60)
        with taken:
            await client.close()
            with pytest.raises((HeadraceError, asyncio.CancelledError)):
                await posting


async def _all(posting: Any) -> Any:
    return await posting


class Broken:
    """A wire on which everything can be written, and that then ends for lack of room."""

    errors: tuple[type[BaseException], ...] = ()
    is_done = False

    def __init__(self, requests: int) -> None:
        self._missing = requests
        self._written = asyncio.Event()

    async def write(self, data: bytes) -> None:
        self._missing -= 1
        if not self._missing:
            self._written.set()

    async def read(self) -> bytes | None:
        await self._written.wait()
        raise BadServer('full', status='RESOURCE_EXHAUSTED', error='Overloaded')

    async def say_last(self) -> None: ...

    async def has_left(self) -> bool:
        return False

    async def close(self) -> None: ...


@pytest.mark.parametrize(('requests', 'error'), [(1, 'Overloaded'), (2, 'Unavailable')])
async def test_a_refusal_that_may_be_of_another_request_does_not_say_that_nothing_began(
    requests: int, error: str
) -> None:
    stream = MultiplexedStream(Broken(requests), Address('grpc', 'localhost', 1))
    asked = [stream.send(Request(endpoint='/'), b'') for _ in range(requests)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [each.error for each in found] == [error] * requests
    await stream.close()

"""What the client sends again, when, and what it does not."""

from __future__ import annotations

import time
from typing import Any

import grpc
import pytest
from waiting import until

from headrace.client import grpc_errors
from headrace.client.address import Address
from headrace.client.described import is_idempotent
from headrace.client.retry import is_retried
from headrace.documents import Document, schema_of
from headrace.errors import BadServer, Overloaded, Unavailable
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo, FlowInfo

SCHEMA = schema_of(Document)


def info(**idempotent: bool) -> FlowInfo:
    endpoints = tuple(
        EndpointInfo(f'/{name}', 'docs', SCHEMA, SCHEMA, idempotent=value)
        for name, value in idempotent.items()
    )
    return FlowInfo('shop', (ExecutorInfo('one', endpoints),), endpoints)


class Failing:
    """Fails so often, and counts."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls: list[float] = []

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self.calls.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return batch


PATIENT = {'max_attempts': 3, 'initial_backoff': 0.01}


def test_what_may_have_begun_is_repeated_where_that_does_no_harm(serve: Any, protocol: str) -> None:
    failing = Failing(Unavailable('its worker died'))
    with serve(failing, info=info(search=True)).client(protocol) as client:
        client.post('/search', Document('a'), **PATIENT)
    assert len(failing.calls) == 2


def test_what_may_have_begun_is_not_repeated_where_it_does_harm(serve: Any, protocol: str) -> None:
    failing = Failing(Unavailable('its worker died'))
    with (
        serve(failing, info=info(order=False)).client(protocol) as client,
        pytest.raises(BadServer, match='its worker died'),
    ):
        client.post('/order', Document('a'), **PATIENT)
    assert len(failing.calls) == 1


def test_what_was_refused_for_lack_of_room_is_sent_again_everywhere(serve: Any, protocol: str) -> None:
    failing = Failing(Overloaded('full', retry_after_s=0.01))
    with serve(failing, info=info(order=False)).client(protocol) as client:
        client.post('/order', Document('a'), **PATIENT)
    assert len(failing.calls) == 2


def test_a_gateway_that_dies_under_a_request_does_not_get_it_twice(serve: Any, protocol: str) -> None:
    gateways: list[Any] = []

    async def die(batch: Batch, context: Context) -> Batch:
        calls.append(1)
        await gateways[0].server.stop(0)
        return batch

    calls: list[int] = []
    gateways.append(serve(die, info=info(order=False)))
    with gateways[0].client(protocol) as client, pytest.raises(BadServer):
        client.post('/order', Document('a'), **PATIENT)
    assert calls == [1]


@pytest.mark.parametrize('stream', [True, False])
def test_the_exact_time_to_come_again_is_kept(serve: Any, protocol: str, stream: bool) -> None:
    """Over HTTP, too, where the header has whole seconds only."""
    failing = Failing(Overloaded('full', retry_after_s=0.3))
    with serve(failing).client(protocol) as client:
        client.post('/', Document('a'), stream=stream, max_attempts=2, initial_backoff=0.05)
    first, second = failing.calls
    assert 0.3 <= second - first < 0.9


def test_who_has_no_time_to_come_again_is_told_at_once(serve: Any, protocol: str) -> None:
    failing = Failing(Overloaded('full', retry_after_s=20))
    begun = time.monotonic()
    with serve(failing).client(protocol) as client, pytest.raises(BadServer) as caught:
        client.post('/', Document('a'), max_attempts=5, timeout_s=10)
    assert time.monotonic() - begun < 5
    assert (caught.value.error, caught.value.retry_after_s) == ('Overloaded', 20)


def test_a_full_gateway_is_asked_again_until_it_has_room(serve: Any, protocol: str, gate: Any) -> None:
    """Eight requests at once through a gateway that holds two."""
    gateway = serve(gate, max_requests=2)
    with gateway.client(protocol) as client:
        opened = gateway.loop.submit(_open_when_full(gate))
        docs = [Document(letter) for letter in 'abcdefgh']
        result = client.post('/', docs, request_size=1, max_attempts=50, initial_backoff=0.05)
        opened.result(60)
    assert result.texts == list('abcdefgh')
    assert gate.most <= 2
    assert gateway.server.admission.requests == 0


async def _open_when_full(gate: Any) -> None:
    await until(lambda: gate.held == 2)
    gate.open()


@pytest.mark.parametrize(
    ('endpoint', 'target', 'expected'),
    [('/search', '', True), ('/order', '', False), ('/other', '', True), ('/order', 'two', True)],
)
def test_every_executor_of_an_endpoint_counts(endpoint: str, target: str, expected: bool) -> None:
    assert is_idempotent(info(search=True, order=False), endpoint, target) is expected


def test_without_a_description_repeating_is_for_the_caller_to_judge() -> None:
    assert is_idempotent(None, '/')


def test_who_is_refused_is_told_how_to_come_again_by_itself(serve: Any, protocol: str) -> None:
    failing = Failing(*[Overloaded('full', retry_after_s=0.01, help='send less')] * 4)
    with serve(failing, info=info(order=False)).client(protocol) as client:
        with pytest.raises(BadServer) as once:
            client.post('/order', Document('a'))
        with pytest.raises(BadServer) as often:
            client.post('/order', Document('a'), **PATIENT)
    assert once.value.help.startswith('send less; max_attempts=')
    assert often.value.help == 'send less'


def test_a_connection_that_breaks_under_a_write_is_tried_again() -> None:
    """grpc.aio calls that an internal error, and means the machine at the other end or its process."""
    lost = grpc.aio.AioRpcError(
        grpc.StatusCode.INTERNAL,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(),
        details='Internal error from Core',
    )
    error = grpc_errors.failure(lost, Address('grpc', 'localhost', 1), 'one')
    assert is_retried(error)
    assert error.status == 'UNAVAILABLE'
    own = grpc.aio.AioRpcError(
        grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), details='broken'
    )
    assert not is_retried(grpc_errors.failure(own, Address('grpc', 'localhost', 1), 'one'))

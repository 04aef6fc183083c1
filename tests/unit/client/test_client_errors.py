"""What can go wrong between a client and a gateway, and what the caller sees of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from waiting import wait_until

from headrace.client import Client, Response
from headrace.client.options import Options
from headrace.client.retry import is_retried, pause_s
from headrace.documents import Document
from headrace.errors import BadServer, ExecutorFailure, Overloaded, Unavailable
from headrace.pipeline import Batch, Context

STATUS = {
    'grpc': {'failure': 'INTERNAL', 'unavailable': 'UNAVAILABLE', 'late': 'DEADLINE_EXCEEDED'},
    'http': {'failure': 500, 'unavailable': 503, 'late': 504},
    'websocket': {'failure': 'INTERNAL', 'unavailable': 'UNAVAILABLE', 'late': 'DEADLINE_EXCEEDED'},
}


async def fail_on_b(batch: Batch, context: Context) -> Batch:
    if 'b' in batch.docs.texts:
        raise ExecutorFailure('the b is broken', executor='letters', endpoint='/', help='send no b')
    return batch


def letters(word: str) -> list[Document]:
    return [Document(letter) for letter in word]


@pytest.mark.parametrize('stream', [True, False])
def test_an_error_of_the_server_is_raised_with_status_and_request_id(
    serve: Any, protocol: str, stream: bool
) -> None:
    with serve(fail_on_b).client(protocol) as client, pytest.raises(BadServer) as caught:
        client.post('/', letters('abc'), request_size=1, stream=stream)
    error = caught.value
    assert (error.message, error.help, error.error) == ('the b is broken', 'send no b', 'ExecutorFailure')
    assert error.status == STATUS[protocol]['failure']
    assert len(error.request_id) == 32


def test_on_error_takes_the_error_and_the_rest_comes(serve: Any, protocol: str) -> None:
    failed: list[Response[Any]] = []
    with serve(fail_on_b).client(protocol) as client:
        result = client.post('/', letters('abc'), request_size=1, on_error=failed.append)
    assert result.texts == ['a', 'c']
    (response,) = failed
    assert isinstance(response.error, BadServer)
    assert response.error.request_id == response.request_id
    assert len(response.docs) == 0


def test_errors_may_be_survived(serve: Any, protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    with serve(fail_on_b).client(protocol) as client:
        result = client.post('/', letters('abc'), request_size=1, continue_on_error=True)
        responses = client.post(
            '/', letters('abc'), request_size=1, continue_on_error=True, return_responses=True
        )
    assert result.texts == ['a', 'c']
    assert [response.error is None for response in responses] == [True, False, True]
    assert 'the b is broken' in caplog.text


def test_on_always_sees_the_failed_request_before_it_is_raised(serve: Any, protocol: str) -> None:
    seen: list[Response[Any]] = []
    with serve(fail_on_b).client(protocol) as client, pytest.raises(BadServer, match='the b is broken'):
        client.post('/', letters('b'), on_always=seen.append)
    assert [response.error is not None for response in seen] == [True]


def test_nobody_there(protocol: str) -> None:
    with Client('127.0.0.1', port=9, protocol=protocol) as client, pytest.raises(BadServer) as caught:
        client.post('/', letters('a'))
    assert caught.value.status == STATUS[protocol]['unavailable']
    assert '://127.0.0.1:9' in caught.value.message
    assert 'is the Flow running' in caught.value.help


@pytest.mark.parametrize('spoken', ['grpc', 'http'])
def test_the_wrong_protocol_is_an_error_and_no_hang(shouting: Any, spoken: str) -> None:
    other = {'grpc': 'http', 'http': 'grpc'}[spoken]
    url = shouting.url(other).replace(other, spoken, 1)
    with Client(url, timeout_s=10) as client, pytest.raises(BadServer):
        client.post('/', letters('a'))


@pytest.mark.parametrize('stream', [True, False])
def test_a_late_answer_is_an_error_and_the_server_is_told(
    serve: Any, protocol: str, gate: Any, stream: bool
) -> None:
    gateway = serve(gate)
    with gateway.client(protocol) as client:
        with pytest.raises(BadServer) as caught:
            client.post('/', letters('a'), timeout_s=1, stream=stream)
        assert caught.value.status == STATUS[protocol]['late']
        assert caught.value.error in ('DeadlineExceeded', '')
        wait_until(lambda: gate.cancelled)
    assert gate.cancelled == [caught.value.request_id]


def test_no_more_requests_are_under_way_than_asked_for(serve: Any, protocol: str, gate: Any) -> None:
    with serve(gate).client(protocol) as client:
        thread = threading.Thread(
            target=client.post, args=('/', letters('abcdefgh')), kwargs={'request_size': 1, 'prefetch': 3}
        )
        thread.start()
        wait_until(lambda: gate.held == 3)
        gate.open()
        thread.join()
    assert gate.most == 3


class Flaky:
    """Fails as often as it has errors, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return batch


def test_what_did_not_reach_a_server_is_sent_again(serve: Any, protocol: str) -> None:
    flaky = Flaky(Unavailable('starting'), Overloaded('full', retry_after_s=0.01))
    with serve(flaky).client(protocol) as client:
        result = client.post('/', letters('a'), max_attempts=3, initial_backoff=0.01)
    assert (result.texts, flaky.calls) == (['a'], 3)


def test_the_last_attempt_decides(serve: Any, protocol: str) -> None:
    flaky = Flaky(Unavailable('one'), Unavailable('two'), Unavailable('three'))
    with serve(flaky).client(protocol) as client, pytest.raises(BadServer, match='two'):
        client.post('/', letters('a'), max_attempts=2, initial_backoff=0.01)
    assert flaky.calls == 2


def test_one_attempt_is_the_default(serve: Any, protocol: str) -> None:
    flaky = Flaky(Unavailable('one'))
    with serve(flaky).client(protocol) as client, pytest.raises(BadServer, match='one'):
        client.post('/', letters('a'))
    assert flaky.calls == 1


def test_errors_of_the_request_are_final(serve: Any, protocol: str) -> None:
    flaky = Flaky(ExecutorFailure('broken'))
    with serve(flaky).client(protocol) as client, pytest.raises(BadServer, match='broken'):
        client.post('/', letters('a'), max_attempts=5, initial_backoff=0.01)
    assert flaky.calls == 1


def test_no_attempt_begins_after_the_deadline(serve: Any, protocol: str) -> None:
    flaky = Flaky(*[Unavailable('one')] * 50)
    with serve(flaky).client(protocol) as client, pytest.raises(BadServer, match='one'):
        client.post('/', letters('a'), max_attempts=50, initial_backoff=100, max_backoff=100, timeout_s=0.5)
    assert flaky.calls < 50


def test_a_restarted_gateway_is_found_again(serve: Any, protocol: str) -> None:
    first = serve(Flaky())
    port = first.server.ports[protocol]
    with first.client(protocol) as client:
        client.post('/', letters('a'))
        first.stop()
        with pytest.raises(BadServer):
            client.post('/', letters('a'))
        ports = (port, 0) if protocol == 'grpc' else (0, port)
        serve(Flaky(), ports=ports)
        result = client.post('/', letters('b'), max_attempts=20, initial_backoff=0.2)
    assert result.texts == ['b']


@pytest.mark.parametrize(
    ('error', 'expected'),
    [
        (BadServer('', status='UNAVAILABLE'), True),
        (BadServer('', status=503), True),
        (BadServer('', status=502), True),
        (BadServer('', status=503, error='Unavailable'), True),
        (BadServer('', status='RESOURCE_EXHAUSTED', error='Overloaded'), True),
        (BadServer('', status='RESOURCE_EXHAUSTED', error='TooLarge'), False),
        (BadServer('', status=500), False),
        (BadServer('', status='DEADLINE_EXCEEDED'), False),
        (BadServer('', status='INTERNAL', error='ExecutorFailure'), False),
    ],
)
def test_only_unreached_servers_are_tried_again(error: BadServer, expected: bool) -> None:
    assert is_retried(error) is expected


def test_pauses_grow_are_random_and_have_an_end() -> None:
    options = Options(initial_backoff=1.0, backoff_multiplier=2.0, max_backoff=3.0)
    longest = [max(pause_s(options, attempt) for _ in range(500)) for attempt in (2, 3, 4, 5)]
    assert [round(seconds) for seconds in longest] == [1, 2, 3, 3]
    assert min(pause_s(options, 5) for _ in range(500)) < 0.3
    assert pause_s(options, 2, at_least_s=7) >= 7


def test_a_reply_larger_than_allowed_is_refused(echoing: Any, protocol: str) -> None:
    with echoing.client(protocol, max_reply_bytes=10_000) as client:
        assert len(client.post('/', {'text': 'x' * 5_000})) == 1
        with pytest.raises(BadServer) as caught:
            client.post('/', {'text': 'x' * 20_000})
    assert caught.value.error == 'TooLarge'
    assert 'request_size' in caught.value.help


def test_a_request_larger_than_allowed_is_refused(serve: Any, protocol: str) -> None:
    with serve(Flaky(), max_body_bytes=10_000).client(protocol) as client:
        with pytest.raises(BadServer) as caught:
            client.post('/', {'text': 'x' * 20_000})
        assert caught.value.error == 'TooLarge'
        assert client.post('/', letters('a')).texts == ['a']


def test_a_client_that_nobody_closes_ends_quietly(shouting: Any, protocol: str) -> None:
    program = (
        'from headrace.client import Client\n'
        f'client = Client({shouting.url(protocol)!r})\n'
        "print(client.post('/', {'text': 'bye'}).texts)\n"
    )
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "['BYE']\n", '')


def test_ctrl_c_ends_a_post_and_tells_the_server(serve: Any, protocol: str, gate: Any) -> None:
    gateway = serve(gate)
    program = (
        'from headrace.client import Client\n'
        f'with Client({gateway.url(protocol)!r}) as client:\n'
        '    try:\n'
        "        client.post('/', {'text': 'x'})\n"
        '    except KeyboardInterrupt:\n'
        "        print('interrupted')\n"
    )
    process = subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: gate.held)
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, 'interrupted\n')
    wait_until(lambda: gate.cancelled)


def test_a_failed_response_names_its_documents(serve: Any, protocol: str) -> None:
    async def fail(batch: Batch, context: Context) -> Batch:
        raise Unavailable('gone')

    docs = [Document('a'), Document('b'), Document('c')]
    failed: list[Any] = []
    with serve(fail).client(protocol) as client:
        client.post('/', docs, request_size=2, on_error=failed.append)
    assert [response.request.ids for response in failed] == [(docs[0].id, docs[1].id), (docs[2].id,)]

"""Keys and tokens: they say who calls over every protocol, and are shown to nobody else."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from headrace.client import AsyncClient, Client, Options, Settings
from headrace.client.credentials import Credentials
from headrace.client.options import options
from headrace.documents import Document, schema_of
from headrace.errors import BadServer, RateLimited, SpecError
from headrace.gateway.security import keys
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo, FlowInfo
from headrace.spec import environment
from headrace.spec.security import SecuritySpec

SECRET = 'hr_0123456789ab_not-to-be-seen'
ENDPOINTS = tuple(
    EndpointInfo(name, 'docs', schema_of(Document), schema_of(Document)) for name in ('/a', '/b')
)
INFO = FlowInfo('shop', (ExecutorInfo('one', ENDPOINTS),), ENDPOINTS)


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


class KeyFile:
    """A file of keys for a gateway."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set()

    def set(self, *kept: keys.Key) -> None:
        keys.write(self.path, keys.KeyFile(kept))

    @property
    def spec(self) -> SecuritySpec:
        return SecuritySpec(keys=str(self.path))


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / 'keys.json')


@pytest.fixture
def key(key_file: KeyFile) -> str:
    """A key for /a."""
    text, kept = keys.new_key('shop', scopes=('/a',))
    key_file.set(kept)
    return text


@pytest.mark.parametrize('stream', [True, False])
@pytest.mark.parametrize('name', ['api_key', 'token'])
def test_who_has_a_key_may_come_in(
    serve: Any, protocol: str, key_file: KeyFile, key: str, name: str, stream: bool
) -> None:
    with serve(echo, info=INFO, security=key_file.spec).client(protocol, **{name: key}) as client:
        assert client.post('/a', {'text': 'a'}, stream=stream).texts == ['a']
        assert [doc.text for doc in client.stream_doc('/a', Document('b'))] == ['b']
        assert client.is_flow_ready()


@pytest.mark.parametrize('stream', [True, False])
def test_who_has_none_is_told_so_and_not_let_in(
    serve: Any, protocol: str, key_file: KeyFile, key: str, stream: bool
) -> None:
    gateway = serve(echo, info=INFO, security=key_file.spec)
    for given in ({}, {'api_key': key[:-1] + '!'}):
        with gateway.client(protocol, **given) as client:
            with pytest.raises(BadServer) as posted:
                client.post('/a', Document('a'), stream=stream)
            with pytest.raises(BadServer) as streamed:
                list(client.stream_doc('/a', Document('a')))
        for caught in (posted, streamed):
            assert caught.value.error == 'Unauthenticated'
            assert caught.value.status == (401 if protocol == 'http' else 'UNAUTHENTICATED')
            assert caught.value.help


def test_who_may_do_less_is_forbidden_the_rest(
    serve: Any, protocol: str, key_file: KeyFile, key: str
) -> None:
    with serve(echo, info=INFO, security=key_file.spec).client(protocol, api_key=key) as client:
        for call in (client.post, lambda *given: list(client.stream_doc(*given))):
            with pytest.raises(BadServer) as caught:
                call('/b', Document('a'))
            assert caught.value.error == 'Forbidden'
            assert caught.value.status == (403 if protocol == 'http' else 'PERMISSION_DENIED')
        assert client.post('/a', Document('a')).texts == ['a']


def test_refusals_are_final(serve: Any, protocol: str, key_file: KeyFile, key: str) -> None:
    asked: list[int] = []

    def token() -> str:
        asked.append(1)
        return 'unknown'

    gateway = serve(echo, info=INFO, security=key_file.spec)
    with gateway.client(protocol, token=token) as client, pytest.raises(BadServer):
        client.post('/a', Document('a'), max_attempts=5, initial_backoff=0.01)
    assert len(asked) <= 2  # for the description of the Flow, and once for the request


def test_who_asks_too_often_comes_again_when_the_server_says_so(serve: Any, protocol: str) -> None:
    calls: list[int] = []

    async def busy(batch: Batch, context: Context) -> Batch:
        calls.append(1)
        if len(calls) < 3:
            raise RateLimited('too often', retry_after_s=0.01)
        return batch

    with serve(busy).client(protocol) as client:
        assert client.post('/', Document('a'), max_attempts=3, initial_backoff=0.01).texts == ['a']
        calls.clear()
        with pytest.raises(BadServer) as caught:
            client.post('/', Document('a'))
    assert (caught.value.error, caught.value.retry_after_s) == ('RateLimited', 0.01)
    assert 'max_attempts' in caught.value.help


def test_a_fresh_token_is_shown_from_the_next_request_on(
    serve: Any, protocol: str, key_file: KeyFile
) -> None:
    made = [keys.new_key('first'), keys.new_key('second')]
    key_file.set(*[kept for _, kept in made])
    shown = [made[0][0]]
    with serve(echo, security=key_file.spec).client(protocol, token=lambda: shown[-1]) as client:
        assert client.post('/', Document('a')).texts == ['a']
        shown.append('expired')
        with pytest.raises(BadServer):
            client.post('/', Document('a'))
        shown.append(made[1][0])
        assert client.post('/', Document('b')).texts == ['b']


async def test_a_token_may_be_waited_for(serve: Any, protocol: str, key_file: KeyFile, key: str) -> None:
    async def token() -> str:
        return key

    gateway = serve(echo, info=INFO, security=key_file.spec)
    async with AsyncClient(gateway.url(protocol), token=token) as client:
        assert (await client.post('/a', Document('a'))).texts == ['a']


def test_one_request_may_show_another_key(serve: Any, protocol: str, key_file: KeyFile, key: str) -> None:
    with serve(echo, info=INFO, security=key_file.spec).client(protocol) as client:
        own = {'Authorization': f'Bearer {key}'}
        assert client.post('/a', Document('a'), metadata=own).texts == ['a']
        assert client.post('/a', Document('a'), metadata={'X-API-Key': key}).texts == ['a']
        assert [doc.text for doc in client.stream_doc('/a', Document('b'), metadata=own)] == ['b']
        with pytest.raises(BadServer):
            client.post('/a', Document('a'))


@pytest.mark.parametrize('variable', ['HEADRACE_API_KEY', 'HEADRACE_TOKEN'])
def test_the_environment_may_have_it(
    serve: Any, protocol: str, key_file: KeyFile, key: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, key)
    with serve(echo, info=INFO, security=key_file.spec).client(protocol) as client:
        assert client.post('/a', Document('a')).texts == ['a']


async def test_what_the_program_gives_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HEADRACE_TOKEN', 'theirs')
    assert await Credentials(api_key='ours').headers() == {'authorization': 'Bearer ours'}
    monkeypatch.setenv('HEADRACE_API_KEY', 'both')
    with pytest.raises(SpecError, match='HEADRACE_API_KEY and HEADRACE_TOKEN'):
        Credentials()


async def test_without_any_there_is_nothing_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('HEADRACE_API_KEY', raising=False)
    monkeypatch.delenv('HEADRACE_TOKEN', raising=False)
    assert await Credentials().headers() == {}


# Never shown


@pytest.mark.parametrize('broken', [SECRET + '\n', SECRET + ' x', SECRET + 'ß', ''])
async def test_what_cannot_be_a_key_is_refused_without_being_told(broken: str) -> None:
    for make in (lambda: Credentials(api_key=broken), lambda: Credentials(token=broken)):
        with pytest.raises(SpecError) as caught:
            make()
        assert SECRET not in str(caught.value)
    with pytest.raises(SpecError) as caught:
        await Credentials(token=lambda: broken).headers()
    assert SECRET not in str(caught.value)
    assert 'returned' in caught.value.message


def test_nothing_that_can_be_printed_has_it() -> None:
    client = Client('grpc://localhost:1', api_key=SECRET)
    printed = [
        repr(client),
        repr(vars(client)),
        repr(Settings(api_key=SECRET)),
        repr(Settings(token=SECRET)),
        repr(Credentials(api_key=SECRET)),
        repr(options({'metadata': {'authorization': SECRET}})),
        repr(environment.read({'HEADRACE_API_KEY': SECRET, 'HEADRACE_TOKEN': SECRET})),
    ]
    assert [text for text in printed if SECRET in text] == []
    assert isinstance(options({}), Options)


@pytest.mark.parametrize('name', ['authorization', 'Authorization', 'X-API-Key', 'cookie'])
def test_metadata_that_cannot_be_sent_is_not_told_where_it_is_a_secret(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        options({'metadata': {name: SECRET + '\n'}})
    assert name in caught.value.message
    assert SECRET not in str(caught.value)


def test_a_password_in_an_address_is_not_told() -> None:
    with pytest.raises(SpecError) as caught:
        Client(f'https://me:{SECRET}@shop.example')
    assert SECRET not in str(caught.value)
    assert 'api_key' in caught.value.help


def test_logs_and_errors_do_not_have_it(
    serve: Any, protocol: str, key_file: KeyFile, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = serve(echo, info=INFO, security=key_file.spec)
    with caplog.at_level(logging.DEBUG), gateway.client(protocol, api_key=SECRET) as client:
        with pytest.raises(BadServer) as caught:
            client.post('/a', Document('a'))
        with pytest.raises(BadServer):
            list(client.stream_doc('/a', Document('a')))
    assert SECRET not in caplog.text
    assert SECRET not in repr(caught.value) + str(caught.value)

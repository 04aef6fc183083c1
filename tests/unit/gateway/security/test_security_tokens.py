"""Tokens: keys from a URL, what a set of keys may hold, scopes of claims, and what is remembered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokens import AUDIENCE, ISSUER, SECRET, Issuer

from headrace.errors import RateLimited, SpecError, Unauthenticated, Unavailable
from headrace.gateway.identity import Credentials
from headrace.gateway.security import jwks
from headrace.gateway.security.guard import Guard
from headrace.gateway.security.jwks import KeySet
from headrace.gateway.security.tokens import Tokens
from headrace.pipeline.describe import FlowInfo
from headrace.spec.security import SecuritySpec, TokenSpec

ISSUED = Issuer()


class Login:
    """A server of keys: `keys` are what it gives, `asked` how often, `body` something else instead."""

    def __init__(self) -> None:
        self.keys = [ISSUED.public('RS256')]
        self.body: bytes | None = None
        self.status = 200
        self.asked = 0
        login = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                login.asked += 1
                self.send_response(login.status)
                self.send_header('location', 'http://127.0.0.1:1/elsewhere')
                self.end_headers()
                self.wfile.write(login.body or json.dumps({'keys': login.keys}).encode())

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}/keys'


@pytest.fixture
def login() -> Iterator[Login]:
    made = Login()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def spec(**settings: Any) -> TokenSpec:
    given = {'algorithms': ('RS256', 'ES256'), 'audience': (AUDIENCE,), 'issuer': (ISSUER,), **settings}
    return TokenSpec(**given)


def let_in(tokens: Tokens, token: str) -> Any:
    return tokens.identity(token, '10.0.0.1', lambda: None)


@pytest.fixture
def file(tmp_path) -> str:
    return str(ISSUED.write(tmp_path / 'jwks.json'))


def test_keys_of_a_url_are_fetched_again_when_one_is_missing(login, monkeypatch):
    monkeypatch.setattr(jwks, 'PAUSE_S', 0.0)
    tokens = Tokens(spec(jwks=login.url))
    assert let_in(tokens, ISSUED.token()).name == 'alice'
    later = ISSUED.token('ES256')
    login.keys.append(ISSUED.public('ES256'))
    with pytest.raises(Unavailable, match='are being fetched') as caught:
        let_in(tokens, later)
    assert not caught.value.begun  # any client may send it again
    tokens.close()
    assert let_in(tokens, later).name == 'alice'
    login.keys.clear()
    login.keys.append(ISSUED.public('ES256'))


def test_made_up_keys_cause_few_fetches(login):
    tokens = Tokens(spec(jwks=login.url))
    for number in range(50):
        with pytest.raises(Unauthenticated):
            let_in(tokens, ISSUED.token(kid=f'made up {number}'))
    assert login.asked == 1


def test_keys_are_renewed_in_time_and_outlive_a_failure(login, caplog):
    tokens = Tokens(spec(jwks=login.url, refresh_s=0.001))
    login.status, login.body = 302, b'no'  # and no redirect is followed
    time.sleep(0.002)
    assert let_in(tokens, ISSUED.token()).name == 'alice'
    tokens.close()
    assert let_in(tokens, ISSUED.token(sub='bob')).name == 'bob'
    tokens.close()
    assert 'cannot be fetched' in caplog.text
    assert login.asked >= 2


@pytest.mark.parametrize('body', [b'no json', b'[]', b'{"keys": {}}', b'x' * (jwks.LONGEST_SET_BYTES + 1)])
def test_what_is_no_set_of_keys_lets_nobody_in(login, body):
    login.body = body
    tokens = Tokens(spec(jwks=login.url))
    with pytest.raises(Unauthenticated):
        let_in(tokens, ISSUED.token())


def test_secrets_and_other_keys_in_a_set_count_for_nothing():
    secret = {'kty': 'oct', 'k': 'c2VjcmV0' * 8, 'kid': 'RS256', 'alg': 'HS256'}
    locked = ISSUED.public('RS256', use='enc')
    broken = {**ISSUED.public('ES256'), 'x': 'AAAA'}
    data = json.dumps({'keys': [secret, locked, broken, 5, ISSUED.public('EdDSA')]}).encode()
    keys = KeySet.of(data, b'')
    assert keys.find('EdDSA', 'EdDSA') is not None
    for algorithm in ('HS256', 'RS256', 'ES256'):
        assert keys.find(algorithm, algorithm) is None
        assert keys.find(algorithm, 'RS256') is None


def test_a_key_of_one_algorithm_serves_no_other():
    data = json.dumps({'keys': [ISSUED.public('RS256', alg='RS256')]}).encode()
    keys = KeySet.of(data, b'')
    assert keys.find('RS256', None) is not None
    assert keys.find('PS256', None) is None
    two = json.dumps({'keys': [ISSUED.public('RS256'), {**ISSUED.public('RS256'), 'kid': 'b'}]}).encode()
    assert KeySet.of(two, b'').find('RS256', None) is None  # which of the two is not said


def test_short_secrets_are_refused(tmp_path):
    (tmp_path / 'secret').write_text('short')
    with pytest.raises(SpecError, match='5 bytes'):
        Tokens(spec(algorithms=('HS256',), secret_file=str(tmp_path / 'secret')))
    with pytest.raises(SpecError, match='secret_file'):
        Tokens(spec(algorithms=('HS256',), secret_file=str(tmp_path / 'none')))


def test_what_is_remembered_ends_with_the_token(file, monkeypatch):
    tokens = Tokens(spec(jwks=file, leeway_s=0))
    token, verified = ISSUED.token(exp=time.time() + 100), []
    for _ in range(3):
        tokens.identity(token, '10.0.0.1', lambda: verified.append(1))
    assert len(verified) == 1
    later = time.time() + 101
    monkeypatch.setattr('headrace.gateway.security.tokens.time.time', lambda: later)
    tokens.identity(token, '10.0.0.1', lambda: verified.append(1))
    assert len(verified) == 2


@pytest.mark.parametrize(
    ('settings', 'claims', 'allowed', 'refused'),
    [
        ({}, {'scope': '/search /index'}, '/index', '/admin'),
        ({}, {'scope': ['/search']}, '/search', '/index'),
        ({'scope_claim': 'realm.roles'}, {'realm': {'roles': ['/search']}}, '/search', '/index'),
        ({'scope_claim': 'https://x/scopes'}, {'https://x/scopes': '/search'}, '/search', '/index'),
        ({'scopes': {'read': ('/search', '/get*')}}, {'scope': 'read openid'}, '/getall', 'openid'),
    ],
)
def test_scopes_come_from_the_claim(file, settings, claims, allowed, refused):
    scopes = let_in(Tokens(spec(jwks=file, **settings)), ISSUED.token(**claims)).scopes
    assert scopes.allows(allowed)
    assert not scopes.allows(refused)


def test_without_a_claim_for_scopes_everything_is_allowed(file):
    tokens = Tokens(spec(jwks=file, scope_claim='', name_claim='email'))
    identity = let_in(tokens, ISSUED.token(scope=None, email='a@b.example'))
    assert (identity.name, identity.scopes.allows('/anything')) == ('a@b.example', True)


def test_tokens_of_a_host_that_fails_too_often_are_not_verified(file):
    guard = Guard(SecuritySpec(jwt=spec(jwks=file), failures_per_minute=2), FlowInfo('f', (), ()))
    known, fresh = ISSUED.token(), ISSUED.token(sub='bob')

    def show(token: str) -> Any:
        return guard.identify(Credentials('10.0.0.1', {'authorization': f'Bearer {token}'}))

    show(known)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            show('a.b.c')
    with pytest.raises(RateLimited):
        show(fresh)
    assert show(known).name == 'alice'


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode('latin1')))
def test_no_text_is_more_than_refused(text):
    with pytest.raises(Unauthenticated):
        let_in(TOKENS, text)


@given(st.integers(0, 10_000), st.characters(codec='latin-1'))
def test_no_changed_token_is_let_in(position, character):
    token = ISSUED.token(exp=2_000_000_000)
    position %= len(token)
    changed = f'{token[:position]}{character}{token[position + 1 :]}'
    if changed.rstrip('=') == token or position == len(token) - 1:  # its last digit has bits to spare
        return
    with pytest.raises(Unauthenticated):
        let_in(TOKENS, changed)


@pytest.fixture(scope='module', autouse=True)
def _tokens(tmp_path_factory) -> None:
    global TOKENS
    folder = tmp_path_factory.mktemp('tokens')
    (folder / 'secret').write_text(SECRET)
    TOKENS = Tokens(
        spec(
            algorithms=('HS256', 'RS256', 'ES256', 'EdDSA'),
            jwks=str(ISSUED.write(folder / 'jwks.json')),
            secret_file=str(folder / 'secret'),
        )
    )


TOKENS: Tokens

"""Who comes in by keys and tokens, over every protocol: each refusal has its status, and one audit line."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import Ask, Doors
from tokens import AUDIENCE, ISSUER, SECRET, Issuer

from headrace import BaseDoc, DocList, Executor, Flow, requests
from headrace.documents import NdArray
from headrace.gateway.security import keys

DOORS = ('http', 'websocket', 'graphql', 'grpc')


class Item(BaseDoc):
    title: str
    price: float = 0.0
    vector: NdArray[2] | None = None


class Shop(Executor):
    @requests(on='/price')
    def price(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        return docs


class Guarded:
    """A shop that wants keys or tokens: its doors, who issues tokens for it, and its audit log."""

    def __init__(self, folder: Path) -> None:
        self.issuer = Issuer()
        self.folder = folder
        self.keys = folder / 'keys.json'
        self.jwks = self.issuer.write(folder / 'jwks.json')
        (folder / 'secret').write_text(f'{SECRET}\n')
        keys.write(self.keys, keys.KeyFile())
        self.doors: Doors
        self._seen = 0

    @property
    def security(self) -> dict[str, Any]:
        return {
            'keys': str(self.keys),
            'audit': str(self.folder / 'audit.log'),
            'failures_per_minute': 100_000,
            'jwt': {
                'algorithms': ['HS256', 'RS256', 'ES256', 'EdDSA'],
                'jwks': str(self.jwks),
                'secret_file': str(self.folder / 'secret'),
                'audience': AUDIENCE,
                'issuer': ISSUER,
                'leeway_s': 5,
            },
        }

    def key(self, name: str, **settings: Any) -> str:
        shown, kept = keys.new_key(name, **settings)
        keys.add(self.keys, kept)
        return shown

    async def ask(self, door: str, shown: str) -> tuple[int, list[dict[str, Any]]]:
        """The status of a request, and the new lines of the audit log."""
        answer = await getattr(self.doors, door)(Ask('/price', [{'id': 'a', 'title': 'hat'}], key=shown))
        lines = (self.folder / 'audit.log').read_text().splitlines()
        new, self._seen = lines[self._seen :], len(lines)
        assert not any(shown in line for line in new)
        return answer.status, [json.loads(line) for line in new]


@pytest.fixture(scope='module')
def shop(tmp_path_factory) -> Iterator[Guarded]:
    shop = Guarded(tmp_path_factory.mktemp('shop'))
    protocols = ['grpc', 'http', 'websocket', 'graphql']
    with Flow().config_gateway(protocols=protocols, security=shop.security).add(uses=Shop) as running:
        shop.doors = Doors(running.ports, {})
        yield shop


@pytest.mark.parametrize('algorithm', ['HS256', 'RS256', 'ES256', 'EdDSA'])
@pytest.mark.parametrize('door', DOORS)
async def test_a_good_token_is_let_in(shop, door, algorithm):
    assert await shop.ask(door, shop.issuer.token(algorithm)) == (200, [])
    assert await shop.ask(door, shop.issuer.token(algorithm, aud=['other', AUDIENCE])) == (200, [])


def unsigned(issuer: Issuer) -> str:
    """A token of the algorithm `none`, as libraries of old took it."""
    head, _, _ = issuer.token().partition('.')
    body = issuer.token().split('.')[1]
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT","kid":"RS256"}').decode().rstrip('=')
    return f'{head}.{body}.'


def confused(issuer: Issuer) -> str:
    """A token that takes the public RSA key for a shared secret, as anybody could sign it."""
    body = issuer.token().split('.')[1]
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"RS256"}').decode().rstrip('=')
    signature = hmac.digest(issuer.pem('RS256'), f'{head}.{body}'.encode(), hashlib.sha256)
    return f'{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip("=")}'


STRANGER = Issuer()
TOKENS: dict[str, tuple[Any, int, str]] = {
    'expired': (lambda issuer: issuer.token(exp=time.time() - 60), 401, 'the token has expired'),
    'without end': (lambda issuer: issuer.token(exp=None), 401, "the token has no claim 'exp'"),
    'too early': (lambda issuer: issuer.token(nbf=time.time() + 60), 401, 'the token is not valid yet'),
    'audience': (lambda issuer: issuer.token(aud='bank'), 401, 'the token is for another audience'),
    'no audience': (lambda issuer: issuer.token(aud=None), 401, "the token has no claim 'aud'"),
    'issuer': (lambda issuer: issuer.token(iss='https://evil'), 401, 'the token is of another issuer'),
    'none': (unsigned, 401, "the token is signed with 'none', which is not accepted"),
    'confusion': (confused, 401, 'the token has a wrong signature'),
    'algorithm': (
        lambda issuer: issuer.token('HS512'),
        401,
        "the token is signed with 'HS512', which is not accepted",
    ),
    'kid': (
        lambda issuer: issuer.token(kid='unknown'),
        401,
        'the token is signed with a key that is not known here',
    ),
    'other kind of key': (
        lambda issuer: issuer.token('ES256', kid='RS256'),
        401,
        'the token is signed with a key that is not known here',
    ),
    'stranger': (lambda issuer: STRANGER.token(), 401, 'the token has a wrong signature'),
    'no token': (lambda issuer: 'a.b.c', 401, 'the token cannot be read'),
    'scope': (lambda issuer: issuer.token(scope='/search'), 403, "'alice' may not call '/price'"),
    'no scope': (lambda issuer: issuer.token(scope=None), 403, "'alice' may not call '/price'"),
}


@pytest.mark.parametrize('door', DOORS)
@pytest.mark.parametrize('name', TOKENS)
async def test_a_token_that_is_not_good_is_refused_with_one_line(shop, door, name):
    make, status, detail = TOKENS[name]
    told, (line,) = await shop.ask(door, make(shop.issuer))
    assert (told, line['status'], line['detail']) == (status, status, detail)
    assert (line['host'], line['endpoint'] in ('/price', '', '/post', '/graphql', '/')) == ('127.0.0.1', True)


@pytest.mark.parametrize('door', DOORS)
async def test_keys_come_and_go_without_a_restart(shop, door):
    shown = shop.key(f'guest of {door}')
    assert await shop.ask(door, shown) == (200, [])
    renewed = keys.rotate(shop.keys, f'guest of {door}', keep_s=3600)
    assert (await shop.ask(door, shown), await shop.ask(door, renewed)) == ((200, []), (200, []))
    assert keys.remove(shop.keys, f'guest of {door}') == 2
    for gone in (shown, renewed):
        status, (line,) = await shop.ask(door, gone)
        assert (status, line['detail']) == (401, 'the API key is not known here')


@pytest.mark.parametrize('door', DOORS)
async def test_a_key_without_the_executor_is_refused(shop, door):
    shown = shop.key(f'nobody at {door}', executors=('another',))
    status, (line,) = await shop.ask(door, shown)
    assert (status, line['who']) == (403, f'nobody at {door}')


@pytest.mark.parametrize('door', DOORS)
async def test_a_key_of_the_issuer_comes_and_goes_without_a_restart(shop, door):
    other = Issuer()
    token, known = other.token(), shop.issuer.token()
    assert (await shop.ask(door, token))[0] == 401
    assert (await shop.ask(door, known))[0] == 200
    other.write(shop.jwks)
    try:
        assert await shop.ask(door, token) == (200, [])
        assert (await shop.ask(door, known))[0] == 401  # also one that was verified before
    finally:
        shop.issuer.write(shop.jwks)
    assert await shop.ask(door, known) == (200, [])

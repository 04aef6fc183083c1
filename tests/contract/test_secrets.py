"""What callers show, and what gateways keep secret, stands in nothing that anybody reads."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import msgspec
import pytest
from tokens import AUDIENCE, SECRET, Issuer

from headrace import Document, Executor, Flow, requests
from headrace.flow.plot import plot
from headrace.gateway.security import keys

PAGES = ('/', '/status', '/describe', '/openapi.json', '/docs', '/health', '/ready', '/metrics', '/nowhere')


class Echo(Executor):
    @requests(on='/echo')
    def echo(self, docs, **kwargs):
        if docs[0].text == 'fail':
            raise ValueError('it failed')


def asked(url: str, shown: str) -> str:
    """All that a gateway says to somebody who shows this, right or wrong."""
    told = []
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        for header in ({'authorization': f'Bearer {shown}'}, {'x-api-key': shown}):
            for path in PAGES:
                reply = client.get(path, headers=header)
                told += [reply.text, str(reply.headers)]
            for body in ('{"data": [{"text": "fail"}]}', '{"data": 5}', '{', '{"data": []}'):
                headers = {**header, 'content-type': 'application/json'}
                told.append(client.post('/echo', content=body, headers=headers).text)
    return '\n'.join(told)


@pytest.mark.parametrize('development', [True, False])
def test_secrets_are_told_nowhere(tmp_path: Path, monkeypatch, capfd, development):
    monkeypatch.setenv('HEADRACE_LOG_LEVEL', 'DEBUG')
    shown, kept = keys.new_key('shop', scopes=('/echo',))
    keys.write(tmp_path / 'keys.json', keys.KeyFile((kept,)))
    (tmp_path / 'secret').write_text(SECRET)
    token = Issuer().token('HS256', scope='/echo')
    jwt = {'algorithms': ['HS256'], 'secret_file': str(tmp_path / 'secret'), 'audience': AUDIENCE}
    security = {'keys': str(tmp_path / 'keys.json'), 'jwt': jwt, 'audit': str(tmp_path / 'audit.log')}
    wrong = shown[:-6] + 'wrong!'
    flow = Flow(protocol='http', security=security, development=development).add(uses=Echo, name='echo')
    told = [repr(flow), repr(flow.spec), str(flow.plan()), repr(flow.plan()), plot(flow.spec)]
    told += [msgspec.json.encode(flow.plan()).decode(), json.dumps(msgspec.to_builtins(flow.spec.gateway))]
    with flow:
        flow.post('/echo', Document('x'))
        owner = flow.client._settings.api_key if hasattr(flow.client, '_settings') else ''
        url = f'http://127.0.0.1:{flow.ports["http"]}'
        told += [asked(url, each) for each in (shown, wrong, token, f'{token}x')]
        told += [repr(flow), repr(flow.client)]
    told += [(tmp_path / 'audit.log').read_text(), (tmp_path / 'keys.json').read_text(), *capfd.readouterr()]
    text = '\n'.join(told)
    for secret in (shown, keys.split(shown)[1], wrong, token, token.split('.')[2], SECRET, owner):
        assert not secret or secret not in text
    for secret in (kept.salt, kept.hash):
        assert secret not in '\n'.join(each for each in told if '"keys":' not in each)
    assert '"reason": "Unauthenticated"' in text

"""Security in YAML: what is read, what cannot be, which paths move, and where a gateway may listen."""

from __future__ import annotations

import pytest

from headrace.errors import SpecError
from headrace.spec import GatewaySpec, dump_flow, load_flow
from headrace.spec.exposure import check_security, is_loopback
from headrace.spec.paths import anchored, moved
from headrace.spec.security import SecuritySpec

WHOLE = """
gateway:
  security:
    keys: keys.json
    jwt:
      algorithms: RS256
      jwks: https://login.example/keys
      audience: shop
      scopes: {read: /search}
    tls: {certificate: server.crt, key: server.key, authority: ca.crt, client: required, revoked: ca.crl}
    workers: {authority: a, certificate: w.crt, key: w.key, gateway_certificate: g.crt, gateway_key: g.key}
    anonymous: /docs
    audit: audit.log
"""


def test_security_is_read_written_and_moved(tmp_path):
    flow = load_flow(WHOLE)
    security = flow.gateway.security
    assert security.jwt is not None
    assert (security.jwt.algorithms, security.jwt.audience) == (('RS256',), ('shop',))
    assert (security.jwt.scopes, security.anonymous) == ({'read': ('/search',)}, ('/docs',))
    assert load_flow(dump_flow(flow)) == flow
    there = anchored(flow.gateway, '/shop').security
    assert there.tls is not None
    assert there.workers is not None
    assert (there.keys, there.tls.revoked, there.workers.gateway_key) == (
        *('/shop/keys.json', '/shop/ca.crl'),
        '/shop/g.key',
    )
    assert there.jwt is not None
    assert (there.jwt.jwks, there.jwt.secret_file) == ('https://login.example/keys', '')
    again = moved(moved(flow, tmp_path / 'a'), tmp_path / 'b')
    assert again.gateway.security.keys.endswith('/keys.json')


@pytest.mark.parametrize(
    ('block', 'told'),
    [
        ('{kyes: a}', "security.kyes: unknown key 'kyes'"),
        ('{tls: {certificate: a}}', "security.tls: 'key' is missing"),
        ('{jwt: {algorithms: none, audience: a}}', "'none' is not possible here"),
        ('{jwt: {algorithms: [], audience: a}}', 'security.jwt.algorithms'),
        ('{jwt: {algorithms: RS256, jwks: a}}', "'audience' is missing"),
        ('{tls: true}', 'expected a mapping'),
    ],
)
def test_slips_are_told_with_their_place(block, told):
    with pytest.raises(SpecError) as caught:
        load_flow(f'gateway:\n  security: {block}')
    assert told in str(caught.value)
    assert 'line 2' in str(caught.value)


@pytest.mark.parametrize(
    ('security', 'told'),
    [
        ('{jwt: {algorithms: HS256, audience: a}}', 'HS algorithms and secret_file belong together'),
        ('{jwt: {algorithms: RS256, audience: a}}', 'and jwks belong together'),
        ('{jwt: {algorithms: RS256, audience: a, jwks: a, secret_file: b}}', 'secret_file belong together'),
        ('{jwt: {algorithms: RS256, audience: a, jwks: "http://x/keys"}}', 'without TLS'),
        ('{tls: {certificate: a, key: b, client: required}}', 'nobody is named'),
        ('{tls: {certificate: a, key: b, revoked: c}}', 'mean nothing'),
        ('{keys: a, anonymous: [docs]}', r"security\.anonymous: the scope 'docs' lets nobody call anything"),
        (
            '{jwt: {algorithms: HS256, audience: a, secret_file: b, scopes: {reader: search}}}',
            'write /search',
        ),
    ],
)
def test_what_cannot_work_together_is_told(security, told):
    with pytest.raises(SpecError, match=told):
        check_security(load_flow(f'gateway: {{security: {security}}}').gateway)


@pytest.mark.parametrize(
    'host', ['0.0.0.0', '::', '10.0.0.7', '203.0.113.1', 'shop.example', '', '127.0.0.1.x']
)
def test_no_gateway_is_open_to_other_machines_by_accident(host):
    with pytest.raises(SpecError, match=r'gateway\.host'):
        check_security(GatewaySpec(host=host))
    check_security(GatewaySpec(host=host, insecure=True))
    check_security(GatewaySpec(host=host, security=SecuritySpec(keys='keys.json')))


@pytest.mark.parametrize('host', ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
def test_this_machine_may_call_itself(host):
    assert is_loopback(host)
    check_security(GatewaySpec(host=host))

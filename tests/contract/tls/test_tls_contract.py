"""Doors over TLS: who shows which certificate, what is withdrawn or renewed meanwhile, and one audit line."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import httpx
import pytest

from headrace.errors import SpecError
from headrace.gateway import serve
from headrace.gateway.security.authority import Authority
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.spec import GatewaySpec
from headrace.spec.security import SecuritySpec, TlsSpec

CALL = '/headrace.v1.Headrace/Call'
INFO = FlowInfo('shop', (), ())
NOBODY = 'the connection shows no client certificate'


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


@pytest.fixture(scope='module')
def authority(tmp_path_factory) -> Authority:
    made = Authority(tmp_path_factory.mktemp('ca'))
    made.issue('server', 'server', hosts=['localhost'])
    made.issue('alice', 'client')
    return made


@pytest.fixture(scope='module')
def stranger(tmp_path_factory) -> Authority:
    made = Authority(tmp_path_factory.mktemp('stranger'))
    made.issue('alice', 'client')
    return made


@pytest.fixture
async def shop(authority, tmp_path) -> AsyncIterator[Any]:
    """Open doors that want client certificates; gives what opens them with settings of TLS."""
    opened = []

    async def opening(
        client: str = 'required', anonymous: tuple[str, ...] = (), **settings: Any
    ) -> SimpleNamespace:
        tls = TlsSpec(
            certificate=str(authority.certificate_file('server')),
            key=str(authority.key_file('server')),
            authority=str(authority.certificate_file('ca')),
            client=client,  # type: ignore[arg-type]
            revoked=str(authority.revoked_file) if client != 'none' else '',
            **settings,
        )
        security = SecuritySpec(tls=tls, audit=str(tmp_path / 'audit.log'), anonymous=anonymous)
        server = await serve(echo, INFO, GatewaySpec(protocols=('grpc', 'http'), security=security))
        opened.append(server)
        return SimpleNamespace(**server.ports, audit=tmp_path / 'audit.log')

    yield opening
    for server in opened:
        await server.stop(1)


async def over_http(shop: Any, trusted: Authority, shown: tuple[Authority, str] | None) -> int:
    """The HTTP status of a call, or 0 if no connection comes about."""
    context = ssl.create_default_context(cafile=str(trusted.certificate_file('ca')))
    if shown is not None:
        context.load_cert_chain(shown[0].certificate_file(shown[1]), shown[0].key_file(shown[1]))
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=30) as client:
        try:
            answer = await client.post(f'https://localhost:{shop.http}/post', json={'data': []})
        except httpx.TransportError:
            return 0
    return answer.status_code


async def over_grpc(shop: Any, trusted: Authority, shown: tuple[Authority, str] | None) -> int:
    """The same over gRPC."""
    pair = [None, None]
    if shown is not None:
        pair = [shown[0].key_file(shown[1]).read_bytes(), shown[0].certificate_file(shown[1]).read_bytes()]
    credentials = grpc.ssl_channel_credentials(trusted.certificate_file('ca').read_bytes(), *pair)
    async with grpc.aio.secure_channel(f'localhost:{shop.grpc}', credentials) as channel:
        try:
            await channel.unary_unary(CALL)(pb.Request(json=b'[]').SerializeToString(), timeout=30)
        except grpc.aio.AioRpcError as error:
            return {'UNAVAILABLE': 0, 'UNAUTHENTICATED': 401, 'PERMISSION_DENIED': 403}[error.code().name]
    return 200


CALLS = {'http': over_http, 'grpc': over_grpc}


def lines(shop: Any) -> list[tuple[int, str]]:
    """Status and words of each line of the audit log."""
    found = [json.loads(line) for line in shop.audit.read_text().splitlines()]
    assert all(line['host'] == '127.0.0.1' and line['request_id'] for line in found)
    return [(line['status'], line['detail']) for line in found]


@pytest.mark.parametrize('door', CALLS)
async def test_a_certificate_of_the_authority_is_let_in(shop, authority, door):
    opened = await shop()
    assert await CALLS[door](opened, authority, (authority, 'alice')) == 200
    assert lines(opened) == []


@pytest.mark.parametrize('door', CALLS)
async def test_without_a_certificate_nobody_comes_in(shop, authority, door):
    opened = await shop()
    assert await CALLS[door](opened, authority, None) == 401
    assert lines(opened) == [(401, NOBODY)]


@pytest.mark.parametrize('client', ['required', 'optional'])
@pytest.mark.parametrize('door', CALLS)
async def test_an_unknown_authority_ends_the_handshake(shop, authority, stranger, door, client):
    opened = await shop(client)
    assert await CALLS[door](opened, authority, (stranger, 'alice')) == 0
    (line,) = lines(opened)
    assert line[0] == 401
    assert line[1].startswith('the client certificate is not accepted:')


@pytest.mark.parametrize('door', CALLS)
async def test_who_may_show_a_certificate_need_not(shop, authority, door):
    opened = await shop('optional', anonymous=('/',))
    assert await CALLS[door](opened, authority, None) == 200
    assert await CALLS[door](opened, authority, (authority, 'alice')) == 200
    authority.issue(f'eve-{door}', 'client')
    authority.revoke(f'eve-{door}')
    assert await CALLS[door](opened, authority, (authority, f'eve-{door}')) == 401
    assert lines(opened) == [(401, 'the client certificate has been withdrawn')]


async def test_a_client_does_not_trust_a_server_of_another_authority(shop, authority, stranger):
    opened = await shop('none')
    assert [await call(opened, stranger, None) for call in CALLS.values()] == [0, 0]
    assert [await call(opened, authority, None) for call in CALLS.values()] == [200, 200]


@pytest.mark.parametrize('door', CALLS)
async def test_a_withdrawn_certificate_is_refused_when_it_is_shown_again(shop, authority, door):
    opened = await shop()
    authority.issue(f'mallory-{door}', 'client')
    shown = authority, f'mallory-{door}'
    assert await CALLS[door](opened, authority, shown) == 200
    authority.revoke(f'mallory-{door}')
    assert await CALLS[door](opened, authority, shown) == 401
    assert lines(opened) == [(401, 'the client certificate has been withdrawn')]
    assert await CALLS[door](opened, authority, (authority, 'alice')) == 200


async def test_an_open_grpc_channel_does_not_outlive_its_certificate(shop, authority):
    opened = await shop()
    authority.issue('carol', 'client')
    pair = [each('carol').read_bytes() for each in (authority.key_file, authority.certificate_file)]
    credentials = grpc.ssl_channel_credentials(authority.certificate_file('ca').read_bytes(), *pair)
    async with grpc.aio.secure_channel(f'localhost:{opened.grpc}', credentials) as channel:
        call = channel.unary_unary(CALL)
        await call(pb.Request(json=b'[]').SerializeToString(), timeout=30)
        authority.revoke('carol')
        with pytest.raises(grpc.aio.AioRpcError, match='withdrawn'):
            await call(pb.Request(json=b'[]').SerializeToString(), timeout=30)


async def test_a_connection_that_is_open_does_not_outlive_its_certificate(shop, authority):
    opened = await shop()
    authority.issue('bob', 'client')
    context = ssl.create_default_context(cafile=str(authority.certificate_file('ca')))
    context.load_cert_chain(authority.certificate_file('bob'), authority.key_file('bob'))
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        url = f'https://localhost:{opened.http}/post'
        assert (await client.post(url, json={'data': []})).status_code == 200
        authority.revoke('bob')
        assert (await client.post(url, json={'data': []})).status_code == 401


@pytest.mark.parametrize('door', CALLS)
async def test_names_of_certificates_have_scopes(shop, authority, door):
    opened = await shop(scopes={'a*': ('/search',)})
    assert await CALLS[door](opened, authority, (authority, 'alice')) == 403
    assert lines(opened) == [(403, "'alice' may not call '/'")]


async def shown_by(port: int) -> bytes:
    """The certificate that a server shows to the next connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection('localhost', port, ssl=context)
    certificate = writer.get_extra_info('ssl_object').getpeercert(binary_form=True)
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    return ssl.DER_cert_to_PEM_cert(certificate).encode()


async def test_a_renewed_certificate_is_shown_without_a_restart(shop, authority):
    opened = await shop('none')
    for _ in range(2):
        renewed = authority.renew('server').read_bytes()
        assert (await shown_by(opened.http), await shown_by(opened.grpc)) == (renewed, renewed)
        assert [await call(opened, authority, None) for call in CALLS.values()] == [200, 200]


async def test_half_a_renewal_changes_nothing(shop, authority, stranger):
    opened = await shop('none')
    file = authority.certificate_file('server')
    before = file.read_bytes()
    file.write_bytes(stranger.certificate_file('alice').read_bytes())  # it has another key
    try:
        assert await shown_by(opened.http) == before
        assert await over_http(opened, authority, None) == 200
    finally:
        file.write_bytes(before)


@pytest.mark.filterwarnings('ignore:ssl.TLSVersion:DeprecationWarning')
async def test_old_versions_of_tls_are_refused(shop):
    opened = await shop('none')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection('localhost', opened.http, ssl=context)


async def test_files_that_are_not_there_are_named(tmp_path: Path):
    tls = TlsSpec(certificate=str(tmp_path / 'no.crt'), key=str(tmp_path / 'no.key'))
    with pytest.raises(SpecError, match=r'gateway\.security\.tls: .*no\.crt'):
        await serve(echo, INFO, GatewaySpec(protocols=('http',), security=SecuritySpec(tls=tls)))


async def test_http_without_tls_is_told_so(shop):
    opened = await shop('none')
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f'http://localhost:{opened.http}/health')
    assert (answer.status_code, answer.headers['content-type']) == (400, 'application/problem+json')
    assert 'https://' in answer.json()['help']

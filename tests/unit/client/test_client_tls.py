"""Encrypted connections: to a gateway itself, and through a proxy that ends the encryption."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tls_proxy import encrypted, make_certificates

from headrace.cli import main
from headrace.client import Client, Tls
from headrace.documents import Document
from headrace.errors import BadServer, SpecError
from headrace.spec.security import SecuritySpec, TlsSpec

pytestmark = pytest.mark.needs('openssl')


@pytest.fixture(scope='session')
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp('certificates'))


def behind_proxy(
    gateway: Any, protocol: str, folder: Path, *, asks_client: bool = False
) -> AbstractContextManager[int]:
    """The port of a proxy that speaks TLS, and hands what it hears to the gateway."""
    speaks = 'h2' if protocol == 'grpc' else 'http/1.1'
    return encrypted(gateway.server.ports[protocol], speaks, folder, asks_client=asks_client)


def test_an_encrypted_connection(shouting: Any, protocol: str, certificates: Path) -> None:
    tls = Tls(authority=certificates / 'ca.pem')
    with (
        behind_proxy(shouting, protocol, certificates) as port,
        Client('127.0.0.1', port=port, protocol=protocol, tls=tls) as client,
    ):
        assert client.post('/', {'text': 'secret'}).texts == ['SECRET']


def test_a_server_that_nobody_vouches_for_is_refused(
    shouting: Any, protocol: str, certificates: Path
) -> None:
    with (
        behind_proxy(shouting, protocol, certificates) as port,
        Client('127.0.0.1', port=port, protocol=protocol, tls=True, timeout_s=10) as client,
        pytest.raises(BadServer),
    ):
        client.post('/', {'text': 'secret'})


def test_a_server_may_ask_for_the_clients_certificate(
    shouting: Any, protocol: str, certificates: Path
) -> None:
    authority = certificates / 'ca.pem'
    own = Tls(authority=authority, certificate=certificates / 'client.pem', key=certificates / 'client.key')
    with behind_proxy(shouting, protocol, certificates, asks_client=True) as port:
        with Client('127.0.0.1', port=port, protocol=protocol, tls=own) as client:
            assert client.post('/', {'text': 'secret'}).texts == ['SECRET']
        without = Client(
            '127.0.0.1', port=port, protocol=protocol, tls=Tls(authority=authority), timeout_s=10
        )
        with without, pytest.raises(BadServer):
            without.post('/', {'text': 'secret'})


def test_a_certificate_that_is_not_there_is_told(protocol: str) -> None:
    tls = Tls(authority='nowhere.pem')
    with (
        Client('127.0.0.1', port=9, protocol=protocol, tls=tls) as client,
        pytest.raises(SpecError) as caught,
    ):
        client.post('/', {'text': 'secret'})
    assert 'nowhere.pem cannot be read' in caught.value.message
    assert 'PEM' in caught.value.help


# To the gateway itself


def spec_of(folder: Path, name: str, **others: Any) -> SecuritySpec:
    tls = TlsSpec(certificate=str(folder / f'{name}.pem'), key=str(folder / f'{name}.key'), **others)
    return SecuritySpec(tls=tls)


def secure_client(gateway: Any, protocol: str, tls: Tls, **others: Any) -> Any:
    port = gateway.server.ports[protocol]
    return Client('127.0.0.1', port=port, protocol=protocol, tls=tls, timeout_s=10, **others)


def test_a_gateway_with_a_certificate(serve: Any, making: Any, protocol: str, certificates: Path) -> None:
    gateway = serve(making, security=spec_of(certificates, 'server'))
    with secure_client(gateway, protocol, Tls(authority=certificates / 'ca.pem')) as client:
        assert client.is_flow_ready()
        assert client.post('/', Document('secret')).texts == ['secret']
        assert [doc.text for doc in client.stream_doc('/', Document('abc'))] == ['a', 'b', 'c']
    with secure_client(gateway, protocol, Tls()) as client, pytest.raises(BadServer) as caught:
        client.post('/', Document('secret'))
    pinged = CliRunner().invoke(main, ['ping', str(client.address)])
    assert 'cannot be encrypted' in pinged.stderr
    assert 'cannot be encrypted' in caught.value.message
    assert 'Tls(authority=' in caught.value.help


def test_a_gateway_that_asks_for_certificates(
    serve: Any, making: Any, protocol: str, certificates: Path
) -> None:
    authority = certificates / 'ca.pem'
    asks = spec_of(certificates, 'server', authority=str(authority), client='required')
    gateway = serve(making, security=asks)
    own = Tls(authority=authority, certificate=certificates / 'client.pem', key=certificates / 'client.key')
    with secure_client(gateway, protocol, own) as client:
        assert client.post('/', Document('secret')).texts == ['secret']
        assert [doc.text for doc in client.stream_doc('/', Document('ab'))] == ['a', 'b']
    with secure_client(gateway, protocol, Tls(authority=authority)) as client, pytest.raises(BadServer):
        client.post('/', Document('secret'))


def test_a_certificate_for_another_name(serve: Any, making: Any, protocol: str, certificates: Path) -> None:
    """As behind a tunnel: the address is not the name that the certificate was made for."""
    gateway = serve(making, security=spec_of(certificates, 'shop'))
    authority = certificates / 'ca.pem'
    with secure_client(gateway, protocol, Tls(authority=authority, server_name='shop.example')) as client:
        assert client.is_flow_ready()
        assert client.post('/', Document('secret')).texts == ['secret']
        assert [doc.text for doc in client.stream_doc('/', Document('ab'))] == ['a', 'b']
    for strange in (Tls(authority=authority), Tls(authority=authority, server_name='other.example')):
        with secure_client(gateway, protocol, strange) as client, pytest.raises(BadServer) as caught:
            client.post('/', Document('secret'))
        assert 'cannot be encrypted' in caught.value.message
        assert 'Tls(server_name=' in caught.value.help


def test_plain_words_to_an_encrypted_door_are_an_error(
    serve: Any, making: Any, protocol: str, certificates: Path
) -> None:
    gateway = serve(making, security=spec_of(certificates, 'server'))
    with gateway.client(protocol, timeout_s=10) as client, pytest.raises(BadServer) as caught:
        client.post('/', Document('not so secret'))
    told = 'if it has certificates, it is grpcs://' if protocol == 'grpc' else 'write https://'
    assert told in caught.value.help


def test_encrypted_words_to_a_plain_door_are_told(serve: Any, making: Any, protocol: str) -> None:
    with secure_client(serve(making), protocol, Tls()) as client, pytest.raises(BadServer) as caught:
        client.post('/', Document('secret'))
    assert 'does not encrypt' in caught.value.help

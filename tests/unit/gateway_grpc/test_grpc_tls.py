"""The certificates of a gRPC door: renewed while it runs, and those of clients."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from pathlib import Path
from typing import Any

import grpc
import pytest

from headrace.errors import SpecError
from headrace.pipeline import Batch, Context
from headrace.spec.security import SecuritySpec, TlsSpec

x509 = pytest.importorskip('cryptography.x509')
ec = pytest.importorskip('cryptography.hazmat.primitives.asymmetric.ec')
hashes = pytest.importorskip('cryptography.hazmat.primitives.hashes')
serialization = pytest.importorskip('cryptography.hazmat.primitives.serialization')

DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority that lives as long as a test."""

    def __init__(self, name: str = 'authority') -> None:
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed(self.name, self.key.public_key(), is_authority=True)
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str) -> tuple[bytes, bytes]:
        """A certificate for `name` (and localhost), and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = self._signed(subject, key.public_key())
        return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def _signed(self, subject: Any, public: Any, *, is_authority: bool = False) -> Any:
        now = datetime.datetime.now(datetime.UTC)
        names = x509.SubjectAlternativeName([x509.DNSName('localhost')])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .sign(self.key, hashes.SHA256())
        )


class Files:
    """The files that a spec names."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.certificate, self.key, self.authority = folder / 'tls.crt', folder / 'tls.key', folder / 'ca.crt'
        self.authority.write_bytes(authority.pem)
        self.put(*authority.issue('gateway one'))

    def put(self, certificate: bytes, key: bytes) -> None:
        self.certificate.write_bytes(certificate)
        self.key.write_bytes(key)

    def spec(self, **fields: Any) -> SecuritySpec:
        tls = TlsSpec(
            certificate=str(self.certificate), key=str(self.key), authority=str(self.authority), **fields
        )
        return SecuritySpec(tls=tls)


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def tls(tmp_path: Path, authority: Authority) -> Files:
    return Files(tmp_path, authority)


class Who:
    """Remembers for whom it was asked."""

    def __init__(self) -> None:
        self.clients: list[str] = []

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self.clients.append(context.client)
        return batch


async def call(server: Any, stubs: Any, authority: Authority, *shown: bytes) -> grpc.StatusCode:
    """The status of a call over a new connection, by who shows a certificate and its key, or nothing."""
    certificate, key = shown or (None, None)
    credentials = grpc.ssl_channel_credentials(authority.pem, key, certificate)
    own = (('grpc.use_local_subchannel_pool', 1),)
    async with grpc.aio.secure_channel(f'localhost:{server.port}', credentials, options=own) as channel:
        try:
            await stubs.stub(channel).Call(stubs.pb.Request(), timeout=20)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def name_of(port: int, authority: Authority) -> tuple[str, str | None]:
    """The name in a server's certificate, and the protocol that it chooses."""
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.set_alpn_protocols(['h2'])
    with (
        socket.create_connection(('127.0.0.1', port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname='localhost') as wrapped,
    ):
        subject: Any = (wrapped.getpeercert() or {})['subject']
        return subject[0][0][1], wrapped.selected_alpn_protocol()


async def test_calls_are_encrypted(serve: Any, stubs: Any, tls: Files, authority: Authority) -> None:
    server = await serve(Who(), security=tls.spec())
    assert await call(server, stubs, authority) is grpc.StatusCode.OK
    assert await call(server, stubs, Authority('somebody else')) is grpc.StatusCode.UNAVAILABLE
    async with grpc.aio.insecure_channel(f'127.0.0.1:{server.port}') as plain:
        with pytest.raises(grpc.aio.AioRpcError):
            await stubs.stub(plain).Call(stubs.pb.Request())


async def test_a_renewed_certificate_counts_at_once(
    serve: Any, stubs: Any, tls: Files, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(Who(), security=tls.spec())
    assert await asyncio.to_thread(name_of, server.port, authority) == ('gateway one', 'h2')
    tls.put(*authority.issue('gateway two'))
    assert await asyncio.to_thread(name_of, server.port, authority) == ('gateway two', 'h2')
    tls.certificate.write_bytes(b'damaged')
    assert await asyncio.to_thread(name_of, server.port, authority) == ('gateway two', 'h2')
    assert 'what was there before still counts' in caplog.text


async def test_clients_show_certificates(serve: Any, stubs: Any, tls: Files, authority: Authority) -> None:
    who = Who()
    server = await serve(who, security=tls.spec(client='required'))
    assert await call(server, stubs, authority, *authority.issue('robot')) is grpc.StatusCode.OK
    assert who.clients == ['certificate:robot']
    assert await call(server, stubs, authority) is grpc.StatusCode.UNAUTHENTICATED
    strange = Authority('somebody else').issue('robot')
    assert await call(server, stubs, authority, *strange) is grpc.StatusCode.UNAVAILABLE
    assert len(who.clients) == 1


async def test_what_a_certificate_may_call(serve: Any, stubs: Any, tls: Files, authority: Authority) -> None:
    spec = tls.spec(client='required', scopes={'robot': ('/other',)})
    server = await serve(Who(), security=spec)
    assert (
        await call(server, stubs, authority, *authority.issue('robot')) is grpc.StatusCode.PERMISSION_DENIED
    )


async def test_a_withdrawn_certificate_is_refused(
    serve: Any, stubs: Any, tls: Files, authority: Authority, tmp_path: Path
) -> None:
    listed = tmp_path / 'revoked.pem'

    def withdraw(*certificates: bytes) -> None:
        now = datetime.datetime.now(datetime.UTC)
        crl = x509.CertificateRevocationListBuilder().issuer_name(authority.name)
        crl = crl.last_update(now - DAY).next_update(now + DAY)
        for pem in certificates:
            serial = x509.load_pem_x509_certificate(pem).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
            crl = crl.add_revoked_certificate(revoked.build())
        signed = crl.sign(authority.key, hashes.SHA256())
        listed.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    withdraw()
    robot = authority.issue('robot')
    server = await serve(Who(), security=tls.spec(client='required', revoked=str(listed)))
    assert await call(server, stubs, authority, *robot) is grpc.StatusCode.OK
    withdraw(robot[0])
    assert await call(server, stubs, authority, *robot) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize('file', ['certificate', 'key'])
async def test_files_that_cannot_be_used_are_told(serve: Any, tls: Files, file: str) -> None:
    getattr(tls, file).write_bytes(b'nothing')
    with pytest.raises(SpecError, match=r'gateway\.security\.tls'):
        await serve(Who(), security=tls.spec())


async def test_a_key_of_another_certificate_is_told(serve: Any, tls: Files, authority: Authority) -> None:
    tls.key.write_bytes(authority.issue('other')[1])
    with pytest.raises(SpecError, match='MISMATCH'):
        await serve(Who(), security=tls.spec())

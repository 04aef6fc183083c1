"""A certificate authority for development: names in, certificates, keys and a list of withdrawn ones out.

Its files are a folder: `ca.crt` and `ca.key`, the list `ca.crl`, and a `.crt` and a `.key` for each name. For
production there are authorities with more care (a key in hardware, short lives); what Headrace reads is PEM.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

from headrace.documents.files.atomic import write_whole
from headrace.errors import SpecError
from headrace.extras import load
from headrace.wire.tls import GATEWAY_NAME, WORKER_NAME

Role = Literal['server', 'client', 'worker', 'gateway']
"""server: a door of a gateway; client: who calls it; worker and gateway: who they are to each other."""

USAGES = (
    *('digital_signature', 'content_commitment', 'key_encipherment', 'data_encipherment', 'key_agreement'),
    *('key_cert_sign', 'crl_sign', 'encipher_only', 'decipher_only'),
)
AUTHORITY_DAYS = 5 * 365
BACKDATED = datetime.timedelta(minutes=5)
"""How long ago a certificate begins: clocks differ."""


class Authority:
    """The authority of a folder; it is made with its first certificate.

    >>> authority = Authority('certs')  # doctest: +SKIP
    >>> authority.issue('server', 'server', hosts=['localhost'])  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path, *, days: int = 365) -> None:
        self.folder = Path(folder)
        self._days = days
        self._x509: Any = load('cryptography.x509', extra='auth')
        self._ec: Any = load('cryptography.hazmat.primitives.asymmetric.ec', extra='auth')
        self._hashes: Any = load('cryptography.hazmat.primitives.hashes', extra='auth')
        self._serialization: Any = load('cryptography.hazmat.primitives.serialization', extra='auth')
        if not self.certificate_file('ca').exists():
            self._begin()

    def certificate_file(self, name: str) -> Path:
        """Where the certificate of a name is."""
        return self.folder / f'{name}.crt'

    def key_file(self, name: str) -> Path:
        """Where the private key of a name is."""
        return self.folder / f'{name}.key'

    @property
    def revoked_file(self) -> Path:
        """Where the list of withdrawn certificates is."""
        return self.folder / 'ca.crl'

    @property
    def names(self) -> list[str]:
        """All that have a certificate, but the authority itself."""
        return sorted(file.stem for file in self.folder.glob('*.crt') if file.stem != 'ca')

    def issue(self, name: str, role: Role, *, hosts: Iterable[str] = ()) -> Path:
        """Make a key and a certificate for a name; `hosts` are the names and addresses of a server."""
        _check_name(name)
        extended = self._x509.ExtendedKeyUsageOID
        usage = extended.SERVER_AUTH if role in ('server', 'worker') else extended.CLIENT_AUTH
        known_as = {'worker': [WORKER_NAME], 'gateway': [GATEWAY_NAME], 'client': [name]}.get(role, [*hosts])
        return self._sign(name, name, [self._alternative(each) for each in known_as], usage)

    def renew(self, name: str) -> Path:
        """A new key and certificate for a name, for as long again, with all that the old one says."""
        x509, old = self._x509, self._certificate(name)
        also = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usage = next(iter(old.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value))
        common = old.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        return self._sign(name, common, list(also), usage)

    def cover(self, name: str, hosts: Iterable[str]) -> None:
        """Make the certificate of a server anew, if it lacks one of these names and addresses.

        One that this authority has not signed is somebody else's, and stays.
        """
        x509, old = self._x509, self._certificate(name)
        if old.issuer != self._certificate('ca').subject:
            return
        also = list(old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        lacking = [each for each in map(self._alternative, dict.fromkeys(hosts)) if each not in also]
        if lacking:
            usage = x509.ExtendedKeyUsageOID.SERVER_AUTH
            self._sign(name, name, [*also, *lacking], usage)

    def revoke(self, name: str | Path) -> int:
        """Put the certificate of a name, or in a file, on the list of withdrawn ones; its serial number."""
        certificate = self._certificate(name)
        try:
            certificate.verify_directly_issued_by(self._certificate('ca'))
        except (ValueError, TypeError, load('cryptography.exceptions', extra='auth').InvalidSignature):
            raise SpecError(
                f'{name} is not signed by this authority', help='only its own can be withdrawn'
            ) from None
        now = _now()
        entry = self._x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
        self._list([*self._listed(), entry.revocation_date(now).build()])
        return int(certificate.serial_number)

    def is_withdrawn(self, name: str) -> bool:
        """Whether the certificate of a name is on the list."""
        serial = self._certificate(name).serial_number
        return any(entry.serial_number == serial for entry in self._listed())

    def renew_list(self) -> None:
        """Sign the list of withdrawn certificates again, for as long again."""
        self._list(self._listed())

    def _begin(self) -> None:
        x509 = self._x509
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = self._new_key()
        name = self._name(f'Headrace development CA {token_hex(4)}')  # two are not taken for one
        signs = {'key_cert_sign': True, 'crl_sign': True}
        builder = self._builder(name, name, key.public_key(), AUTHORITY_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(self._usage(**signs), critical=True)
        certificate = builder.sign(key, self._hashes.SHA256())
        self._write('ca', key, certificate)
        self._list([])

    def _sign(self, name: str, common: str, also: list[Any], usage: Any) -> Path:
        x509, authority, key = self._x509, self._certificate('ca'), self._new_key()
        builder = self._builder(self._name(common), authority.subject, key.public_key(), self._days)
        issuer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        for extension, is_critical in (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (self._usage(digital_signature=True), True),
            (x509.ExtendedKeyUsage([usage]), False),
            (x509.SubjectAlternativeName(also), False),
            (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), False),
        ):
            builder = builder.add_extension(extension, critical=is_critical)
        self._write(name, key, builder.sign(self._key(), self._hashes.SHA256()))
        return self.certificate_file(name)

    def _builder(self, subject: Any, issuer: Any, public: Any, days: int) -> Any:
        now, x509 = _now(), self._x509
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - BACKDATED)
        builder = builder.not_valid_after(now + datetime.timedelta(days=days))
        return builder.add_extension(identifier, critical=False)

    def _usage(self, **said: bool) -> Any:
        return self._x509.KeyUsage(**{name: said.get(name, False) for name in USAGES})

    def _name(self, common: str) -> Any:
        x509 = self._x509
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])

    def _alternative(self, name: str) -> Any:
        try:
            return self._x509.IPAddress(ip_address(name))
        except ValueError:
            return self._x509.DNSName(name)

    def _new_key(self) -> Any:
        return self._ec.generate_private_key(self._ec.SECP256R1())

    def _key(self) -> Any:
        try:
            return self._serialization.load_pem_private_key(self.key_file('ca').read_bytes(), password=None)
        except FileNotFoundError:
            raise SpecError(
                f'{self.folder}: the key of the authority (ca.key) is not here',
                help='only where it is kept can certificates be made, renewed and withdrawn',
            ) from None

    def _certificate(self, name: str | Path) -> Any:
        file = name if isinstance(name, Path) else self.certificate_file(name)
        try:
            return self._x509.load_pem_x509_certificate(file.read_bytes())
        except FileNotFoundError:
            names = ', '.join(self.names) or 'none yet'
            raise SpecError(f'there is no certificate {str(file)!r}', help=f'names: {names}') from None
        except ValueError as error:
            raise SpecError(f'{str(file)!r} is no certificate: {error}') from None

    def _listed(self) -> list[Any]:
        if not self.revoked_file.exists():
            return []
        return list(self._x509.load_pem_x509_crl(self.revoked_file.read_bytes()))

    def _list(self, withdrawn: Iterable[Any]) -> None:
        now = _now()
        builder = self._x509.CertificateRevocationListBuilder().issuer_name(self._certificate('ca').subject)
        builder = builder.last_update(now - BACKDATED)
        builder = builder.next_update(now + datetime.timedelta(days=self._days))
        for entry in {each.serial_number: each for each in withdrawn}.values():
            builder = builder.add_revoked_certificate(entry)
        signed = builder.sign(self._key(), self._hashes.SHA256())
        _write(self.revoked_file, signed.public_bytes(self._serialization.Encoding.PEM), 0o644)

    def _write(self, name: str, key: Any, certificate: Any) -> None:
        serialization = self._serialization
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _write(self.key_file(name), secret, 0o600)
        _write(self.certificate_file(name), certificate.public_bytes(pem), 0o644)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def _check_name(name: str) -> None:
    if not name or name == 'ca' or '/' in name or '\\' in name or name.startswith('.') or len(name) > 64:
        raise SpecError(
            f'{name!r} cannot be the name of a certificate', help='a short name, such as shop or alice'
        )


def _write(file: Path, data: bytes, mode: int) -> None:
    """Write a file that has `mode` from the moment that it is there."""
    if not file.exists():
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    write_whole(file, [data])

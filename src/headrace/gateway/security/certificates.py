"""A client's certificate in, who it is out; withdrawn and expired ones are refused at each request.

The connection has verified that the authority signed it. What a connection cannot know is looked at here, for
every protocol alike: whether it has been withdrawn, or has expired, since.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

from headrace.errors import SpecError, Unauthenticated
from headrace.extras import load
from headrace.gateway.identity import Identity
from headrace.gateway.security.scopes import Scopes
from headrace.spec.security import TlsSpec
from headrace.wire.watched import Watched

REMEMBERED = 1024
HELP = 'use a certificate that is valid; `headrace certs` makes them'

Withdrawn = frozenset[tuple[bytes, int]]
"""Certificates, each by its issuer and serial number."""


class Read(NamedTuple):
    """What counts of a certificate; times are seconds since 1970."""

    identity: Identity
    issued: tuple[bytes, int]
    begins: float
    ends: float


class Revocations(NamedTuple):
    """The certificates that an authority has withdrawn, and until when the list counts."""

    withdrawn: Withdrawn = frozenset()
    ends: float = float('inf')


class Certificates:
    """Knows clients by their certificates; the list of withdrawn ones is read again when it changes."""

    def __init__(self, spec: TlsSpec) -> None:
        self._x509 = load('cryptography.x509', extra='auth')
        self._spec = spec
        self._known: OrderedDict[bytes, Read] = OrderedDict()
        self._revoked: Watched[Revocations] | None = None
        if spec.revoked:
            files = (spec.revoked, spec.authority)
            self._revoked = Watched(files, lambda: self._revocations(spec))

    @property
    def are_required(self) -> bool:
        """Whether who shows none is refused."""
        return self._spec.client == 'required'

    def identity(self, certificate: bytes, host: str) -> Identity:
        """Whose certificate this is; Unauthenticated if it is not valid (any more)."""
        known = self._known.get(certificate) or self._remember(certificate)
        now = time.time()
        revoked = self._revoked.now() if self._revoked is not None else Revocations()
        if now >= revoked.ends:
            raise Unauthenticated(
                'the list of withdrawn certificates is out of date, so no certificate can be trusted',
                help='whoever runs this gateway has to renew it: headrace certs --renew',
            )
        if known.issued in revoked.withdrawn:
            raise Unauthenticated('the client certificate has been withdrawn', help=HELP)
        if not known.begins <= now < known.ends:
            raise Unauthenticated('the client certificate is not valid at this time', help=HELP)
        return known.identity._replace(host=host)

    def _remember(self, data: bytes) -> Read:
        known = self._known[data] = self._read(data)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known

    def _read(self, data: bytes) -> Read:
        x509 = self._x509
        try:
            parsed = x509.load_der_x509_certificate(data)
            names = _names(parsed, x509)
        except ValueError:
            raise Unauthenticated('the client certificate cannot be read', help=HELP) from None
        if not names:
            raise Unauthenticated('the client certificate has no name', help=HELP)
        identity = Identity(f'certificate:{names[0]}', names[0], 'certificate', scopes=self._scopes(names))
        return Read(
            identity,
            (parsed.issuer.public_bytes(), parsed.serial_number),
            parsed.not_valid_before_utc.timestamp(),
            parsed.not_valid_after_utc.timestamp(),
        )

    def _scopes(self, names: tuple[str, ...]) -> Scopes:
        """What a certificate may call: all that any of its names may."""
        given = self._spec.scopes
        if not given:
            return Scopes()
        fitting = [scopes for pattern, scopes in given.items() if any(map(Scopes([pattern]).allows, names))]
        return Scopes(endpoint for scopes in fitting for endpoint in scopes)

    def _revocations(self, spec: TlsSpec) -> Revocations:
        """The list in a file, if the authority has signed it."""
        x509 = self._x509
        try:
            authorities = x509.load_pem_x509_certificates(Path(spec.authority).read_bytes())
            listed = x509.load_pem_x509_crl(Path(spec.revoked).read_bytes())
        except (OSError, ValueError) as error:
            raise SpecError(
                f'gateway.security.tls.revoked: {spec.revoked!r} cannot be read: {error}'
            ) from None
        if not any(_signed(listed, each) for each in authorities):
            raise SpecError(
                f'gateway.security.tls.revoked: {spec.revoked!r} is not signed by the authority',
                help='take the list that this authority has made',
            )
        issuer, until = listed.issuer.public_bytes(), listed.next_update_utc
        return Revocations(
            frozenset((issuer, each.serial_number) for each in listed),
            float('inf') if until is None else until.timestamp(),
        )


def _signed(listed: Any, authority: Any) -> bool:
    return bool(listed.issuer == authority.subject and listed.is_signature_valid(authority.public_key()))


def _names(certificate: Any, x509: Any) -> tuple[str, ...]:
    """The common name of a certificate, and its alternative names."""
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    names = [str(each.value) for each in common]
    try:
        also = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        also = ()
    names += [each.value for each in also if isinstance(each.value, str)]
    return tuple(dict.fromkeys(filter(None, names)))

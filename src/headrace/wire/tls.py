"""Files of certificates in, TLS contexts out that are always made of what the files hold now."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from headrace.errors import SpecError
from headrace.wire.watched import Watched

Contexts = Watched[ssl.SSLContext]
"""Contexts for connections: `now()` has the one for the next."""

GATEWAY_NAME = 'gateway.headrace.internal'
WORKER_NAME = 'worker.headrace.internal'
"""The names by which gateways and workers know each other, wherever they run."""


class CertificateFiles(NamedTuple):
    """The names of PEM files: a certificate (with its chain), its key, and the authority that peers have."""

    certificate: str
    key: str
    authority: str = ''


def server_contexts(
    files: CertificateFiles,
    *,
    ask: ssl.VerifyMode = ssl.CERT_NONE,
    alpn: tuple[str, ...] = (),
    peer: type[ssl.SSLObject] = ssl.SSLObject,
) -> Contexts:
    """Contexts for who accepts connections; `ask` says whether the peer has to show a certificate too.

    `peer` makes the handshake, and may refuse who has shown it.
    """

    def load() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _fill(context, files)
        context.verify_mode = ask
        context.sslobject_class = peer
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    return Watched([file for file in files if file], load)


def client_contexts(files: CertificateFiles) -> Contexts:
    """Contexts for who connects to a peer whose certificate is of the same authority."""

    def load() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _fill(context, files)
        return context

    return Watched([file for file in files if file], load)


def worker_contexts(files: CertificateFiles) -> Contexts:
    """Contexts for a worker, who serves gateways only."""
    return server_contexts(files, ask=ssl.CERT_REQUIRED, peer=_Gateway)


class _Gateway(ssl.SSLObject):
    """The handshake with a peer that has to be a gateway: one authority signs for several roles."""

    def do_handshake(self) -> None:
        super().do_handshake()
        shown = self.getpeercert() or {}
        if ('DNS', GATEWAY_NAME) not in shown.get('subjectAltName', ()):
            raise ssl.SSLCertVerificationError(f'the certificate of the peer is not for {GATEWAY_NAME}')


def _fill(context: ssl.SSLContext, files: CertificateFiles) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
        if files.authority:
            context.load_verify_locations(files.authority)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        listed = ', '.join(repr(file) for file in files if file)
        raise SpecError(
            f'TLS: {_why(error)} ({listed})', help='PEM files; `headrace certs` makes some for development'
        ) from None


def _no_password() -> str:
    raise ValueError('the private key has a password, which nobody could type in')


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f'certificate, key or authority cannot be used: {error.reason or error}'
    return str(getattr(error, 'strerror', None) or error)

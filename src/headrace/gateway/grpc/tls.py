"""The certificates of a gateway in, the credentials of its gRPC server out."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import grpc

from headrace.errors import StartError
from headrace.spec.security import TlsSpec
from headrace.wire.watched import Watched

Configuration = grpc.ServerCertificateConfiguration  # type: ignore[attr-defined,unused-ignore]


def server_credentials(tls: TlsSpec) -> grpc.ServerCredentials:
    """Credentials that follow their files: renewed certificates count from the next connection on.

    Clients that have to show a certificate are asked for one; others are not, as gRPC cannot leave the choice
    to them. StartError for files that cannot be used.
    """
    files = [tls.certificate, tls.key, *([tls.authority] if tls.authority else [])]
    try:
        watched = Watched(files, lambda: _configuration(tls))
        first = current = watched.now()
    except (OSError, ValueError) as error:
        raise StartError(
            f'the certificate of the gRPC port cannot be used: {error}',
            help='security.tls of the gateway names PEM files: `certificate` with its chain, and its `key`',
        ) from error

    def renewed() -> Any:
        nonlocal current
        found = watched.now()
        if found is current:
            return None
        current = found
        return found

    return grpc.dynamic_ssl_server_credentials(
        first, renewed, require_client_authentication=tls.client == 'required'
    )


def _configuration(tls: TlsSpec) -> Configuration:
    """What gRPC takes; OSError if a file cannot be read, or the key is not that of the certificate."""
    chain, key = Path(tls.certificate).read_bytes(), Path(tls.key).read_bytes()
    checked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    checked.load_cert_chain(tls.certificate, tls.key, password='')  # ours ask nobody for a password
    authority = None
    if tls.client == 'required':
        checked.load_verify_locations(tls.authority)
        authority = Path(tls.authority).read_bytes()
    return grpc.ssl_server_certificate_configuration([(key, chain)], root_certificates=authority)

"""The certificates of a gateway in, the credentials of its gRPC server out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from headrace.errors import SpecError
from headrace.spec.security import TlsSpec
from headrace.wire.tls import CertificateFiles, server_contexts
from headrace.wire.watched import Watched


def server_credentials(tls: TlsSpec) -> grpc.ServerCredentials:
    """Credentials that follow their files: renewed certificates count from the next connection on.

    Clients are asked for none: where they show some, a `Relay` has the port. SpecError for unusable files.
    """
    files = CertificateFiles(tls.certificate, tls.key)
    try:
        watched = Watched([file for file in files if file], lambda: _configuration(files))
    except SpecError as error:
        raise SpecError(f'gateway.security.tls: {error.message}', help=error.help) from None
    current = watched.now()

    def renewed() -> Any:
        """What gRPC asks before each handshake: None is no change."""
        nonlocal current
        before, current = current, watched.now()
        return None if current is before else current

    return grpc.dynamic_ssl_server_credentials(current, renewed)


def _configuration(files: CertificateFiles) -> Any:
    """What gRPC takes, once OpenSSL has found it in order: gRPC itself would only fail each handshake."""
    server_contexts(files)
    chain, key = Path(files.certificate).read_bytes(), Path(files.key).read_bytes()
    return grpc.ssl_server_certificate_configuration([(key, chain)])

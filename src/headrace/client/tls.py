"""Certificates as files in, what Python's own encrypted connections want out."""

from __future__ import annotations

import os
import ssl

from headrace.client.address import Tls
from headrace.errors import SpecError


def ssl_context(tls: Tls) -> ssl.SSLContext:
    """The context of connections; SpecError for files that are no certificates."""
    for path in (tls.authority, tls.certificate, tls.key):
        if path is not None and not os.path.exists(path):
            raise SpecError(
                f'{path} cannot be read: there is no such file', help='give the path of a PEM file'
            )
    try:
        context = ssl.create_default_context(cafile=tls.authority)
        if tls.certificate is not None:
            context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        raise SpecError(f'the certificates cannot be used: {error}', help='give paths of PEM files') from None
    return context


def _no_password() -> str:
    raise SpecError('the private key is encrypted', help='give one without a passphrase')

"""A listening socket in; out, the connections of a door, over TLS if the gateway's spec says so."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from headrace.errors import SpecError, Unauthenticated
from headrace.gateway.entrance import Entrance
from headrace.pipeline.context import new_request_id
from headrace.spec.security import WorkerTlsSpec
from headrace.wire.address import Listening
from headrace.wire.handshake import TlsListener
from headrace.wire.tls import CertificateFiles, Contexts, client_contexts, server_contexts

BACKLOG = 2048
ALPN = ('http/1.1',)
"""What is spoken at a door, unless it says otherwise."""

_PROBLEM = (
    b'{"title":"Bad Request","status":400,"detail":"this port is for TLS, and the request came without",'
    b'"help":"write https:// (or wss://) in place of http:// (or ws://)"}'
)
WITHOUT_TLS = (
    b'HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\nconnection: close\r\n'
    b'x-content-type-options: nosniff\r\ncontent-length: %d\r\n\r\n%b' % (len(_PROBLEM), _PROBLEM)
)
"""The answer to who speaks HTTP where TLS is spoken."""

_log = logging.getLogger('headrace.gateway')


async def accepting(
    entrance: Entrance,
    listening: socket.socket,
    protocol: Callable[[], Any],
    *,
    alpn: tuple[str, ...] = ALPN,
) -> Listening:
    """Accept connections, over TLS if the gateway's spec says so, and give each a `protocol`.

    Clients are asked for a certificate where the spec says so. One that an unknown authority has signed ends
    the handshake; who shows none gets an answer, and is refused in it. Raises SpecError for files that cannot
    be used.
    """
    tls = entrance.spec.security.tls
    if tls is None:
        loop = asyncio.get_running_loop()
        return await loop.create_server(protocol, sock=listening, backlog=BACKLOG)
    files = CertificateFiles(tls.certificate, tls.key, tls.authority if tls.client != 'none' else '')
    ask = ssl.CERT_NONE if tls.client == 'none' else ssl.CERT_OPTIONAL
    try:
        contexts = server_contexts(files, ask=ask, alpn=alpn)
    except SpecError as error:
        listening.close()
        raise SpecError(f'gateway.security.tls: {error.message}', help=error.help) from None

    def on_refused(host: str, error: ssl.SSLError) -> None:
        if not isinstance(error, ssl.SSLCertVerificationError):
            _log.debug('a TLS handshake with %s failed: %s', host, error)
            return
        refusal = Unauthenticated(f'the client certificate is not accepted: {error.verify_message}')
        entrance.refused(refusal, None, protocol='tls', endpoint='', request_id=new_request_id(), host=host)

    listening.listen(BACKLOG)
    plain = WITHOUT_TLS if alpn == ALPN else b''
    return TlsListener(listening, contexts, protocol, on_refused=on_refused, plain=plain)


def towards_workers(workers: WorkerTlsSpec | None) -> Contexts | None:
    """The contexts of a gateway that calls workers over TCP; None where they listen on Unix sockets.

    Raises SpecError for files that cannot be used.
    """
    if workers is None:
        return None
    files = CertificateFiles(workers.gateway_certificate, workers.gateway_key, workers.authority)
    try:
        return client_contexts(files)
    except SpecError as error:
        raise SpecError(f'gateway.security.workers: {error.message}', help=error.help) from None


def certificate_of(transport: asyncio.BaseTransport) -> bytes:
    """The certificate that the other end of a connection has shown, in DER form; b'' if none."""
    connection = transport.get_extra_info('ssl_object')
    return b'' if connection is None else connection.getpeercert(binary_form=True) or b''

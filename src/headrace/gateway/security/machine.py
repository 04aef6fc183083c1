"""The address that a gateway listens at in; out, the names and addresses by which clients will call it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from headrace.spec.exposure import is_loopback

EVERYWHERE = ('0.0.0.0', '::')
_ELSEWHERE = ((socket.AF_INET, '192.0.2.1'), (socket.AF_INET6, '2001:db8::1'))
"""Addresses of documentation (RFC 5737, 3849): to connect a UDP socket there sends nothing."""


def names_of(host: str) -> tuple[str, ...]:
    """Names and addresses for the certificate of a gateway, beside those that always mean this machine.

    >>> names_of('127.0.0.1'), names_of('10.0.0.7')
    ((), ('10.0.0.7',))
    """
    if is_loopback(host):
        return ()
    if host not in EVERYWHERE:
        return (host,)
    return tuple(dict.fromkeys(name for name in _own() if not is_loopback(name)))


def _own() -> Iterator[str]:
    """The name of this machine, and the addresses that the name and the ways out have."""
    name = socket.gethostname()
    yield name
    try:
        for *_, address in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM):
            yield _bare(str(address[0]))
    except OSError:
        pass  # a name that nobody looks up
    for family, elsewhere in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, 9))
                yield _bare(str(probe.getsockname()[0]))
        except OSError:
            continue  # there is no way out over this family


def _bare(address: str) -> str:
    """An address without the interface that it is at."""
    return address.partition('%')[0]

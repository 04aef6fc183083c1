"""A folder in; out, all that a gateway needs to be safe to open: certificates, a key, and how to name them.

`headrace run --secure` makes it with the first use, for development and for a first service; each of its
parts is a file that can be replaced by one from elsewhere.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from headrace.gateway.security import keys
from headrace.gateway.security.authority import Authority
from headrace.spec.security import SecuritySpec, TlsSpec

HOSTS = ('localhost', '127.0.0.1', '::1')
KEYS, AUDIT = 'keys.json', 'audit.log'
FIRST = 'first'
"""The name of the key that is made with the folder."""


class Secured(NamedTuple):
    """A folder that is ready: the settings that use it, and its first key if it was just made ('' if not)."""

    security: SecuritySpec
    key: str


def secure(folder: Path, given: SecuritySpec, *, hosts: Iterable[str] = ()) -> Secured:
    """Make what is missing in a folder, and settings that use it where `given` has none of its own."""
    authority = Authority(folder)
    _hide(folder)
    known_as = (*HOSTS, socket.gethostname(), *hosts)
    make_missing(authority, known_as, ())
    if given.tls is None:
        authority.cover('server', known_as)
    key = ''
    if not (folder / KEYS).exists():
        key, kept = keys.new_key(FIRST)
        keys.add(folder / KEYS, kept)
    return Secured(
        SecuritySpec(
            keys=given.keys or str(folder / KEYS),
            jwt=given.jwt,
            tls=given.tls or _tls(authority),
            workers=given.workers,
            anonymous=given.anonymous,
            failures_per_minute=given.failures_per_minute,
            audit=given.audit or str(folder / AUDIT),
        ),
        key,
    )


def make_missing(authority: Authority, hosts: Iterable[str], clients: Iterable[str]) -> list[Path]:
    """Certificates for a server, workers, gateways and clients that have none that counts; their files."""
    made = []
    known = {name for name in authority.names if not authority.is_withdrawn(name)}
    if 'server' not in known:
        made.append(authority.issue('server', 'server', hosts=dict.fromkeys(hosts)))
    made += [authority.issue(role, role) for role in ('worker', 'gateway') if role not in known]
    made += [authority.issue(name, 'client') for name in clients if name not in known]
    return made


def _tls(authority: Authority) -> TlsSpec:
    return TlsSpec(
        certificate=str(authority.certificate_file('server')),
        key=str(authority.key_file('server')),
        authority=str(authority.certificate_file('ca')),
    )


def _hide(folder: Path) -> None:
    """Keep what is secret out of repositories."""
    ignored = folder / '.gitignore'
    if not ignored.exists():
        ignored.write_text('*\n', encoding='utf-8')

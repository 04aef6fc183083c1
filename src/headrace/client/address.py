"""Where a gateway is, from what a user writes: a URL, or host, port and protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from headrace.errors import SpecError
from headrace.spec.suggest import did_you_mean

Protocol = Literal['grpc', 'http', 'websocket']

_SCHEMES: dict[str, tuple[Protocol, bool]] = {
    'grpc': ('grpc', False),
    'grpcs': ('grpc', True),
    'http': ('http', False),
    'https': ('http', True),
    'ws': ('websocket', False),
    'wss': ('websocket', True),
    'websocket': ('websocket', False),
}

_SCHEME_OF: dict[Protocol, str] = {'grpc': 'grpc', 'http': 'http', 'websocket': 'ws'}


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Certificates of an encrypted connection, as paths of PEM files.

    `authority` is what the server's certificate must be signed by (default: the authorities that the system
    trusts). `certificate` and `key` are shown to a server that asks for the client's own. `server_name` is
    the name that the server's certificate has to have, where that is not the host of the address.
    """

    authority: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise SpecError('a certificate and its key belong together', help='give both, or neither')


@dataclass(frozen=True)
class Address:
    """One gateway's protocol, host, port, and how the connection is encrypted (None: not at all)."""

    protocol: Protocol
    host: str
    port: int
    tls: Tls | None = None

    @property
    def authority(self) -> str:
        """`host:port`, as gRPC and URLs want it.

        >>> Address('grpc', '::1', 8080).authority
        '[::1]:8080'
        """
        host = f'[{self.host}]' if ':' in self.host else self.host
        return f'{host}:{self.port}'

    @property
    def http_url(self) -> str:
        """The address for plain HTTP, which a WebSocket begins as."""
        return f'http{"s" if self.tls else ""}://{self.authority}'

    def __str__(self) -> str:
        return f'{_SCHEME_OF[self.protocol]}{"s" if self.tls else ""}://{self.authority}'


def parse(
    host: str, port: int | None = None, protocol: str | None = None, tls: bool | Tls = False
) -> Address:
    """What a user writes as an address; SpecError if it names no place, or two.

    >>> str(parse('grpc://127.0.0.1:1234'))
    'grpc://127.0.0.1:1234'
    >>> str(parse('localhost', 8080, 'http'))
    'http://localhost:8080'
    >>> str(parse('wss://shop.example'))
    'wss://shop.example:443'
    """
    scheme, name, found = _split(host)
    if scheme and protocol and _protocol(protocol)[0] != _protocol(scheme)[0]:
        raise SpecError(
            f'host={host!r} and protocol={protocol!r} contradict each other', help='give one of them'
        )
    if port and found and port != found:
        raise SpecError(f'host={host!r} and port={port} contradict each other', help='give one of them')
    kind, is_secure = _protocol(scheme or protocol or 'grpc')
    number = port or found or (None if kind == 'grpc' else 443 if is_secure else 80)
    if number is None:
        raise SpecError(f'no port in host={host!r}', help="write Client('grpc://host:port') or port=...")
    if not 0 < number < 65536:
        raise SpecError(f'{number} is not a port', help='ports go from 1 to 65535')
    secured = tls if isinstance(tls, Tls) else Tls() if tls or is_secure else None
    return Address(kind, name, number, secured)


def _split(host: str) -> tuple[str, str, int | None]:
    """Scheme ('' if none), name and port of a host as written."""
    try:
        parts = urlsplit(host if '://' in host else f'//{host}')
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise SpecError(f'{host!r} is not an address: {error}', help="write 'grpc://host:port'") from None
    if parts.username or parts.password:  # not shown: it may be a secret
        raise SpecError(
            f'the address of {name} has a name or password in it',
            help='give api_key=... or token=... instead',
        )
    if not name or parts.path.strip('/') or parts.query:
        raise SpecError(f'{host!r} is not an address', help="write 'grpc://host:port' or 'http://host:port'")
    return parts.scheme, '127.0.0.1' if name == '0.0.0.0' else name, port


def _protocol(word: str) -> tuple[Protocol, bool]:
    found = _SCHEMES.get(word.lower())
    if found is None:
        raise SpecError(
            f'{word!r} is not a protocol of the client', help=did_you_mean(word, _SCHEMES, noun='protocols')
        )
    return found

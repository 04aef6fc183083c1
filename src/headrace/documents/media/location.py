"""An http or https address in; host, port and path out, as every part of the way will read them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from headrace.documents.media.address import shown
from headrace.errors import Forbidden, RequestError

_PORTS = {'http': 80, 'https': 443}
_LONGEST = 8192
_KEPT = "/%:@!$&'()*+,;=~"


class Location(NamedTuple):
    """Where an address leads; `target` is the path with its query, as a server is asked for it."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What stands in the Host header."""
        host = f'[{self.host}]' if ':' in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f'{host}:{self.port}'

    def is_in(self, other: Location) -> bool:
        """Whether it is at the same server, and its path begins as the other's does."""
        if self[:3] != other[:3]:
            return False
        path, folder = unquote(self.target.partition('?')[0]), unquote(other.target)
        if '..' in path.split('/') or '\\' in path:
            return False
        return path == folder or path.startswith(f'{folder.removesuffix("/")}/')


def located(uri: str) -> Location:
    """Read an http or https URI in one way only: what others could read differently is refused.

    RequestError for what is no address, Forbidden for one with a name and a password in it.

    >>> located('http://Example.org:8080/a.png?size=1#top')
    Location(scheme='http', host='example.org', port=8080, target='/a.png?size=1')
    """
    if len(uri) > _LONGEST or any(char <= ' ' or char in '\\\x7f' for char in uri):
        raise RequestError(
            f'{shown(uri)} is too long, or has a space, a backslash or a control character',
            help='write them as %20, %5C and so on',
        )
    try:
        parts = urlsplit(uri)
        port, host = parts.port, parts.hostname or ''
        if not host.isascii():
            host = host.encode('idna').decode()
        host.encode('idna')  # labels that are empty or too long
    except (ValueError, UnicodeError) as error:
        raise RequestError(f'{shown(uri)} is no address: {error}') from error
    if '@' in parts.netloc:
        raise Forbidden(
            'an address with a name or password in it is not opened', help='take out what is before the @'
        )
    if parts.scheme not in _PORTS or not host or '%' in host:
        raise RequestError(f'{shown(uri)} is no address of a host', help='write https://host/path')
    target = quote(parts.path or '/', safe=_KEPT)
    if parts.query:
        target += f'?{quote(parts.query, safe=_KEPT + "?")}'
    return Location(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, target)

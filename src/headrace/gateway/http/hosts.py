"""The Host that a request names in, nothing out; or Forbidden for a name that a page has lent this address.

Who owns a domain can let its name mean 127.0.0.1 for a moment (DNS rebinding): for a browser, this gateway is
then the page's own server, and the page may send and read whatever it likes.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from headrace.errors import Forbidden
from headrace.gateway.entrance import Entrance
from headrace.spec import environment
from headrace.spec.exposure import is_loopback

MOST = 64
"""Names that are remembered; more are looked at each time."""


class Hosts:
    """Knows by what names a gateway can be asked for that is reached on this machine alone, and asks nobody.

    Addresses, names without a dot, those below `localhost`, and those of the origins in `cors`: none of these
    can be lent. Elsewhere (`is_needed`) a proxy, or who has to show a key, is asked for by any name; so is a
    gateway whose `cors` is everybody, unless this is not for pages of others at all (`for_pages` is false).
    In a container it listens everywhere, and HEADRACE_PUBLISHED says where that is reached.
    """

    def __init__(self, entrance: Entrance, *, for_pages: bool = True) -> None:
        spec = entrance.spec
        for_all = for_pages and '*' in spec.cors
        published = environment.read().published
        is_open = spec.insecure and not published
        is_asked = entrance.guard is not None or is_open or bool(spec.trusted_proxies)
        self.is_needed = not is_asked and is_loopback(published or spec.host) and not for_all
        self.known: set[bytes | None] = {None}
        self._allowed = frozenset(_name_of(urlsplit(origin).netloc) for origin in spec.cors)

    def check(self, host: bytes) -> None:
        """Remember a name that is good; Forbidden for another."""
        name = _name_of(host.decode('latin1'))
        if not (_is_own(name) or name in self._allowed):
            raise Forbidden(
                f'this gateway serves its own machine, and is asked for as {name[:100]!r}',
                help='ask for localhost, or put the origin into cors, or the proxy into trusted_proxies, of '
                'the gateway',
            )
        if len(self.known) < MOST:
            self.known.add(host)


def _name_of(authority: str) -> str:
    """The name in what stands before a path: without a port, in lower case.

    >>> _name_of('Shop.example:8080'), _name_of('[::1]:80'), _name_of('localhost.')
    ('shop.example', '::1', 'localhost')
    """
    if authority.startswith('['):
        return authority[1:].partition(']')[0]
    return authority.partition(':')[0].rstrip('.').lower()


def _is_own(name: str) -> bool:
    if '.' not in name and ':' not in name:
        return True
    if name.endswith('.localhost'):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True

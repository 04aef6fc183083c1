"""The addresses of proxies whose word is taken in; whether a host is one of them out."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from headrace.errors import SpecError


class Proxies:
    """Proxies in front of a gateway, which stand for many clients; SpecError for what is no network.

    >>> '10.0.0.7' in Proxies(['10.0.0.0/8']), '203.0.113.7' in Proxies(['10.0.0.0/8'])
    (True, False)
    """

    __slots__ = ('_networks',)

    def __init__(self, trusted: Iterable[str]) -> None:
        self._networks = [_network(text) for text in trusted]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, host: str) -> bool:
        if not self._networks or not is_address(host):
            return False
        address = ip_address(host)
        return any(address.version == network.version and address in network for network in self._networks)


def is_address(text: str) -> bool:
    """Whether a text is an address, and not a name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        raise SpecError(
            f'gateway.trusted_proxies: {text!r} is no address and no network',
            help='for example 10.0.0.7 or 10.0.0.0/8',
        ) from None
